# SPDX-License-Identifier: Apache-2.0
"""`tidegate predicate`: what statements say, written to be signed, and shown."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate.bounds import MIB, printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.commit_options import CommitOptions, commit_options
from tidegate.cli.named_file import read_named_file
from tidegate.cli.output import Output, output_options

if TYPE_CHECKING:
    from tidegate.evidence.predicates.shown import ShownStatement

_FILE: Final = click.Path(path_type=Path)
_MAX_FILE_BYTES: Final = 128 * MIB

command = ClickVerbs(
    "predicate",
    help="Write what a statement shall say, and show what one says. Writes JSON that a signer takes.",
    examples=(
        ("tidegate predicate list", "every kind of statement, its predicate type, and where its form is written down"),
        ("tidegate predicate tests junit.xml -o tests.json", "results of tests, ready to be signed"),
        ("tidegate predicate review --reviewer ann@example.com --decision approved", "what a person says of an image"),
        ("tidegate predicate show provenance.intoto.jsonl", "what somebody's statement says, known kind or not"),
    ),
    no_args_is_help=True,
)


@verb("list", examples=(("tidegate predicate list --format json", "the table, for a program"),))
@output_options("table", "json")
def _list(_call: Call, *, output: Output) -> int:
    """Tell which predicate types are read, as which kind of evidence."""
    from tidegate.evidence.predicates.kinds import KINDS

    kinds = tuple(KINDS.values())
    if output.form == "json":
        output.write_json(kinds)
        return 0
    lines = [f"{kind.name if at == 0 else '':<12}{type_}" for kind in kinds for at, type_ in enumerate(kind.types)]
    output.write_text("".join(f"{line}\n" for line in lines))
    return 0


@verb(
    "tests",
    examples=(
        ("tidegate predicate tests junit.xml --tool pytest --suite unit", "a run of tests"),
        ("tidegate predicate tests codeql.sarif -o analysis.json", "findings of an analysis, counted by level"),
    ),
)
@click.argument("report", type=_FILE)
@click.option("--form", type=click.Choice(("junit", "sarif")), default=None, help="What the report is. [looked at]")
@click.option("--tool", default="", metavar="NAME", help="What ran. [as the report says]")
@click.option("--suite", default="", metavar="NAME", help="Which part of all tests. [as the report says]")
@click.option("--url", default="", metavar="URL", help="Where the run can be looked at.")
@output_options("json")
def _tests(call: Call, *, output: Output, report: Path, form: str | None, tool: str, suite: str, url: str) -> int:
    """Read a report of tests (JUnit XML) or of an analysis (SARIF 2.1.0) into a predicate.

    Counts are whole; of what failed, the first 200 names are kept. Exit status 0 whether they passed or not: what is
    done about it, a policy says.
    """
    from tidegate.development.test_reports.reading import read_test_report
    from tidegate.values import replace

    content = read_named_file(report, max_bytes=_MAX_FILE_BYTES)
    found = read_test_report(content, where=str(report), form=form or "", tool=tool, suite=suite)
    counts = found.counts
    if counts is not None:
        call.note(f"{report}: {found.result.value}, {counts.passed} passed, {counts.failed + counts.errors} failed")
    output.write_json(replace(found, url=url))
    return 0


@verb(
    "review",
    examples=(
        (
            "tidegate predicate review --reviewer bob@example.com --decision approved --author ann@example.com",
            "an approval by another than the author",
        ),
    ),
)
@click.option("--reviewer", required=True, metavar="WHO", help="Who looked at it.")
@click.option("--decision", required=True, type=click.Choice(("approved", "rejected", "commented")), help="Outcome.")
@click.option("--author", "authors", multiple=True, metavar="WHO", help="Who made it; repeat.")
@click.option("--scope", default="image", show_default=True, metavar="WORD", help="What: image, change, release.")
@click.option("--change", default="", metavar="URL", help="The pull request or ticket.")
@click.option("--commit", default="", metavar="ID", help="The commit it was about.")
@click.option("--comment", default="", metavar="TEXT", help="In their words.")
@output_options("json")
def _review(
    _call: Call,
    *,
    output: Output,
    reviewer: str,
    decision: str,
    authors: tuple[str, ...],
    scope: str,
    change: str,
    commit: str,
    comment: str,
) -> int:
    """Write down what a person says who looked at an image or a change.

    A newer review by the same person of the same scope, signed by the same key, takes the place of an older one.
    """
    from tidegate.clock import rfc3339, system_clock
    from tidegate.evidence.predicates.review import Review, read_review
    from tidegate.wire import to_builtins

    said = {"reviewer": reviewer, "decision": decision, "authors": list(authors), "scope": scope, "change": change}
    said |= {"commit": commit, "comment": comment, "reviewedAt": rfc3339(system_clock())}
    found: Review = read_review(said, where="review")
    output.write_json(to_builtins(found))
    return 0


@verb("show", examples=(("tidegate predicate show attestation.json", "an envelope, a bundle or a bare statement"),))
@click.argument("file", type=_FILE)
@output_options("table", "json")
def _show(_call: Call, *, output: Output, file: Path) -> int:
    """Show what a statement says. Nothing is verified: that is what tidegate verify does.

    FILE is an in-toto statement, a DSSE envelope or a Sigstore bundle; of several lines (JSON lines) each is shown. A
    predicate of a kind that is not known is shown as that, and with --format json its bytes as they came.
    """
    from tidegate.evidence.predicates.shown import show_statements

    found = show_statements(read_named_file(file, max_bytes=_MAX_FILE_BYTES), where=str(file))
    if output.form == "json":
        output.write_json(found)
    else:
        output.write_text("".join(_lines(found)))
    return 0


def _lines(found: "tuple[ShownStatement, ...]") -> list[str]:
    lines: list[str] = []
    for one in found:
        lines.append(f"{one.gist}\n")
        lines.append(printable(f"  kind       {one.kind or 'not known'}  {one.predicate_type}") + "\n")
        lines += [printable(f"  about      {name}") + "\n" for name in one.subjects]
        lines.append(f"  signed by  {', '.join(one.key_ids) or 'nobody'}, not verified here\n" if one.enveloped else "")
    return lines


@verb(
    "source",
    examples=(
        ("tidegate predicate source . --allowed-signers signers", "the commit that is checked out, and who signed it"),
        ("tidegate predicate source . --ref main --protection answer.json", "with what the forge says of its branch"),
    ),
)
@click.argument("folder", type=_FILE, default=Path())
@click.option("--commit", default="HEAD", show_default=True, metavar="NAME", help="Of which commit.")
@click.option("--repository", "address", default="", metavar="URL", help="Where it lies. [its remote's address]")
@click.option("--ref", default="", metavar="NAME", help="The branch it is on.")
@click.option("--protection", type=_FILE, metavar="FILE", help="What GitHub or GitLab answers of the branch, saved.")
@commit_options
@output_options("json")
def _source(
    _call: Call,
    *,
    output: Output,
    folder: Path,
    commit: str,
    address: str,
    ref: str,
    protection: Path | None,
    signers: CommitOptions,
) -> int:
    """Write down where a commit lies, who signed it and its tag, and what guards its branch.

    A signature counts as verified when it is by a key of --allowed-signers, --gpg-keys or --x509-roots.
    """
    from tidegate.development.commits.verifying import open_verifier
    from tidegate.development.git.repository import Repository
    from tidegate.development.protection import MAX_ANSWER_BYTES, read_protection
    from tidegate.development.source import source_provenance

    guarded = None
    if protection is not None:
        answer = read_named_file(protection, max_bytes=MAX_ANSWER_BYTES)
        guarded = read_protection(answer, ref=ref or "HEAD", where=str(protection))
    with open_verifier(signers.trust()) as verifier:
        found = source_provenance(Repository(folder), commit, verifier, address=address, ref=ref, protection=guarded)
    output.write_json(found)
    return 0


for _one in (_list, _tests, _review, _source, _show):
    command.add_command(_one)
