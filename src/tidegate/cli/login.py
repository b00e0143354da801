# SPDX-License-Identifier: Apache-2.0
"""`tidegate login`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.secret_input import read_secret
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.oci.credentials import Credentials
    from tidegate.outbound import Outbound


@verb(
    "login",
    examples=(
        ("tidegate login https://registry.example", "in the browser, where the server trusts an OpenID issuer"),
        ("tidegate login https://registry.example --device", "with a code that is typed on another device"),
        ("tidegate login https://registry.example --username anna < password.txt", "with a password"),
        ("tidegate login https://registry.example --username 'robot$ci' < secret.txt", "a robot, in a pipeline"),
    ),
)
@click.option("--username", default="", metavar="NAME", help="Who, with the secret on standard input.")
@click.option("--issuer", default="", metavar="NAME", help="Which OpenID issuer, where the server trusts several.")
@click.option("--device", is_flag=True, help="With a code, for where no browser is.")
@click.argument("server", required=False)
def command(call: Call, *, server: str | None, username: str, issuer: str, device: bool) -> int:
    """Log in to SERVER: verbs with --server, pulls by tidegate and by podman, docker or skopeo then go as you.

    Kept is a token that ends, not the password, where the server sells one: by the credential helper that Docker's
    configuration names, else in that file, for its owner alone. It is never shown.
    """
    from tidegate.assembly.outward import build_outbound
    from tidegate.assembly.remote import login_file
    from tidegate.clock import rfc3339
    from tidegate.outbound.address import split_url
    from tidegate.remote import RemoteServer
    from tidegate.remote.token import ends_at

    settings, address = call.settings(), server_address(call, server)
    if username and (issuer or device):
        raise UsageError("--username takes a secret, --issuer and --device ask an issuer", remedy="choose one")
    file = login_file(settings)
    with build_outbound(settings) as outbound:
        if username:
            login = _by_secret(outbound, address, username)
        else:
            login = _by_issuer(call, outbound, address, issuer, device=device)
        who = RemoteServer(outbound, address, login).ask("GET", "/me", dict[str, Any])
    kept = file.keep(split_url(address).netloc, login)
    end = ends_at(login)
    until = f"until {rfc3339(end)}" if end else "as long as the secret is good"
    call.note(f"logged in to {address} as {who.get('name')}, {until}; kept in {kept}")
    return 0


def server_address(call: Call, server: str | None) -> str:
    """The server that was named, else the one of the settings.

    Raises:
        UsageError: there is neither.
    """
    from tidegate.remote import parse_server

    named = server or call.settings().client.server
    if not named:
        raise UsageError("which server", remedy="name it, or set client.server")
    return parse_server(named)


def _by_secret(outbound: "Outbound", address: str, username: str) -> "Credentials":
    from tidegate.remote.token import log_in

    return log_in(outbound, address, username, read_secret())


def _by_issuer(call: Call, outbound: "Outbound", address: str, name: str, *, device: bool) -> "Credentials":
    from tidegate.remote.browser_login import log_in_by_browser
    from tidegate.remote.device_login import log_in_by_device
    from tidegate.remote.issuer import chosen, discover, logins_of
    from tidegate.remote.token import log_in_by_issuer

    logins = logins_of(outbound, address)
    if not logins:
        raise UsageError("trusts no OpenID issuer for people", where=address, remedy="say --username NAME")
    issuer = discover(outbound, chosen(logins, name, where=address))
    if device:
        token = log_in_by_device(issuer, show=call.ask)
    else:
        token = log_in_by_browser(issuer, show=lambda url: _open(call, url))
    return log_in_by_issuer(outbound, address, token)


def _open(call: Call, url: str) -> None:
    call.ask(f"open {url}")
    if sys.stderr.isatty():
        import webbrowser

        webbrowser.open(url)
