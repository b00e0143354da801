# SPDX-License-Identifier: Apache-2.0
"""The pages of an incident and of a response."""

from collections.abc import Iterator, Sequence
from typing import Final

from tidegate.cli.page import Line, Style, piece
from tidegate.clock import rfc3339
from tidegate.execution.incidents import Incident
from tidegate.execution.response_policy import REVERSIBLE, Severity
from tidegate.execution.responses import Response, ResponseState

_COLUMNS: Final = 11
_STYLES: Final = {
    ResponseState.DONE: Style.GOOD,
    ResponseState.ASKED: Style.WARN,
    ResponseState.ORDERED: Style.NOTE,
    ResponseState.FAILED: Style.BAD,
    ResponseState.REFUSED: Style.BAD,
    ResponseState.EXPIRED: Style.BAD,
}
_SEVERE: Final = {Severity.CRITICAL: Style.WORST, Severity.HIGH: Style.BAD, Severity.MEDIUM: Style.WARN}


def response_page(found: Response) -> Iterator[Line]:
    """A response, whole, and what can be done about it."""
    yield (
        piece(f"{'undo ' if found.undoes else ''}{found.step}", Style.TITLE),
        piece(f"  {found.workload} on {found.node}"),
    )
    yield _row("state", str(found.state), _STYLES[found.state])
    yield from _rows(
        ("how", found.outcome),
        ("why", found.why),
        ("asked", f"{rfc3339(found.asked_at)} by {found.asked_by}"),
        ("approved", f"by {found.approved_by}" if found.approved_by else ""),
        ("ended", found.ended_at or f"no later than {rfc3339(found.expires_at)}"),
        ("container", found.container),
        ("incident", found.incident),
        ("undoes", found.undoes),
        ("order", found.statement),
        ("response", found.id),
    )
    if found.state is ResponseState.ASKED:
        yield ()
        yield (piece(f"another person: tidegate respond approve {found.id}", Style.FAINT),)
    elif found.state in {ResponseState.DONE, ResponseState.FAILED} and found.step in REVERSIBLE and not found.undoes:
        yield ()
        yield (piece(f"take back what was done: tidegate respond undo {found.id} --why TEXT", Style.FAINT),)


def incident_page(found: Incident, taken: Sequence[Response]) -> Iterator[Line]:
    """An incident, what was seen, what was done, and what can be."""
    yield (
        piece(found.severity, _SEVERE.get(found.severity, Style.NOTE)),
        piece(f"  {found.workload}", Style.TITLE),
        piece(f" on {found.node}: {found.seen.act}, by the rule {found.rule}"),
    )
    seen = found.seen
    closed = f"closed by {found.closed_by}: {found.why}" if found.closed_by else found.state
    yield _row("state", closed, Style.GOOD if found.closed_by else Style.WARN)
    yield from _rows(
        ("seen", f"{seen.path}{' (refused)' if seen.refused else ''}"),
        ("from", str(seen.origin or "")),
        ("program", f"{seen.program} ({seen.pid})" if seen.program else ""),
        ("more", seen.what),
        ("times", str(found.observations)),
        ("opened", rfc3339(found.opened_at)),
        ("last", rfc3339(found.last_at)),
        ("image", f"{found.container.image} {found.container.digest}".strip() if found.container else ""),
        ("container", found.container.id if found.container else ""),
        ("incident", found.id),
    )
    if taken:
        yield ()
        yield (piece(f"{len(taken)} responses", Style.TITLE),)
    for one in reversed(taken):
        yield (
            piece(f"{one.id}  {rfc3339(one.asked_at)}  {'undo ' if one.undoes else ''}{one.step} "),
            piece(str(one.state), _STYLES[one.state]),
            piece(f"  {one.outcome}" if one.outcome else "", Style.FAINT),
        )
    if not found.closed_by:
        yield ()
        yield (piece(f"respond: tidegate respond ask --incident {found.id} --step STEP --why TEXT", Style.FAINT),)
        yield (piece(f"close:   tidegate incident close {found.id} --why TEXT", Style.FAINT),)


def _row(name: str, text: str, style: Style = Style.PLAIN) -> Line:
    return (piece(f"{name:<{_COLUMNS}}", Style.FAINT), piece(text, style))


def _rows(*rows: tuple[str, str]) -> Iterator[Line]:
    return (_row(name, text) for name, text in rows if text.strip())
