# SPDX-License-Identifier: Apache-2.0
"""Sends a message by SMTP (RFC 5321) with STARTTLS (RFC 3207) or TLS, to addresses that may be called.

Its Message-ID is the same at every try, and each names its thread in References (RFC 5322, 3.6.4), so that mail
programs show one thread a case, and one message however often it came.
"""

import smtplib
import socket
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

import httpcore

from tidegate.bounds import printable
from tidegate.curation.feedback.channel import Channel, Security, check_address
from tidegate.errors import TidegateError
from tidegate.outbound.guarded import Resolve, resolve
from tidegate.outbound.reach import ForbiddenAddressError, Reach
from tidegate.values import Struct

MAX_PROBLEM_CHARS: Final = 500
_MAX_SUBJECT_CHARS: Final = 200
_PERMANENT: Final = range(500, 600)


class Letter(Struct, frozen=True, kw_only=True):
    """What is sent.

    Attributes:
        message: its id; `threads` those it belongs to.
        at: the moment it was written, the same at every try.
    """

    message: str
    threads: tuple[str, ...]
    to: str
    subject: str
    text: str
    html: str
    at: datetime


class Mailed(Struct, frozen=True, kw_only=True):
    """What a mail server said.

    Attributes:
        problem: why it did not take it; "" when it did.
        for_ever: it says that trying again is of no use.
    """

    problem: str = ""
    for_ever: bool = False


class Mailer:
    """Sends.

    Args:
        reach: addresses that may be called.
        tls: which servers are trusted; None for the system's authorities.
        seconds: to wait for each answer.
        look_up: finds addresses.
    """

    def __init__(
        self, reach: Reach, *, tls: ssl.SSLContext | None = None, seconds: float = 15.0, look_up: Resolve = resolve
    ) -> None:
        self._reach = reach
        self._tls = tls
        self._seconds = seconds
        self._look_up = look_up

    def send(self, channel: Channel, password: str, letter: Letter) -> Mailed:
        """Hands a letter to a channel's server; nothing that fails is raised."""
        try:
            content = written(channel, letter)
            with self._open(channel) as server:
                server.ehlo_or_helo_if_needed()
                if channel.security is Security.STARTTLS:
                    server.starttls(context=self._context())
                    server.ehlo()
                if channel.user:
                    server.login(channel.user, password)
                server.send_message(content, from_addr=channel.sender, to_addrs=[letter.to])
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            return _refused(code, said)
        except smtplib.SMTPResponseException as error:
            # A login may be refused for a while; only what is said of the message itself is for ever.
            said_of_it = not isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPConnectError)
            return _refused(error.smtp_code, error.smtp_error, of_message=said_of_it)
        except TidegateError as error:
            return Mailed(problem=str(error)[:MAX_PROBLEM_CHARS])
        except (smtplib.SMTPException, OSError, httpcore.ConnectError, ValueError) as error:
            # A ValueError: what the server sent cannot be read as an answer of SMTP.
            return Mailed(
                problem=printable(f"{channel.host}: {str(error) or type(error).__name__}")[:MAX_PROBLEM_CHARS]
            )
        return Mailed()

    def _open(self, channel: Channel) -> smtplib.SMTP:
        wraps = self._context() if channel.security is Security.TLS else None
        address = self._address(channel)
        return _Connected(channel.host, channel.port, address, wraps, self._seconds)

    def _address(self, channel: Channel) -> str:
        """The first that may be called: what is checked is what is called."""
        found = self._look_up(channel.host, channel.port)
        for address in found:
            if self._reach.permits(address, channel.port):
                return address
        raise ForbiddenAddressError(channel.host, found)

    def _context(self) -> ssl.SSLContext:
        return self._tls or ssl.create_default_context()


class _Connected(smtplib.SMTP):
    """A session with a server at an address that was checked; its certificate must be for the name."""

    def __init__(self, host: str, port: int, address: str, wraps: ssl.SSLContext | None, seconds: float) -> None:
        self._address = address
        self._wraps = wraps
        super().__init__(host, port, timeout=seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = socket.create_connection((self._address, port), timeout)
        if self._wraps is None:
            return plain
        try:
            return self._wraps.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise


def written(channel: Channel, letter: Letter) -> EmailMessage:
    """A letter as RFC 5322 has it: plain text, and the same as simple HTML.

    Raises:
        InvalidInputError: an address is none.
    """
    check_address(letter.to)
    domain = channel.sender.rpartition("@")[2]
    content = EmailMessage(policy=SMTP)
    content["From"] = channel.sender
    content["To"] = letter.to
    content["Subject"] = printable(letter.subject)[:_MAX_SUBJECT_CHARS]
    content["Date"] = format_datetime(letter.at)
    content["Message-ID"] = f"<{letter.message}@{domain}>"
    if letter.threads:
        content["References"] = " ".join(f"<thread.{one}@{domain}>" for one in letter.threads)
    content["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notices, please
    content.set_content(letter.text)
    content.add_alternative(letter.html, subtype="html")
    return content


def _refused(code: int, said: bytes | str, *, of_message: bool = True) -> Mailed:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    problem = printable(f"the mail server answered {code} {text}".replace("\r\n", " ").replace("\n", " "))
    return Mailed(problem=problem[:MAX_PROBLEM_CHARS], for_ever=of_message and code in _PERMANENT)
