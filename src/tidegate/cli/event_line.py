# SPDX-License-Identifier: Apache-2.0
"""An event as one line for people."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tidegate.cli.page import Line, Style, cut, piece
from tidegate.events import EventKind
from tidegate.events.contract import ROSTER
from tidegate.events.event import TYPE_PREFIX
from tidegate.remote.events import RemoteEvent

_LAST_WORD_STYLES: Final[Mapping[str, Style]] = {
    "admitted": Style.GOOD,
    "promoted": Style.GOOD,
    "repaired": Style.GOOD,
    "closed": Style.GOOD,
    "done": Style.GOOD,
    "back": Style.GOOD,
    "restricted": Style.WARN,
    "deprecated": Style.WARN,
    "refused": Style.WARN,
    "silent": Style.WARN,
    "expired": Style.WARN,
    "made": Style.WARN,
    "rejected": Style.BAD,
    "denied": Style.BAD,
    "recalled": Style.BAD,
    "revoked": Style.BAD,
    "exposed": Style.BAD,
    "damaged": Style.BAD,
    "failed": Style.BAD,
    "detected": Style.BAD,
    "lost": Style.WORST,
    "opened": Style.WORST,
    "broken": Style.WORST,
}
_KIND_COLUMNS: Final = max(len(kind) for kind in EventKind)
_DIGEST_CHARS: Final = 19
_FEW: Final = 3


def event_line(one: RemoteEvent, *, columns: int) -> Line:
    """Offset, time of day, kind, subject, and what its data says of why and where."""
    kind = str(one.event.get("type", "")).removeprefix(TYPE_PREFIX)
    day, _, moment = str(one.event.get("time", "")).partition("T")
    data = one.event.get("data")
    said = " · ".join(_words(data if isinstance(data, Mapping) else {})) or _summary(kind)
    head = f"{one.offset:>7} {day} {moment[:8]} "
    subject = _short(str(one.event.get("subject", "")))
    rest = cut(said.replace("\n", " "), max(20, columns - len(head) - _KIND_COLUMNS - len(subject) - 4))
    return (
        piece(head, Style.FAINT),
        piece(f"{kind:<{_KIND_COLUMNS}}  ", _LAST_WORD_STYLES.get(kind.rpartition(".")[2], Style.PLAIN)),
        piece(f"{subject}  ", Style.NOTE),
        piece(rest),
    )


def _summary(kind: str) -> str:
    """Of a kind that a newer server tells, nothing is known."""
    return next((told.summary for name, told in ROSTER.items() if name.value == kind), "")


def _words(data: Mapping[str, Any]) -> Iterator[str]:
    for name in ("repositories", "repository"):
        if found := data.get(name):
            yield ", ".join(str(one) for one in found[:_FEW]) if isinstance(found, list) else str(found)
            break
    observation = data.get("observation")
    if isinstance(observation, Mapping):
        yield " ".join(str(observation[name]) for name in ("act", "path", "what") if observation.get(name))
    for name in ("tag", "step", "act", "state", "name", "rule"):
        if found := data.get(name):
            yield f"{name} {found}"
    if who := data.get("who") or data.get("by"):
        yield f"by {who}"
    reasons = data.get("reasons")
    if why := data.get("why") or data.get("reason") or ("; ".join(map(str, reasons)) if reasons else ""):
        yield str(why)


def _short(subject: str) -> str:
    return subject[:_DIGEST_CHARS] if subject.startswith("sha256:") else subject
