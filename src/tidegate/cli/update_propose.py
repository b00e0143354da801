# SPDX-License-Identifier: Apache-2.0
"""`tidegate update propose`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table

if TYPE_CHECKING:
    from tidegate.execution.updates.files import FileUpdates


@verb(
    "propose",
    examples=(
        ("tidegate update propose k8s/ > update.patch", "a patch that git apply takes"),
        ("tidegate update propose k8s/app.yaml --write", "the file changed in its place"),
        ("tidegate update propose k8s/ --format table", "every image there, and why it stays or changes"),
        ("tidegate update propose k8s/ --check --server https://registry.example", "exit 1 when there is an update"),
    ),
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--write", is_flag=True, help="Change the files instead of writing a patch.")
@click.option("--check", is_flag=True, help="Exit status 1 when something may be updated.")
@click.option("--cluster", default="", help="Where they are applied, as rules name it.")
@server_option
@output_options("patch", "table", "json")
def propose(
    call: Call, *, path: Path, output: Output, write: bool, check: bool, cluster: str, server: str | None
) -> int:
    """Propose newer images for what the YAML files of PATH name, pinned by digest, as a patch.

    Kubernetes objects, images of kustomizations and Helm values are read; comments, order and quotes stay. Files that
    cannot be read, such as templates, are told and passed over.
    """
    from tidegate.assembly.manifest_folder import manifest_files, write_back
    from tidegate.assembly.updating import open_updates
    from tidegate.execution.updates.files import judge_files

    with open_updates(call.settings(client__server=server)) as updates:
        found = judge_files(manifest_files(path), updates.judge, cluster=cluster).updated()
    for passed in found.passed_over:
        call.warn(printable(f"passed over: {passed}"))
    if write:
        for changed in found.changed:
            write_back(path, changed)
            call.note(printable(f"{changed.path} is changed"))
    tell_found(call, found, output, written=write)
    return 1 if check and found.changed else 0


def tell_found(call: Call, found: "FileUpdates", output: Output, *, written: bool) -> None:
    """Writes what was found, and on standard error why."""
    if output.form == "json":
        output.write_json(found)
        return
    if output.form == "table":
        rows = [
            (
                f"{one.path}:{one.line}",
                one.judged.runs.workload,
                f"{one.judged.runs.repository}:{one.judged.runs.tag or ''}",
                str(one.judged.proposal.to) if one.judged.proposal else "stays",
                "; ".join(one.judged.proposal.why[1:] if one.judged.proposal else one.judged.why),
            )
            for one in found.judged
        ]
        write_table(call, output, ("place", "in", "names", "update", "why"), rows)
        return
    if not written:
        output.write_text("".join(one.diff() for one in found.changed))
    for line in why_lines(found):
        call.note(printable(line))


def why_lines(found: "FileUpdates") -> Sequence[str]:
    """Why each image is updated; of those that stay, how many."""
    lines = [
        f"{changed.path}: {'; '.join(proposal.why)}" for changed in found.changed for proposal in changed.proposals
    ]
    stays = sum(1 for one in found.judged if one.judged.proposal is None)
    return [*lines, f"{len(found.judged) - stays} of {len(found.judged)} images may be updated"]
