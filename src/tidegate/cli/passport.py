# SPDX-License-Identifier: Apache-2.0
"""`tidegate passport`."""

from typing import TYPE_CHECKING

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options

if TYPE_CHECKING:
    from tidegate.oversight.passport import Passport


@verb(
    "passport",
    examples=(
        ("tidegate passport sha256:4c1…", "all that is on record of a digest, in order"),
        ("tidegate passport team/app:1.2 --format json", "the same of what a tag of the registry points to"),
    ),
)
@click.argument("digest")
@output_options("table", "json")
def command(call: Call, digest: str, output: Output) -> int:
    """Show all that is on record of a DIGEST: states, evidence, decisions, where it runs.

    Every signature is verified anew and every entry proved to be in the ledger. Exit status 1 when one is not.
    """
    settings = call.settings()
    from tidegate.assembly.local import open_local

    with open_local(settings) as local:
        found = local.passport(digest)
    if output.form == "json":
        output.write_json(found)
    else:
        output.write_text(_table(found))
    if not found.sound:
        call.warn("a signature or a ledger proof does not hold")
        return 1
    return 0


def _table(found: "Passport") -> str:
    head = [
        ("digest", found.digest),
        ("state", found.state + (f", until {found.expires_at}" if found.expires_at else "")),
        ("kind", found.kind),
        ("names", ", ".join(found.tags or found.repositories)),
        ("children", ", ".join(found.children)),
        ("hangs on", found.subject),
        ("attached", f"{len(found.attached)} documents" if found.attached else ""),
        ("ledger", f"{found.ledger_size} entries, root {found.ledger_root}"),
        ("sound", "yes: every signature and every ledger proof holds" if found.sound else "NO"),
    ]
    lines = [f"{name:<9} {value}" for name, value in head if value]
    for workload in found.workloads:
        owner = f", owner {workload['owner']}" if workload["owner"] else ""
        lines.append(f"{'runs in':<9} {workload['workload']}, container {workload['container']}{owner}")
    lines.append("")
    for entry in found.entries:
        lines.append(f"{entry.at}  {entry.kind:<9}  {entry.what}")
        lines += [f"{'':<33}{text}" for text in _details(entry.kind, dict(entry.detail))]
    return "".join(f"{printable(line)}\n" for line in lines)


def _details(kind: str, detail: dict[str, object]) -> list[str]:
    if kind == "state":
        return [f"by {detail['who']}: {detail['why']}"]
    if kind == "event" and detail.get("repository"):
        return [f"from {detail['repository']} by {detail['who']}" + (f": {detail['why']}" if detail["why"] else "")]
    if kind not in {"statement", "decision"}:
        return []
    signers = detail.get("signers") or []
    signed = (
        f"signed by {', '.join(key[:12] for key in signers)}"
        if isinstance(signers, list) and signers
        else "NOT verified"
    )
    return [f"{signed}; ledger entry {detail['ledger_index']}{'' if detail['in_ledger'] else ', NOT in the ledger'}"]
