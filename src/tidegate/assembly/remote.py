# SPDX-License-Identifier: Apache-2.0
"""A server elsewhere, from settings: how it is asked, and where logins are kept."""

from collections.abc import Iterator
from contextlib import contextmanager

from tidegate.assembly.outward import build_outbound
from tidegate.errors import UsageError
from tidegate.oci.credentials import Credentials, load_keyring
from tidegate.outbound.address import split_url
from tidegate.remote import RemoteServer, parse_server
from tidegate.remote.login_file import LoginFile
from tidegate.settings import Settings


@contextmanager
def open_remote(settings: Settings) -> Iterator[RemoteServer]:
    """The server that `client.server` names, with the login kept for it.

    Raises:
        TidegateError: its address is none, or what is kept cannot be read.
    """
    address = parse_server(settings.client.server)
    with build_outbound(settings) as outbound:
        yield RemoteServer(outbound, address, kept_login(settings, address))


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
