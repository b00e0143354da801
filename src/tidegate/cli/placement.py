# SPDX-License-Identifier: Apache-2.0
"""`tidegate placement`: where a workload may run, and who says so."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.table import write_table

if TYPE_CHECKING:
    from tidegate.execution.placing.placed import Placed

_FILE: Final = click.Path(path_type=Path, allow_dash=True)

command = ClickVerbs(
    "placement",
    help="Tell where workloads may run, by strategies and by what their images ask for.",
    examples=(
        ("tidegate placement explain deploy.yaml", "what is added to it, by which strategy, and why"),
        ("helm template chart | tidegate placement explain -", "a chart, rendered"),
    ),
    no_args_is_help=True,
)


@verb(
    "explain",
    examples=(
        ("tidegate placement explain deploy.yaml", "what is added, by which strategy, and why"),
        ("tidegate placement explain pod.yaml --strategies ours.yaml", "by strategies that are not in force yet"),
        ("kubectl get deploy web -o json | tidegate placement explain -", "of a workload that runs"),
    ),
)
@click.argument("file", type=_FILE)
@click.option(
    "--strategies",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Strategies instead of those of the settings; repeatable.",
)
@click.option("--cluster", default="", help="Where it shall run, as its operators call it.")
@output_options("table", "json", by_terminal=True)
def explain(call: Call, file: Path, strategies: tuple[Path, ...], cluster: str, output: Output) -> int:
    """Show what is added to the workloads of a FILE so that they run where they may. Exit status 1 on a conflict.

    FILE holds pods or what makes them, as YAML or JSON; - is standard input. What the restrictions of their images ask
    of nodes counts as far as it is on record here. Nothing is put on record.
    """
    settings = call.settings(execution__placement_files=[str(path) for path in strategies] or None)
    from tidegate.assembly.local import open_local

    given: Any = sys.stdin.buffer if str(file) == "-" else None
    with open_local(settings) as local:
        placed = local.placed(file, cluster=cluster, given=given)
    if output.form == "json":
        output.write_json([_document(one) for one in placed])
    else:
        rows = [row for one in placed for row in _rows(one)]
        write_table(call, output, ("workload", "what", "by", "why"), rows)
    if any(one.conflicts for one in placed):
        call.note("a conflict is denied at the gate")
        return 1
    return 0


command.add_command(explain)


def _document(placed: "Placed") -> dict[str, Any]:
    return {
        "workload": str(placed.workload),
        "additions": placed.additions,
        "conflicts": [{"path": one.path, "what": str(one), "fix": one.fix} for one in placed.conflicts],
    }


def _rows(placed: "Placed") -> list[tuple[str, str, str, str]]:
    from tidegate.wire import to_json

    name = str(placed.workload)
    rows = [(name, f"{_last(one.path)}: {to_json(one.value).decode()}", one.by, one.why) for one in placed.additions]
    rows += [(name, f"✘ {_last(one.path)}", str(one), one.fix) for one in placed.conflicts]
    return rows or [(name, "nothing is added", "", "no strategy speaks of it")]


def _last(pointer: str) -> str:
    """The part of a path that people know: from the field of the pod's spec or the labels on."""
    for start in ("/template/spec/", "/spec/", "/metadata/"):
        if start in pointer:
            pointer = pointer.rpartition(start)[2]
            break
    return (
        pointer.replace("~1", "/")
        .replace("~0", "~")
        .replace("requiredDuringSchedulingIgnoredDuringExecution", "required")
    )
