# SPDX-License-Identifier: Apache-2.0
"""The page of a capture: what stands out first, then processes as a tree, sockets and changes."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from tidegate.bounds import printable
from tidegate.cli.page import Line, Style, piece
from tidegate.execution.capture import CapturedProcess, CapturedSocket, ChangedFile
from tidegate.execution.capture_archive import CaptureArchive

_MAX_CHANGES_SHOWN: Final = 40
_MAX_SOCKETS_SHOWN: Final = 40
_MAX_WORDS: Final = 100
_MARKS: Final = {"added": "+", "changed": "~", "removed": "-"}


def capture_told(archive: CaptureArchive) -> dict[str, Any]:
    """The same for a program; memory and layers are told by their parts."""
    return {
        "digest": archive.digest,
        "capture": archive.overview(),
        "processes": archive.document("processes.json", list[CapturedProcess]),
        "sockets": archive.document("sockets.json", list[CapturedSocket]),
        "changes": _changes(archive),
        "parts": {
            title: {"mediaType": one.media_type, "digest": one.digest, "size": one.size}
            for title, one in archive.parts.items()
        },
    }


def capture_page(archive: CaptureArchive) -> Iterator[Line]:
    """A capture for people."""
    told = archive.overview()
    container = told.container
    yield (piece(container.name or container.id[:12], Style.TITLE), piece(f"  on {told.node}, {told.began_at}"))
    yield (piece(f"image     {container.image} {container.image_digest}".rstrip()),)
    if container.pod:
        yield (piece(f"pod       {container.namespace}/{container.pod}"),)
    if told.reason or told.incident:
        yield (piece(f"why       {told.reason} {told.incident}".rstrip()),)
    yield (piece(f"capture   {archive.digest}", Style.FAINT),)
    for path in told.strange:
        yield (piece(f"strange   {path} runs and is not of the image", Style.BAD),)
    for line in told.left_out:
        yield (piece(f"left out  {line}", Style.WARN),)
    yield from _processes(archive.document("processes.json", list[CapturedProcess]))
    yield from _sockets(archive.document("sockets.json", list[CapturedSocket]))
    yield from _changed(_changes(archive))


def _changes(archive: CaptureArchive) -> Sequence[ChangedFile]:
    return archive.document("changes.json", list[ChangedFile]) if "changes.json" in archive.parts else ()


def _processes(processes: Sequence[CapturedProcess]) -> Iterator[Line]:
    yield ()
    yield (piece(f"{len(processes)} processes", Style.TITLE),)
    known = {one.pid for one in processes}
    waiting = [(one, 0) for one in reversed(processes) if one.parent not in known]
    seen: set[int] = set()
    while waiting:
        one, depth = waiting.pop()
        if one.pid in seen:  # what says it is its own ancestor
            continue
        seen.add(one.pid)
        words = " ".join(one.command) or f"[{one.name}]"
        kept = sum(bool(region.part) for region in one.maps)
        style = Style.PLAIN if one.origin in {"image", ""} else Style.BAD
        yield (
            piece(f"{'  ' * min(depth, 20)}{one.pid:>7} "),
            piece(words[:_MAX_WORDS], style),
            piece(f"  {one.program} ({one.origin or 'unknown'}), user {_user(one)}", Style.FAINT),
            piece(f", {kept} regions kept" if kept else "", Style.FAINT),
        )
        waiting += [(other, depth + 1) for other in reversed(processes) if other.parent == one.pid]


def _user(one: CapturedProcess) -> str:
    return str(one.users[1]) if len(one.users) > 1 else "?"


def _sockets(sockets: Sequence[CapturedSocket]) -> Iterator[Line]:
    shown = [one for one in sockets if one.protocol != "unix"]
    if not shown:
        return
    yield ()
    yield (piece(f"{len(shown)} sockets", Style.TITLE),)
    for one in shown[:_MAX_SOCKETS_SHOWN]:
        holders = ", ".join(str(pid) for pid in one.pids) or "nobody"
        yield (
            piece(f"{one.protocol:<5} {one.local} → {one.remote} {one.state}  "),
            piece(f"by {holders}", Style.FAINT),
        )
    if len(shown) > _MAX_SOCKETS_SHOWN:
        yield (piece(f"and {len(shown) - _MAX_SOCKETS_SHOWN} more: --part sockets.json", Style.FAINT),)


def _changed(changes: Sequence[ChangedFile]) -> Iterator[Line]:
    if not changes:
        return
    yield ()
    yield (piece(f"{len(changes)} changes of the image", Style.TITLE),)
    order = sorted(changes, key=lambda one: (not one.is_executable, one.path))
    for one in order[:_MAX_CHANGES_SHOWN]:
        size = f", {one.size} bytes" if one.kind == "file" else ""
        style = Style.BAD if one.is_executable else Style.PLAIN
        yield (
            piece(f"{_MARKS.get(one.change, '?')} {printable(one.path)}", style),
            piece(f"  {one.kind}{size}", Style.FAINT),
        )
    if len(changes) > _MAX_CHANGES_SHOWN:
        yield (piece(f"and {len(changes) - _MAX_CHANGES_SHOWN} more: --part changes.json", Style.FAINT),)
