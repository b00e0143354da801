# SPDX-License-Identifier: Apache-2.0
"""A server elsewhere, from settings: how it is asked, and where logins are kept."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from tidegate.assembly.outward import build_outbound
from tidegate.errors import UsageError
from tidegate.oci.credentials import Credentials, load_keyring
from tidegate.outbound.address import split_url
from tidegate.remote import RemoteServer, parse_server
from tidegate.remote.login_file import LoginFile
from tidegate.settings import Settings

Asked = TypeVar("Asked")
Opened = TypeVar("Opened")


@contextmanager
def open_remote(settings: Settings) -> Iterator[RemoteServer]:
    """The server that `client.server` names, with the login kept for it.

    Raises:
        TidegateError: its address is none, or what is kept cannot be read.
    """
    address = parse_server(settings.client.server)
    with build_outbound(settings) as outbound:
        yield RemoteServer(outbound, address, kept_login(settings, address))


@contextmanager
def here_or_there(
    settings: Settings,
    *,
    opens: Callable[[Settings], AbstractContextManager[Opened]],
    here: Callable[[Opened], Asked],
    there: Callable[[RemoteServer], Asked],
) -> Iterator[Asked]:
    """What a command asks: the server that `client.server` names, as its user may; without one, the record here.

    Args:
        settings: which of the two.
        opens: the record; only then.
        here: asks it.
        there: asks the server.

    Raises:
        TidegateError: the record cannot be opened, or the server's address is none.
    """
    if settings.client.server:
        with open_remote(settings) as server:
            yield there(server)
    else:
        with opens(settings) as opened:
            yield here(opened)


def kept_login(settings: Settings, address: str) -> Credentials | None:
    """The login that is kept for a server; None for none. Raises as `open_remote`."""
    host = split_url(address).netloc
    for path in dict.fromkeys((settings.client.login_file, settings.outbound.credentials_file)):
        if path is not None and path.exists() and (found := load_keyring(path).find_for(host)):
            return found
    return None


def login_file(settings: Settings) -> LoginFile:
    """Where logins are kept.

    Raises:
        UsageError: nothing says where.
    """
    if settings.client.login_file is None:
        raise UsageError("there is no HOME to keep a login in", remedy="set client.login_file")
    return LoginFile(settings.client.login_file)
