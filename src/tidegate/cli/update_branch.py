# SPDX-License-Identifier: Apache-2.0
"""`tidegate update branch`."""

from pathlib import Path

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table


@verb(
    "branch",
    examples=(
        ("tidegate update branch gitops.git --under clusters/prod --cluster prod", "a branch for each image there"),
        ("tidegate update branch . --base main --server https://registry.example", "asked of a server"),
    ),
)
@click.argument("git_folder", metavar="REPOSITORY", type=click.Path(path_type=Path))
@click.option("--base", default="", metavar="BRANCH", help="The branch that is to be updated. [that of HEAD]")
@click.option("--under", default="", metavar="FOLDER", help="Only files of this folder of it.")
@click.option("--cluster", default="", help="What it is applied to, as rules name it.")
@server_option
@output_options("table", "json", by_terminal=True)
def branch(
    call: Call, *, git_folder: Path, output: Output, base: str, under: str, cluster: str, server: str | None
) -> int:
    """Propose newer images as branches of a git REPOSITORY, bare or not: one commit each, upon the base, that says why.

    Run again, a branch is made anew in its place where that is needed, and removed when it is merged or nothing of it
    is left. Branches that somebody else has worked on, or checked out, are left. Work tree and index are not touched,
    no hook runs, and nothing is pushed.
    """
    from tidegate.assembly.updating import open_updates, update_repository

    settings = call.settings(client__server=server)
    with open_updates(settings) as updates:
        found = update_repository(settings, git_folder, updates, base=base, under=under, cluster=cluster)
    for passed in found.found.passed_over:
        call.warn(printable(f"passed over: {passed}"))
    if output.form == "json":
        output.write_json(found)
        return 0
    rows = [(one.branch, one.turn.value, one.commit[:12], one.why) for one in found.branches]
    write_table(call, output, ("branch", "turn", "commit", "why"), rows)
    return 0
