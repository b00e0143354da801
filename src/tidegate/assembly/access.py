# SPDX-License-Identifier: Apache-2.0
"""Who is let in, from settings: the access token, principals kept here, tokens."""

from datetime import timedelta

from tidegate.clock import Clock
from tidegate.identity import Access, AccessToken
from tidegate.identity.directory import Directory
from tidegate.identity.token import Lifetimes, TokenKey, Tokens
from tidegate.settings import IdentitySettings, Settings


def build_access(settings: Settings, directory: Directory, clock: Clock) -> Access:
    """Reads the access token and the token key; makes the latter on first use.

    Raises:
        TidegateError: one of them cannot be read or is wrong.
    """
    file = settings.server.access_token_file
    return Access(
        AccessToken.load(file) if file else None,
        directory=directory,
        tokens=build_tokens(settings.identity, clock),
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
