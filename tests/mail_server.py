# SPDX-License-Identifier: Apache-2.0
"""A mail server on the loopback that keeps what it gets: aiosmtpd, with STARTTLS or TLS and a login where wanted."""

import ssl
import threading
from asyncio import Server
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class MailServer:
    """Started and stopped with the block.

    Args:
        tls: its certificate; None for a server without.
        implicit: TLS from the first byte, instead of by STARTTLS.
        login: user and password that must be shown; None for anybody.
        refuses: answers to messages, in turn: "" to take one.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        login: tuple[str, str] | None = None,
        refuses: list[str] | None = None,
    ) -> None:
        self.got: list[tuple[list[str], EmailMessage]] = []
        self.grown = threading.Condition()
        self._refuses = list(refuses or [])
        options: dict[str, Any] = {"enable_SMTPUTF8": False}
        if login is not None:
            options |= {"auth_required": True, "authenticator": _only(login), "auth_require_tls": tls is not None}
        if tls is not None and not implicit:
            options |= {"tls_context": tls, "require_starttls": True}
        context = tls if implicit else None
        self._controller = _Controller(
            self, hostname="127.0.0.1", port=0, ssl_context=context, ready_timeout=60, **options
        )

    def __enter__(self) -> Self:
        self._controller.start()
        self.port = self._controller.port
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    async def handle_DATA(  # noqa: N802 - the name aiosmtpd calls
        self, _server: SMTP, _session: Any, envelope: Any
    ) -> str:
        """Keeps a message."""
        if self._refuses and (answer := self._refuses.pop(0)):
            return answer
        read = message_from_bytes(envelope.content, policy=policy.default)
        with self.grown:
            self.got.append((list(envelope.rcpt_tos), read))
            self.grown.notify_all()
        return "250 OK"

    def wait_for(self, number: int, *, seconds: float = 240) -> list[EmailMessage]:
        """That many messages."""
        with self.grown:
            assert self.grown.wait_for(lambda: len(self.got) >= number, seconds), self.subjects()
        return [message for _, message in self.got]

    def subjects(self) -> list[str]:
        """Of all that came."""
        return [str(message["Subject"]) for _, message in self.got]


class _Controller(Controller):
    """One that listens on whatever port is free."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, Server)
        self.port = int(self.server.sockets[0].getsockname()[1])
        super()._trigger_server()  # type: ignore[no-untyped-call]


def text_of(message: EmailMessage) -> str:
    """What a message says in plain text."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def _only(login: tuple[str, str]) -> Any:
    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        shown = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else None
        return AuthResult(success=shown == login, handled=False)

    return check
