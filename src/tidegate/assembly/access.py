# SPDX-License-Identifier: Apache-2.0
"""Who is let in, from settings: the access token, principals kept here, issuers, certificates, tokens."""

from datetime import timedelta
from pathlib import Path
from typing import Final

from tidegate.bounds import KIB, read_bounded
from tidegate.clock import Clock
from tidegate.errors import InvalidInputError, OutsideError, UsageError
from tidegate.identity import Access, AccessToken
from tidegate.identity.certificate import ClientCertificates
from tidegate.identity.directory import Directory
from tidegate.identity.federation import Federation
from tidegate.identity.issuer_file import load_issuers
from tidegate.identity.throttle import Throttle
from tidegate.identity.token import Lifetimes, TokenKey, Tokens
from tidegate.outbound import Outbound, OutboundOptions
from tidegate.settings import IdentitySettings, Settings

_MAX_FILE_BYTES: Final = 512 * KIB


def build_access(settings: Settings, directory: Directory, throttle: Throttle, clock: Clock) -> Access:
    """Reads what the settings name; makes the token key on first use.

    Raises:
        TidegateError: something cannot be read or is wrong.
    """
    file = settings.server.access_token_file
    return Access(
        AccessToken.load(file) if file else None,
        directory=directory,
        tokens=build_tokens(settings.identity, clock),
        voucher=_federation(settings, settings.identity.issuers_file, clock),
        certificates=_certificates(settings.identity, clock),
        throttle=throttle,
        clock=clock,
    )


def build_tokens(said: IdentitySettings, clock: Clock) -> Tokens:
    """What makes and reads this server's own tokens.

    Raises:
        TidegateError: the key cannot be read, made or is wrong.
    """
    lifetimes = Lifetimes(
        access=timedelta(minutes=said.token_minutes),
        session=timedelta(minutes=said.session_minutes),
        refresh=timedelta(days=said.refresh_days),
    )
    return Tokens(TokenKey.load(said.token_key_file), service=said.service, clock=clock, lifetimes=lifetimes)


def _federation(settings: Settings, file: Path | None, clock: Clock) -> Federation | None:
    if file is None:
        return None
    try:
        with file.open("rb") as source:
            text = read_bounded(source, max_bytes=_MAX_FILE_BYTES, what=str(file)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError("is not UTF-8", where=str(file)) from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(file)) from error
    return Federation(load_issuers(text, file=str(file)), _hasty(settings), clock=clock)


def _hasty(settings: Settings) -> Outbound:
    """Calls that somebody waits for who wants to log in."""
    said = settings.outbound
    return Outbound(
        OutboundOptions(
            connect_timeout_s=min(said.connect_timeout_s, 5.0),
            read_timeout_s=min(said.read_timeout_s, 5.0),
            total_timeout_s=min(said.total_timeout_s, 10.0),
            max_attempts=2,
            max_wait_s=1.0,
            ca_file=said.ca_file,
            proxy=said.proxy,
        )
    )


def _certificates(said: IdentitySettings, clock: Clock) -> ClientCertificates | None:
    if not said.certificate_header:
        return None
    if said.proxy_secret_file is None or not said.trusted_proxies:
        raise UsageError(
            "a header with certificates needs to know its proxy",
            where="identity.certificate_header",
            remedy="set identity.trusted_proxies and identity.proxy_secret_file",
        )
    return ClientCertificates.load(said.proxy_secret_file, said.client_ca_file, clock=clock)
