# SPDX-License-Identifier: Apache-2.0
"""Makes a capture of a container and packs it: nothing is run in the container, and nothing is written to it."""

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from tidegate.artifact import Descriptor, Digest, media_type
from tidegate.clock import Clock, rfc3339
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError
from tidegate.execution.capture import (
    ARTIFACT_TYPE,
    CHANGES,
    EVENTS,
    MEMORY,
    OVERVIEW,
    PROCESSES,
    SOCKETS,
    TITLE,
    Capture,
    CapturedContainer,
    CapturedProcess,
    MappedRegion,
)
from tidegate.execution.observation import Container
from tidegate.oci.layer_builder import Compression, HashingWriter, compressed
from tidegate.oci.write import enter_unnamed, pack_oci_archive, wire_descriptor, write_blob
from tidegate.sensor.forensics.memory import MAX_MEMORY_BYTES, MemoryChoice, chosen, copy_region
from tidegate.sensor.forensics.processes import captured_processes
from tidegate.sensor.forensics.redaction import Redaction
from tidegate.sensor.forensics.sockets import captured_sockets
from tidegate.sensor.forensics.written import Written
from tidegate.sensor.mounts import mounts_of
from tidegate.sensor.overlay import Overlay, overlay_of
from tidegate.values import Struct, replace
from tidegate.wire import to_json

_IMAGE: Final = "image"
_MAX_LINES: Final = 200
"""Lines of each list of an overview, which a server takes up to 1 MiB."""
_MAX_LINE_CHARS: Final = 200


class Wanted(Struct, frozen=True, kw_only=True):
    """What is captured, and why.

    Attributes:
        pids: the container's processes, the first of them first.
        order: the server's, that it is made for.
        events: lines of JSON: what was seen of the container lately.
        memory: how much of it.
    """

    node: str
    container: CapturedContainer
    pids: tuple[int, ...]
    reason: str = ""
    incident: str = ""
    order: str = ""
    events: tuple[str, ...] = ()
    memory: MemoryChoice = MemoryChoice.CODE


def capture(
    wanted: Wanted, to: Path, clock: Clock, *, is_of: Callable[[int], bool] = lambda _: True
) -> tuple[Digest, Capture]:
    """Captures a container into an archive, which appears whole or not at all.

    Args:
        wanted: what and why.
        to: the archive; its folder must be there, and have room for what the container wrote.
        clock: tells when.
        is_of: whether a process is of the container still: its number may have been given to another since.

    Returns:
        The digest that names the capture, and what it says of itself.

    Raises:
        NotFoundError: no process of the container is there any more.
        OutsideError: the disk failed.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".capture-", dir=to.parent) as folder:
            layout = Path(folder, "layout")
            (layout / "blobs" / "sha256").mkdir(parents=True)
            digest, overview = _into(layout, wanted, clock, is_of)
            packed = pack_oci_archive(layout, Path(folder, "archive"))
            packed.chmod(0o600)  # what a workload keeps secret may be in it
            with packed.open("rb") as file:
                os.fsync(file.fileno())
            packed.replace(to)
    except OSError as error:
        raise OutsideError(f"a capture cannot be written: {error.strerror or error}", where=str(to)) from error
    return digest, overview


def captured_container(one: Container) -> CapturedContainer:
    """What a capture says of its container."""
    return CapturedContainer(
        id=one.id, name=one.name, image=one.image, image_digest=one.digest, namespace=one.namespace, pod=one.pod
    )


def _into(layout: Path, wanted: Wanted, clock: Clock, is_of: Callable[[int], bool]) -> tuple[Digest, Capture]:
    began = clock()
    left_out: list[str] = []
    pids = [pid for pid in wanted.pids if Path(f"/proc/{pid}").exists() and is_of(pid)]
    if not pids:
        raise NotFoundError("it does not run any more", where=wanted.container.name or wanted.container.id)
    overlay = _overlay(pids)
    if overlay is None:
        left_out.append("what was written: its root is no overlay, or lies where it cannot be seen from here")
    processes = captured_processes(pids, Redaction(), lambda pid: _origin(pid, overlay), left_out)
    processes = [one for one in processes if is_of(one.pid) or not Path(f"/proc/{one.pid}").exists()]
    parts: list[Descriptor] = []
    memory, processes = _memory(layout, processes, wanted.memory, left_out)
    parts.append(_json(layout, "processes.json", processes, PROCESSES))
    parts.append(_json(layout, "sockets.json", captured_sockets(pids[0], processes, left_out), SOCKETS))
    changes = []
    if overlay is not None and overlay.upper:
        written = Written(Path(overlay.upper), overlay.lower, left_out)
        parts.append(_stream(layout, "written.tar.zst", written.write, media_type.OCI_LAYER_ZSTD))
        changes = written.changes
        parts.append(_json(layout, "changes.json", changes, CHANGES))
    if wanted.events:
        lines = "".join(f"{line}\n" for line in wanted.events).encode()
        parts.append(_titled(write_blob(layout, lines, EVENTS), "events.jsonl"))
    parts += memory
    strange = dict.fromkeys(process.program for process in processes if process.origin not in {_IMAGE, ""})
    overview = Capture(
        node=wanted.node,
        container=wanted.container,
        began_at=rfc3339(began),
        ended_at=rfc3339(clock()),
        reason=wanted.reason,
        incident=wanted.incident,
        processes=len(processes),
        changed=len(changes),
        order=wanted.order,
        strange=_told(strange),
        altered=_told(one.path for one in changes if one.is_executable and one.size),
        left_out=_told(left_out),
    )
    return _seal(layout, [_json(layout, "capture.json", overview, OVERVIEW), *parts]), overview


def _told(lines: Iterable[str]) -> tuple[str, ...]:
    """As many as the overview may hold, each as long as it may be; what a container calls its files is its affair."""
    found = list(lines)
    told = [one if len(one) <= _MAX_LINE_CHARS else one[: _MAX_LINE_CHARS - 1] + "…" for one in found[:_MAX_LINES]]
    more = len(found) - len(told)
    return (*told, *([f"and {more} more"] if more else []))


def _seal(layout: Path, parts: Sequence[Descriptor]) -> Digest:
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type.OCI_MANIFEST,
        "artifactType": ARTIFACT_TYPE,
        "config": wire_descriptor(write_blob(layout, b"{}", media_type.OCI_EMPTY)),
        "layers": [wire_descriptor(part) for part in parts],
    }
    found = write_blob(layout, to_json(manifest), media_type.OCI_MANIFEST)
    enter_unnamed(layout, replace(found, artifact_type=ARTIFACT_TYPE))
    return found.digest


def _memory(
    layout: Path, processes: Sequence[CapturedProcess], choice: MemoryChoice, left_out: list[str]
) -> tuple[list[Descriptor], list[CapturedProcess]]:
    """Parts of memory, and the processes with the names of these parts among their regions."""
    parts: list[Descriptor] = []
    told: list[CapturedProcess] = []
    room = MAX_MEMORY_BYTES
    for process in processes:
        kept: dict[str, str] = {}
        for region in chosen(process, choice):
            size = int(region.end, 16) - int(region.start, 16)
            if size > room:
                left_out.append(
                    f"process {process.pid}: memory at {region.start}, over the bound of {MAX_MEMORY_BYTES}"
                )
                continue
            name = f"memory/{process.pid}-{region.start}"
            part = _region(layout, name, process.pid, region)
            if part is not None:
                room -= size
                parts.append(part)
                kept[region.start] = name
        maps = tuple(replace(one, part=kept[one.start]) if one.start in kept else one for one in process.maps)
        told.append(replace(process, maps=maps))
    return parts, told


def _region(layout: Path, name: str, pid: int, region: MappedRegion) -> Descriptor | None:
    found = False

    def write(sink: Any) -> None:
        nonlocal found
        found = copy_region(pid, region, sink)

    part = _stream(layout, name, write, MEMORY)
    return part if found else None


def _stream(layout: Path, title: str, write: Any, type_: str) -> Descriptor:
    """A part too long to be held: packed with zstd and hashed while it is written."""
    place = layout / "blobs" / "sha256" / ".new"
    with place.open("wb") as file:
        sink = HashingWriter(file)
        with compressed(sink, Compression.ZSTD) as packed:
            write(packed)
    place.replace(place.with_name(sink.digest.hex))
    return _titled(Descriptor(media_type=type_, digest=sink.digest, size=sink.size), title)


def _json(layout: Path, title: str, document: object, type_: str) -> Descriptor:
    return _titled(write_blob(layout, to_json(document), type_), title)


def _titled(part: Descriptor, title: str) -> Descriptor:
    return replace(part, annotations={TITLE: title})


def _overlay(pids: Iterable[int]) -> Overlay | None:
    """Of the first process that tells its mounts; its folders lie here, or where the node's first process sees them."""
    for pid in pids:
        try:
            mounts = [mount for mount in mounts_of(Path(f"/proc/{pid}/mountinfo")) if mount.point == "/"]
        except (OSError, InvalidInputError):
            continue
        for seen_from in ("", "/proc/1/root") if mounts else ():
            found = overlay_of(mounts[-1], seen_from=seen_from)
            if found is not None and Path(found.lower[0]).is_dir():
                return found
    return None


def _origin(pid: int, overlay: Overlay | None) -> str:
    """Where the program of a process comes from; "" when nobody can tell."""
    if overlay is None:
        return ""
    try:
        path = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115 - no path but what the kernel says
        file = os.stat(f"/proc/{pid}/exe")  # noqa: PTH116 - what runs, not what has its name now
    except OSError:
        return ""
    return str(overlay.origin(path, file))
