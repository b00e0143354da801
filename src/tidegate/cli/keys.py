# SPDX-License-Identifier: Apache-2.0
"""`tidegate keys list|show|add|confirm|refuse|rotate|revoke|adopt`."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tidegate.assembly.key_book import KeyBook
    from tidegate.trust.key_record import KeyRecord

_WHY: Final = click.option("--why", required=True, metavar="TEXT", help="Why, in one line; it is signed and on record.")
_ALONE: Final = click.option(
    "--alone", default="", metavar="TEXT", help="Why no second person is asked (break-glass); it is on record."
)
_HOURS: Final = click.option(
    "--overlap-hours",
    type=click.FloatRange(0, 24 * 366),
    default=24,
    show_default=True,
    help="How long the key of before still counts.",
)

command = ClickVerbs(
    "keys",
    help="Say whose signatures count: for what, and from when until when.",
    examples=(
        ("tidegate keys list", "who is trusted for what, and what was revoked; with --server of a server"),
        ("tidegate keys add ci ci.pub --role provenance --role sbom --why 'the new builder'", "trust a builder's key"),
        ("tidegate keys rotate --why 'every year'", "the server signs with another key, without a pause"),
        ("tidegate keys revoke ci --since 2027-03-01T08:00:00Z --why 'the laptop was stolen'", "void what came after"),
    ),
)


@verb("list", examples=(("tidegate keys list --format json", "with public keys, for a program"),))
@server_option
@output_options("table", "json")
def _list(call: Call, *, output: Output, server: str | None) -> int:
    """Show keys that are or were trusted."""
    with _book(call, server) as keys:
        found = keys.listed()
    if output.form == "json":
        output.write_json({"keys": found})
        return 0
    rows = [
        (one.name, one.key_id[:16], one.state, one.origin, ", ".join(one.roles), _until(one), str(one.statements))
        for one in found
    ]
    write_table(call, output, ("name", "id", "state", "from", "may sign", "counts until", "signed"), rows)
    return 0


@verb(
    "show",
    examples=(
        ("tidegate keys show 4c1d09ab", "all that is on record of a key, by the start of its id"),
        ("tidegate keys show own --server https://registry.example --format pem -o server.pub", "to verify with"),
    ),
)
@server_option
@click.argument("key")
@output_options("table", "json", "pem")
def _show(call: Call, *, key: str, output: Output, server: str | None) -> int:
    """Show one key, by its id, the start of one, or its name."""
    with _book(call, server) as keys:
        found = keys.named(key)
    if output.form == "pem":
        output.write_text(found.public_key)
    else:
        _tell(output, found)
    return 0


@verb("add", examples=(("tidegate keys add qa qa.pub --role test --why 'the test bench'", "trust results of tests"),))
@click.argument("name")
@click.argument("public_key", type=click.Path(path_type=Path))
@click.option("--role", "roles", multiple=True, required=True, metavar="ROLE", help="What it may sign; repeatable.")
@click.option("--not-before", default="", metavar="TIME", help="What is recorded before does not count (RFC 3339).")
@click.option("--not-after", default="", metavar="TIME", help="What is recorded from then on does not count.")
@_WHY
@_ALONE
@server_option
@output_options("table", "json")
def _add(
    call: Call,
    *,
    name: str,
    public_key: Path,
    roles: tuple[str, ...],
    not_before: str,
    not_after: str,
    why: str,
    alone: str,
    output: Output,
    server: str | None,
) -> int:
    """Have a public key (a file) trusted for ROLEs.

    Roles are decision, review, scan, sbom, provenance, test, vex, behaviour, encryption, trust and other. Keys for
    decision, review or trust could open the gate alone: another person confirms them, or you say why nobody was
    asked.
    """
    from tidegate.admission.key_row import NewKey
    from tidegate.clock import parse_rfc3339
    from tidegate.signing.keys import VerifyingKey
    from tidegate.trust.role import parse_roles

    new = NewKey(
        key=VerifyingKey.load(public_key),
        name=name,
        roles=parse_roles(roles),
        not_before=parse_rfc3339(not_before) if not_before else None,
        not_after=parse_rfc3339(not_after) if not_after else None,
    )
    with _book(call, server) as keys:
        made = keys.propose(new, why=why, alone=alone)
    if made.state == "proposed":
        call.note("another person has to confirm it: tidegate keys confirm " + made.key_id[:16])
    _tell(output, made)
    return 0


@verb("confirm", examples=(("tidegate keys confirm 4c1d09ab", "trust what another person proposed"),))
@click.argument("key")
@click.option("--why", default="", metavar="TEXT", help="What you looked at.")
@_ALONE
@server_option
@output_options("table", "json")
def _confirm(call: Call, *, key: str, why: str, alone: str, output: Output, server: str | None) -> int:
    """Trust a key that another person proposed."""
    with _book(call, server) as keys:
        _tell(output, keys.confirm(key, why=why, alone=alone))
    return 0


@verb("refuse", examples=(("tidegate keys refuse 4c1d09ab --why 'nobody knows it'", "it is never trusted"),))
@click.argument("key")
@_WHY
@server_option
@output_options("table", "json")
def _refuse(call: Call, *, key: str, why: str, output: Output, server: str | None) -> int:
    """Refuse a key that was proposed."""
    with _book(call, server) as keys:
        _tell(output, keys.refuse(key, why=why))
    return 0


@verb(
    "rotate",
    examples=(
        ("tidegate keys rotate --why 'every year'", "the server makes its next key and signs with it"),
        ("tidegate keys rotate --key ci --public-key new.pub --why 'every year'", "the next key of a builder"),
    ),
)
@click.option("--key", default="", metavar="KEY", help="Whose; without it, the server's own.")
@click.option("--public-key", type=click.Path(path_type=Path), metavar="FILE", help="The next key.")
@_HOURS
@_WHY
@_ALONE
@server_option
@output_options("table", "json")
def _rotate(
    call: Call,
    *,
    key: str,
    public_key: Path | None,
    overlap_hours: float,
    why: str,
    alone: str,
    output: Output,
    server: str | None,
) -> int:
    """Put another key in the place of one; both count until the overlap ends.

    Running servers that share signing.key_file take the new one up with their next signature; those that have a file
    of their own sign with the old one until they are given the new.
    """
    from tidegate.errors import UsageError
    from tidegate.signing.keys import VerifyingKey

    new = VerifyingKey.load(public_key) if public_key else None
    overlap = timedelta(hours=overlap_hours)
    with _book(call, server) as keys:
        if not key:
            _tell(output, keys.rotate_own(new, why=why, overlap=overlap, alone=alone))
        elif new is None:
            raise UsageError("which key is the next?", remedy="give --public-key FILE")
        else:
            _tell(output, keys.rotate(key, new, why=why, overlap=overlap, alone=alone))
    return 0


@verb(
    "revoke",
    examples=(
        ("tidegate keys revoke ci --why 'the builder is gone'", "what it signs from now on is void"),
        ("tidegate keys revoke ci --since 2027-03-01T08:00:00Z --why stolen", "and what came on record since"),
    ),
)
@click.argument("key")
@click.option("--since", default="", metavar="TIME", help="Compromised since then (RFC 3339), by when it was recorded.")
@click.option("--since-entry", type=click.IntRange(0), metavar="N", help="The same, as an entry of the ledger.")
@_WHY
@server_option
@output_options("table", "json")
def _revoke(
    call: Call, *, key: str, since: str, since_entry: int | None, why: str, output: Output, server: str | None
) -> int:
    """Make void what a key signed, from now on or since a moment that lies behind.

    What counts is when a statement came on record, by its place in the ledger, not what it says itself: what stands
    before stays good. Images that rest on what became void are shut at once and judged again.
    """
    from tidegate.admission.key_revocation import Revocation
    from tidegate.clock import parse_rfc3339

    revocation = Revocation(why=why, since=parse_rfc3339(since) if since else None, since_entry=since_entry)
    with _book(call, server) as keys:
        done = keys.revoke(key, revocation)
    if output.form == "json":
        output.write_json(done)
        return 0
    shut = f"{len(done.void)} images are shut until they are judged again"
    line = f"{done.key.key_id}  {done.key.name}  void from ledger entry {done.from_entry} on; {shut}"
    output.write_text(printable(line) + "\n")
    return 0


def _book(call: Call, server: str | None) -> "AbstractContextManager[KeyBook]":
    from tidegate.assembly.key_book import open_key_book

    return open_key_book(call.settings(client__server=server))


def _until(one: "KeyRecord") -> str:
    if one.revoked_from >= 0:
        return f"entry {one.revoked_from} ({one.revoked_why})"
    return one.not_after


def _tell(output: Output, one: "KeyRecord") -> None:
    if output.form == "json":
        output.write_json(one)
        return
    head = [
        ("id", one.key_id),
        ("name", one.name),
        ("state", one.state),
        ("from", one.origin),
        ("may sign", ", ".join(one.roles)),
        ("not before", one.not_before),
        ("not after", one.not_after),
        ("revoked", f"from ledger entry {one.revoked_from} on, by {one.revoked_by}" if one.revoked_from >= 0 else ""),
        ("why", one.revoked_why),
        ("added", f"{one.added_at} by {one.added_by}: {one.added_why}" if one.added_at else ""),
        ("confirmed", one.confirmed_by),
        ("statement", one.statement),
    ]
    output.write_text("".join(f"{name:<11}{printable(value)}\n" for name, value in head if value) + one.public_key)


@verb("adopt", examples=(("tidegate keys adopt webhook --why 'the file is lost'", "then start the servers again"),))
@click.argument("purpose", type=click.Choice(["encryption", "ledger", "signing", "token", "webhook"]))
@click.option("--why", required=True, metavar="TEXT", help="Why, in one line; it is told as an event.")
@output_options("table", "json")
def _adopt(call: Call, *, purpose: str, why: str, output: Output) -> int:
    """Let the replicas of one database have another key of a PURPOSE: the next server that starts says which.

    For a key that is lost, or replaced otherwise than by a rotation. What was signed, sealed or given out with the one
    before is as good as that one is still known: trust it, or bring its file back.
    """
    from tidegate.assembly.key_book import open_own_keys

    with open_own_keys(call.settings()) as keys:
        known = keys.adopt(purpose, why=why)
    if output.form == "json":
        output.write_json({"purpose": purpose, "known": known})
    else:
        output.write_text(f"the next server that starts says which {purpose} key the replicas have\n")
    return 0


for _command in (_list, _show, _add, _confirm, _refuse, _rotate, _revoke, _adopt):
    command.add_command(_command)
