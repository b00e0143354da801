# SPDX-License-Identifier: Apache-2.0
"""`tidegate admit`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.evidence import Decision, Reason
    from tidegate.execution.gate import WorkloadReview

_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
"""How gzip, zstd, bzip2 and xz begin."""
_MARKS = {"deny": "✘", "warn": "!", "allow": "✔"}


@verb(
    "admit",
    examples=(
        ("tidegate admit oci:./image --to curation", "would this image pass the curation gate, and why not?"),
        ("tidegate admit team/app:1.2 --to execution", "may what this tag points to run?"),
        ("tidegate admit pod.yaml --to execution", "may this workload run? Writes it as it may run"),
    ),
)
@click.argument("image")
@click.option("--to", "boundary", type=click.Choice(["curation", "execution"]), required=True, help="Which gate.")
@click.option("--cluster", default="", help="Where a workload shall run, as its operators call it.")
@click.option("--platform", help="Platform of an index, like linux/arm64. [this machine's]")
@click.option("--dry-run", is_flag=True, help="Decide, and put nothing on record.")
@click.option("--insecure", is_flag=True, help="Reach the registry without TLS or without checking it.")
@output_options("table", "json")
def command(
    call: Call,
    image: str,
    boundary: str,
    cluster: str,
    platform: str | None,
    output: Output,
    dry_run: bool,
    insecure: bool,
) -> int:
    """Put an IMAGE, or a file of Kubernetes manifests, before a gate. Exit status 1 when the gate says no.

    To curation: the image is examined wherever it lies, its evidence and the decision are signed and put on record.
    To execution: the decision rests on what is on record; manifests are written as they may run, least privilege and
    pinned digests included.
    """
    settings = call.settings()
    from tidegate.assembly.local import open_local

    with open_local(settings) as local:
        if boundary == "curation":
            decision = local.admit_to_curation(image, platform=platform, insecure=insecure, record=not dry_run)
            return _tell(decision, output)
        if _is_manifests(Path(image)):
            review = local.admit_workloads(Path(image), cluster=cluster, record=not dry_run)
            return _tell_review(review, output, call)
        return _tell(local.admit_to_execution(image, record=not dry_run), output)


def _is_manifests(path: Path) -> bool:
    """True for a file that may hold text.

    Raises:
        UsageError: it is an archive, of which nothing can be on record by its name.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(512)
    if b"\0" in start or start.startswith(_COMPRESSED):
        raise UsageError(
            "is no file of Kubernetes manifests",
            where=str(path),
            remedy="name the image by its digest, or as it is called in the registry; --to curation reads archives",
        )
    return True


def _tell(decision: "Decision", output: Output) -> int:
    if output.form == "json":
        output.write_json(decision)
    else:
        head = f"{decision.boundary}: {decision.verdict}  {decision.subject}\n"
        output.write_text(head + "".join(_lines(decision.reasons)))
    return 1 if decision.verdict == "deny" else 0


def _tell_review(review: "WorkloadReview", output: Output, call: Call) -> int:
    if output.form == "json":
        output.write_json({"allowed": review.allowed, "reasons": review.reasons, "documents": review.documents})
        return 0 if review.allowed else 1
    for line in _lines(review.reasons):
        call.note(line.rstrip("\n"))
    for item in review.objects:
        for change in item.changes:
            call.note(f"{item.name} {change.path}: {change.after!r} ({change.why})")
    if not review.allowed:
        call.warn("denied; nothing is written")
        return 1
    output.write_text(_yaml(review.documents))
    return 0


def _lines(reasons: "tuple[Reason, ...]") -> list[str]:
    """One line for what is said of one thing, worst first; what an exception silenced last."""
    from tidegate.policy.explain import group_reasons

    lines = []
    for group in sorted(
        group_reasons(reasons), key=lambda one: (bool(one.reason.excepted_by), -one.reason.verdict.rank)
    ):
        reason = group.reason
        mark = "·" if reason.excepted_by else _MARKS[reason.verdict]
        fix = f" → {reason.fix}" if reason.fix else ""
        excepted = f" (excepted by {reason.excepted_by})" if reason.excepted_by else ""
        rules = ", ".join(group.rules)
        several = f" ({len(group.items)} packages or places)" if group.items[1:] else ""
        lines.append(printable(f"  {mark} {reason.message}{several}{fix}{excepted}  [{rules}]") + "\n")
    return lines


def _yaml(documents: Any) -> str:
    import yaml

    return str(yaml.safe_dump_all([dict(document) for document in documents], sort_keys=False, allow_unicode=False))
