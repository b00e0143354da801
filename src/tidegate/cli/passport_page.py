# SPDX-License-Identifier: Apache-2.0
"""A passport for people, and what was found of one that came as a file."""

from collections.abc import Iterator, Sequence
from typing import Final

from tidegate.cli.page import Line, Piece, Style, piece
from tidegate.oversight.bundle_check import BundleReport, Holds
from tidegate.oversight.entry import Entry, EntryKind
from tidegate.oversight.passport import Passport

_HEAD_COLUMNS: Final = 12
_AT_COLUMNS: Final = 22
_KIND_COLUMNS: Final = 12
_KEY_CHARS: Final = 12
_MAX_WORKLOADS: Final = 20
_HOLDS: Final = {Holds.YES: Style.GOOD, Holds.VOID: Style.WARN, Holds.UNKNOWN: Style.WARN, Holds.NO: Style.BAD}
_BAD_WORDS: Final = ("rejected", "recalled", "retired", "deny", "revoked", "incident")
_GOOD_WORDS: Final = ("admitted", "allow")


def passport_page(found: Passport) -> Iterator[Line]:
    """Lays out a page of a passport: the head, then each line with its time."""
    until = f", until {found.expires_at}" if found.expires_at else ""
    yield _row("digest", piece(found.digest, Style.TITLE))
    yield _row("state", piece(f"{found.state or 'none'}", _style(found.state)), piece(until, Style.FAINT))
    for name, value in (
        ("kind", found.kind),
        ("names", ", ".join(found.tags or found.repositories)),
        ("children", ", ".join(found.children)),
        ("hangs on", found.subject),
        ("attached", f"{len(found.attached)} documents" if found.attached else ""),
    ):
        if value:
            yield _row(name, piece(value))
    for fact in found.facts:
        yield _row(fact.name, piece(fact.value), *([] if fact.holds else [piece("  does NOT hold", Style.BAD)]))
    yield from _places(found)
    yield _row("ledger", piece(f"{found.ledger_size} entries, root {found.ledger_root}", Style.FAINT))
    yield _row("sound", *_sound(found))
    if found.withheld:
        yield _row("withheld", piece(f"you may not see {', '.join(found.withheld)}", Style.FAINT))
    yield ()
    for entry in found.entries:
        yield from _entry(entry)
    after = found.total - found.skipped - len(found.entries)
    if after > 0:
        yield ()
        yield (piece(f"{after} more lines: --skip {found.skipped + len(found.entries)}", Style.FAINT),)


def report_page(report: BundleReport) -> Iterator[Line]:
    """Lays out what holds of a passport that came as a file."""
    yield _row("passport", piece(report.digest, Style.TITLE))
    yield _row("state", piece(report.state or "none", _style(report.state)))
    yield ()
    for part in (report.seal, report.checkpoint, *report.statements):
        place = f"  entry {part.index}" if part.index >= 0 else ""
        signers = ", ".join(name[:_KEY_CHARS] for name in part.signers)
        by = f"  by {signers}" if signers else ""
        yield (piece(f"{part.holds.value:<9}", _HOLDS[part.holds]), piece(part.what), piece(place + by, Style.FAINT))
        for text in part.problems:
            yield (piece(f"{'':<9}{text}", Style.FAINT),)
    yield ()
    for text in report.decisions:
        yield _row("decided", piece(text, _style(text)))
    if report.claimed:
        yield _row("claimed", piece(f"{report.claimed} lines of the record, vouched for by the seal alone"))
    for text in report.not_shown:
        yield _row("not shown", piece(text, Style.FAINT))
    yield ()
    yield (piece(*(("all of it holds", Style.GOOD) if report.holds else ("it does NOT hold", Style.BAD))),)


def _places(found: Passport) -> Iterator[Line]:
    """Where it was placed, and where it runs."""
    for workload in found.workloads[:_MAX_WORKLOADS]:
        owner = f", owner {workload['owner']}" if workload["owner"] else ""
        yield _row("placed in", piece(f"{workload['workload']}, container {workload['container']}{owner}"))
    if len(found.workloads) > _MAX_WORKLOADS:
        yield _row("", piece(f"and {len(found.workloads) - _MAX_WORKLOADS} more"))
    for run in found.running[:_MAX_WORKLOADS]:
        by = f", by {run['by']}" if run["by"] else ""
        yield _row("runs on", piece(f"{run['where']} as {run['container']} since {run['since']}{by}"))
    if len(found.running) > _MAX_WORKLOADS:
        yield _row("", piece(f"and {len(found.running) - _MAX_WORKLOADS} more; tidegate inventory --digest tells all"))


def _entry(entry: Entry) -> Iterator[Line]:
    margin = piece(" " * (_AT_COLUMNS + _KIND_COLUMNS))
    kind = piece(f"{entry.kind.value:<{_KIND_COLUMNS}}", Style.NOTE)
    yield (piece(f"{entry.at:<{_AT_COLUMNS}}", Style.FAINT), kind, piece(entry.what, _style(entry.what)))
    said = ": ".join(text for text in (f"by {entry.who}" if entry.who else "", entry.why) if text)
    if said:
        yield (margin, piece(said))
    if entry.is_signed:
        yield (margin, *_checks(entry))
    if entry.kind is EntryKind.DECISION and isinstance(entry.detail.get("decision"), dict):
        decision = entry.detail["decision"]
        policies = ", ".join(f"{ref['name']} ({ref['digest'][:19]})" for ref in decision["policies"])
        yield (margin, piece(f"policy {policies or 'none'}, until {decision['expires_at']}", Style.FAINT))


def _checks(entry: Entry) -> Sequence[Piece]:
    detail = entry.detail
    if not detail["verified"]:
        what = "signature void" if detail.get("void") else "NOT verified"
        signed = piece(f"{what}: {detail.get('problem', '')}", Style.WARN if detail.get("void") else Style.BAD)
    else:
        names = detail.get("signed_by") or []
        keys = [
            f"{key[:_KEY_CHARS]}" + (f" ({name})" if name else "")
            for key, name in zip(detail["signers"], names, strict=False)
        ]
        signed = piece(f"signed by {', '.join(keys)}", Style.FAINT)
    place = f"; ledger entry {detail['ledger_index']}"
    return (
        signed,
        piece(place, Style.FAINT) if detail["in_ledger"] else piece(f"{place}, NOT in the ledger", Style.BAD),
    )


def _sound(found: Passport) -> Sequence[Piece]:
    shown = "" if found.total == len(found.entries) else f" of the {len(found.entries)} lines shown"
    if found.sound:
        return (piece(f"yes: every signature and every ledger proof{shown} holds", Style.GOOD),)
    return (piece(f"NO: a signature or a ledger proof{shown} does not hold", Style.BAD),)


def _row(name: str, *pieces: Piece) -> Line:
    return (piece(f"{name:<{_HEAD_COLUMNS}}", Style.FAINT), *pieces)


def _style(text: str) -> Style:
    last = text.rpartition("→")[2]
    if any(word in last for word in _BAD_WORDS):
        return Style.BAD
    return Style.GOOD if any(word in last for word in _GOOD_WORDS) else Style.PLAIN
