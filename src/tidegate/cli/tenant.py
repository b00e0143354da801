# SPDX-License-Identifier: Apache-2.0
"""`tidegate tenant list|add|quota|recount|remove`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table

if TYPE_CHECKING:
    from tidegate.identity.tenancy import Quota

_TENANT = click.argument("tenant")

command = ClickVerbs(
    "tenant",
    help="Say who owns which repositories, and how much they may have.",
    examples=(
        ("tidegate tenant add team-a team-a --gib 50 --repositories 20", "team-a/… belongs to team-a"),
        ("tidegate tenant list", "what they may have, and what they use"),
        ("tidegate tenant list --server https://registry.example", "those of a server"),
    ),
)


def _quota_options(function: Callable[..., int]) -> Callable[..., int]:
    for name, what in (("manifests", "manifests"), ("repositories", "repositories"), ("gib", "GiB of blobs")):
        option = click.option(
            f"--{name}", type=click.IntRange(min=0), default=0, help=f"Most {what}; 0 is for no limit. [0]"
        )
        function = option(function)
    return function


@verb("list", examples=(("tidegate tenant list --format json", "for a program"),))
@server_option
@output_options("table", "json", by_terminal=True)
def _list(call: Call, *, output: Output, server: str | None) -> int:
    """Show tenants, with what they may have and what they use."""
    from tidegate.assembly.tenant_book import open_tenant_book

    with open_tenant_book(call.settings(client__server=server)) as book:
        found = book.listed()
    if output.form == "json":
        output.write_json(found)
        return 0
    rows = [
        (
            item.name,
            " ".join(item.prefixes),
            _of(item.used.bytes >> 20, item.quota.bytes >> 20),
            _of(item.used.repositories, item.quota.repositories),
            _of(item.used.manifests, item.quota.manifests),
        )
        for item in found
    ]
    write_table(call, output, ("tenant", "owns", "MiB", "repositories", "manifests"), rows)
    return 0


@verb("add", examples=(("tidegate tenant add team-a team-a shared/team-a --gib 50", "two prefixes"),))
@server_option
@_quota_options
@_TENANT
@click.argument("prefixes", nargs=-1, required=True)
def _add(
    call: Call,
    *,
    server: str | None,
    tenant: str,
    prefixes: tuple[str, ...],
    gib: int,
    repositories: int,
    manifests: int,
) -> int:
    """Let TENANT own the repositories of these names, and all whose names go on after a slash."""
    from tidegate.assembly.tenant_book import open_tenant_book

    quota = _quota(gib, repositories, manifests)
    with open_tenant_book(call.settings(client__server=server)) as book:
        made = book.add(tenant, prefixes, quota)
    call.note(f"{tenant} uses {made.used.bytes} bytes in {made.used.repositories} repositories")
    return 0


@verb("quota", examples=(("tidegate tenant quota team-a --gib 80", "what is over it stays; nothing more comes"),))
@server_option
@_quota_options
@_TENANT
def _set_quota(call: Call, *, server: str | None, tenant: str, gib: int, repositories: int, manifests: int) -> int:
    """Give a tenant another quota, whole: what is not named has no limit."""
    from tidegate.assembly.tenant_book import open_tenant_book

    quota = _quota(gib, repositories, manifests)
    with open_tenant_book(call.settings(client__server=server)) as book:
        book.limit(tenant, quota)
    call.note(f"{tenant} has another quota")
    return 0


@verb("recount", examples=(("tidegate tenant recount team-a", "pushes wait meanwhile"),))
@server_option
@_TENANT
def _recount(call: Call, *, server: str | None, tenant: str) -> int:
    """Count all that a tenant has anew."""
    from tidegate.assembly.tenant_book import open_tenant_book

    with open_tenant_book(call.settings(client__server=server)) as book:
        found = book.recount(tenant)
    call.note(f"{tenant} uses {found.used.bytes} bytes in {found.used.repositories} repositories")
    return 0


@verb("remove", examples=(("tidegate tenant remove team-a", "its repositories stay, and belong to nobody"),))
@server_option
@_TENANT
def _remove(call: Call, *, server: str | None, tenant: str) -> int:
    """Remove a tenant; its repositories stay."""
    from tidegate.assembly.tenant_book import open_tenant_book

    with open_tenant_book(call.settings(client__server=server)) as book:
        book.remove(tenant)
    call.note(f"{tenant} is removed")
    return 0


for _command in (_list, _add, _set_quota, _recount, _remove):
    command.add_command(_command)


def _quota(gib: int, repositories: int, manifests: int) -> "Quota":
    from tidegate.identity.tenancy import Quota

    return Quota(bytes=gib << 30, repositories=repositories, manifests=manifests)


def _of(used: int, most: int) -> str:
    return f"{used} of {most}" if most else str(used)
