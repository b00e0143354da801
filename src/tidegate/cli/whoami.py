# SPDX-License-Identifier: Apache-2.0
"""`tidegate whoami`."""

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.login import server_address
from tidegate.cli.output import Output, output_options
from tidegate.cli.table import write_table


@verb("whoami", examples=(("tidegate whoami https://registry.example", "and until when"),))
@output_options("table", "json")
@click.argument("server", required=False)
def command(call: Call, *, server: str | None, output: Output) -> int:
    """Tell who you are to SERVER, what was granted to you, and until when the login is good.

    Exit status 1 when the server does not let you in, or the login has ended.
    """
    from tidegate.assembly.outward import build_outbound
    from tidegate.assembly.remote import kept_login
    from tidegate.clock import rfc3339
    from tidegate.remote import RemoteServer
    from tidegate.remote.token import ends_at
    from tidegate.values import Struct

    class Grant(Struct, frozen=True, kw_only=True):
        pattern: str
        verbs: tuple[str, ...]

    class Me(Struct, frozen=True, kw_only=True):
        name: str
        kind: str
        groups: tuple[str, ...] = ()
        grants: tuple[Grant, ...] = ()

    address = server_address(call, server)
    login = kept_login(call.settings(), address)
    with build_outbound(call.settings()) as outbound:
        me = RemoteServer(outbound, address, login).ask("GET", "/me", Me)
    end = ends_at(login) if login else None
    until = rfc3339(end) if end else ""
    if output.form == "json":
        told = {"server": address, "until": until, "name": me.name, "kind": me.kind, "groups": me.groups}
        output.write_json({**told, "grants": me.grants})
        return 0
    may = "; ".join(f"{' '.join(one.verbs)} on {one.pattern}" for one in me.grants)
    row = (address, me.name, me.kind, ", ".join(me.groups), may, until)
    write_table(call, output, ("server", "name", "kind", "groups", "granted", "until"), [row])
    return 0
