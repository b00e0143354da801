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
    """Walk the whole chain and its anchors in the ledger. Exit status 1 when an entry is missing or not as it was."""
    from tidegate.assembly.local import open_local
    from tidegate.oversight.audit_verifying import verify_trail

    with open_local(call.settings()) as local, local.database.read() as connection:
        found = verify_trail(connection, local.gate.trust(connection))
    if output.form == "json":
        output.write_json(found)
        return 1 if found.problems else 0
    state = "BROKEN" if found.problems else "sound"
    output.write_text(f"{found.entries} entries, {state}; the newest is {found.head}\n")
    if found.anchors:
        what = f"{found.anchors} anchors; the newest of {found.anchored_at} up to entry {found.anchored_entry}"
        output.write_text(f"{what}, ledger entry {found.ledger_index}, {found.anchor}\n")
    else:
        output.write_text("not anchored yet: a server anchors it in the ledger\n")
    for problem in found.problems:
        call.warn(problem)
    return 1 if found.problems else 0


for _command in (_list, _verify):
    command.add_command(_command)
