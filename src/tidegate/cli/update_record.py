# SPDX-License-Identifier: Apache-2.0
"""`tidegate update list|show|refuse|approve`."""

from typing import TYPE_CHECKING, Final

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table

if TYPE_CHECKING:
    from tidegate.execution.updates.proposals import Recorded

STATES: Final = ("proposed", "asked", "rolling", "done", "failed", "refused", "superseded", "closed")
UPDATE: Final = click.argument("update")


@verb(
    "list",
    examples=(
        ("tidegate update list --state proposed", "what may be updated now"),
        ("tidegate update list --running --cluster prod", "every container that runs, and why it stays or changes"),
    ),
)
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--state", type=click.Choice(STATES), help="Only those of one state.")
@click.option("--cluster", default="", help="Only those of a cluster or node.")
@click.option("--namespace", default="", help="Only those of a namespace.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Most of them.")
@click.option("--running", is_flag=True, help="Judge all that runs now, and tell why each stays or changes.")
def listing(
    call: Call,
    *,
    output: Output,
    server: str | None,
    state: str | None,
    cluster: str,
    namespace: str,
    limit: int,
    running: bool,
) -> int:
    """Show updates that are on record, what changed last first."""
    from tidegate.assembly.updating import open_updates

    with open_updates(call.settings(client__server=server)) as updates:
        if running:
            judged = updates.judge_running(cluster=cluster, namespace=namespace)
        else:
            found = updates.listed(state=state or "", cluster=cluster, namespace=namespace, limit=limit)
    if running:
        if output.form == "json":
            output.write_json({"judged": judged})
            return 0
        lines = [
            (
                f"{one.runs.cluster}/{one.runs.namespace}/{one.runs.workload}",
                one.runs.container,
                f"{one.runs.repository}:{one.runs.tag or ''}",
                str(one.proposal.to) if one.proposal else "stays",
                "; ".join(one.proposal.why[1:] if one.proposal else one.why),
            )
            for one in judged
        ]
        write_table(call, output, ("workload", "container", "runs", "update", "why"), lines)
        return 0
    if output.form == "json":
        output.write_json({"updates": found})
        return 0
    rows = [
        (one.id[:12], one.state.value, _place(one), _images(one), one.outcome or one.proposal.why[-1]) for one in found
    ]
    write_table(call, output, ("id", "state", "workload", "images", "why"), rows)
    return 0


@verb("show", examples=(("tidegate update show 3f2a…", "why it is proposed, and what was passed over"),))
@server_option
@output_options("table", "json", by_terminal=True)
@UPDATE
def show(call: Call, *, update: str, output: Output, server: str | None) -> int:
    """Show one update: why, what it removes and brings, what was passed over, and what became of it."""
    from tidegate.assembly.updating import open_updates

    with open_updates(call.settings(client__server=server)) as updates:
        found = updates.shown(update)
    if output.form == "json":
        output.write_json(found)
        return 0
    proposal = found.proposal
    by = f", asked for by {found.asked_by}" if found.asked_by else ""
    by += f", approved by {found.approved_by}" if found.approved_by else ""
    lines = [
        f"{found.id}  {found.state}{by}",
        f"{_place(found)}, container {proposal.runs.container}",
        *(f"  {line}" for line in proposal.why),
        *(f"  - {one.id} in {one.package} ({one.severity})" for one in proposal.removes),
        *(f"  + {one.id} in {one.package} ({one.severity})" for one in proposal.brings),
        *(f"  passed over {line}" for line in proposal.passed_over),
        *([f"  {found.outcome}"] if found.outcome else []),
    ]
    output.write_text("".join(f"{printable(line)}\n" for line in lines))
    return 0


@verb("refuse", examples=(("tidegate update refuse 3f2a… --why 'breaks our plug-in'", "it is not proposed again"),))
@server_option
@click.option("--why", required=True, help="The reason, in one line.")
@UPDATE
def refuse(call: Call, *, update: str, server: str | None, why: str) -> int:
    """Refuse an update: these two images are not proposed for that container again."""
    from tidegate.assembly.updating import open_updates

    with open_updates(call.settings(client__server=server)) as updates:
        found = updates.refuse(update, why=why)
    call.note(f"update {found.id} is {found.state}")
    return 0


@verb("approve", examples=(("tidegate update approve 3f2a…", "lets what another asked for be rolled out"),))
@server_option
@UPDATE
def approve(call: Call, *, update: str, server: str | None) -> int:
    """Let an update that another person asked for be rolled out; `tidegate update apply` does it."""
    from tidegate.assembly.updating import open_updates

    with open_updates(call.settings(client__server=server)) as updates:
        found = updates.approve(update)
    call.note(f"update {found.id} is {found.state}")
    return 0


def _place(one: "Recorded") -> str:
    runs = one.proposal.runs
    return f"{runs.cluster}/{runs.namespace}/{runs.workload}"


def _images(one: "Recorded") -> str:
    runs, to = one.proposal.runs, one.proposal.to
    moved = f"{to.repository}:" if to.repository != runs.repository else ""
    return f"{runs.repository}:{runs.tag or ''} → {moved}{to}"
