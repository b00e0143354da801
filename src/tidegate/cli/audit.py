# SPDX-License-Identifier: Apache-2.0
"""`tidegate audit list|verify`."""

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.table import write_table

_OUTCOMES = ("changed", "allowed", "denied", "failed", "lost")

command = ClickVerbs(
    "audit",
    help="Tell who did what to the registry, and whether the trail still holds.",
    examples=(
        ("tidegate audit list --repository team/app --outcome changed", "who changed a repository"),
        ("tidegate audit list --who robot$ci --limit 20", "what a robot did last"),
        ("tidegate audit verify", "is every entry there, and as it was written?"),
    ),
)


@verb("list", examples=(("tidegate audit list --outcome denied --format json", "who was refused, for a program"),))
@output_options("table", "json")
@click.option("--who", default="", metavar="NAME", help="Only of one principal.")
@click.option("--repository", default="", metavar="NAME", help="Only to one repository.")
@click.option("--verb", "what", default="", metavar="VERB", help="Only of one verb, such as pull or push.")
@click.option("--outcome", type=click.Choice(_OUTCOMES), help="Only with one outcome.")
@click.option("--since", default="", metavar="TIME", help="Only from this moment on (RFC 3339).")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Most lines.")
def _list(
    call: Call,
    *,
    output: Output,
    who: str,
    repository: str,
    what: str,
    outcome: str | None,
    since: str,
    limit: int,
) -> int:
    """Show accesses, newest first. A server writes what changes nothing half a second later."""
    from tidegate.assembly.identity import open_identity
    from tidegate.clock import parse_rfc3339, rfc3339
    from tidegate.identity import audit

    moment = rfc3339(parse_rfc3339(since)) if since else ""
    with open_identity(call.settings()) as local, local.database.read() as connection:
        found = audit.find(
            connection,
            who=who,
            repository=repository,
            verb=what,
            outcome=outcome or "",
            since=moment,
            limit=limit,
        )
    if output.form == "json":
        output.write_json(found)
        return 0
    entries = [record.entry for record in found]
    rows = [
        (item.at, item.who, item.address, item.verb, item.repository, item.target, item.outcome.value, item.why)
        for item in entries
    ]
    write_table(call, output, ("at", "who", "from", "verb", "repository", "target", "outcome", "why"), rows)
    return 0


@verb("verify", examples=(("tidegate audit verify --format json", "with the hash of the newest entry, to be kept"),))
@output_options("table", "json")
def _verify(call: Call, *, output: Output) -> int:
    """Walk the whole chain. Exit status 1 when an entry is missing or not as it was written."""
    from tidegate.assembly.identity import open_identity
    from tidegate.identity import audit

    with open_identity(call.settings()) as local, local.database.read() as connection:
        found = audit.verify(connection)
    if output.form == "json":
        output.write_json(found)
    else:
        state = "sound" if found.broken_at is None else f"BROKEN at entry {found.broken_at}"
        output.write_text(f"{found.entries} entries, {state}; the newest is {found.head}\n")
    return 0 if found.broken_at is None else 1


for _command in (_list, _verify):
    command.add_command(_command)
