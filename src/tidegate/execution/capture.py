# SPDX-License-Identifier: Apache-2.0
"""A forensic capture of one container as values: what ran, what was open, what was written, and what was kept of it.

A capture is an OCI artifact in an archive (image-spec 1.1 `image-layout.md`), so that any registry and any tool for
images can carry it; docs/reference/forensics.md has its parts.
"""

from typing import Final

from tidegate.artifact import Digest
from tidegate.values import Struct

ARTIFACT_TYPE: Final = "application/vnd.tidegate.forensic-capture.v1"
OVERVIEW: Final = "application/vnd.tidegate.forensic-capture.overview.v1+json"
PROCESSES: Final = "application/vnd.tidegate.forensic-capture.processes.v1+json"
SOCKETS: Final = "application/vnd.tidegate.forensic-capture.sockets.v1+json"
CHANGES: Final = "application/vnd.tidegate.forensic-capture.changes.v1+json"
EVENTS: Final = "application/vnd.tidegate.forensic-capture.events.v1+jsonl"
MEMORY: Final = "application/vnd.tidegate.forensic-capture.memory.v1+zstd"
TITLE: Final = "org.opencontainers.image.title"
"""Annotation that names a part (OCI image-spec 1.1 `annotations.md`)."""


class CapturedContainer(Struct, frozen=True, kw_only=True):
    """Which container it was; "" for what its runtime does not say."""

    id: str
    name: str = ""
    image: str = ""
    image_digest: str = ""
    namespace: str = ""
    pod: str = ""


class Capture(Struct, frozen=True, kw_only=True):
    """What a capture says of itself: its part `capture.json`.

    Attributes:
        began_at, ended_at: RFC 3339; a process may have come or gone between.
        reason: why it was made; of an incident, its id is in `incident`.
        processes, changed: how many there are in the parts.
        order: that it was made for, where a server gave one.
        strange: programs that run and are not of the image, by path.
        altered: files that can be run and were written since the image, by path.
        left_out: what could not be kept, and why; over a bound, gone, not readable.
    """

    node: str
    container: CapturedContainer
    began_at: str
    ended_at: str
    reason: str = ""
    incident: str = ""
    processes: int = 0
    changed: int = 0
    order: str = ""
    strange: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Programs are there that are not of the image; other files that were written are no sign of anything."""
        return bool(self.strange or self.altered)


class OpenFile(Struct, frozen=True, kw_only=True):
    """An open file: `target` as the kernel names it, such as `/etc/passwd`, `socket:[4242]`, `pipe:[7]`."""

    descriptor: int
    target: str


class MappedRegion(Struct, frozen=True, kw_only=True):
    """A part of a process's memory (proc_pid_maps(5)).

    Attributes:
        start, end: addresses, hexadecimal.
        rights: `r-xp` and the like.
        path: of the file behind it; "" for none, `[heap]` and such as they are.
        part: name of the part that holds its bytes; "" when they were not kept.
    """

    start: str
    end: str
    rights: str
    path: str = ""
    part: str = ""


class CapturedProcess(Struct, frozen=True, kw_only=True):
    """One process.

    Attributes:
        pid, parent: as the node numbers them; `inner` as the container does.
        started_at: RFC 3339; "" when unknown.
        command: its words; values that look secret are replaced.
        program: path of what runs; `origin` says where that comes from, as drift does.
        program_digest: sha256 of what runs, also when its file is gone; "" when it could not be read.
        users: real, effective, saved and file-system user.
        capabilities: effective ones, hexadecimal.
        seccomp: 0 none, 1 strict, 2 filter.
        environment: by name; values replaced unless they are harmless.
    """

    pid: int
    parent: int
    inner: int
    name: str
    started_at: str
    command: tuple[str, ...]
    program: str
    origin: str
    program_digest: str
    folder: str
    users: tuple[int, ...]
    groups: tuple[int, ...]
    capabilities: str
    seccomp: int
    threads: int
    environment: dict[str, str]
    files: tuple[OpenFile, ...]
    maps: tuple[MappedRegion, ...]


class CapturedSocket(Struct, frozen=True, kw_only=True):
    """A socket of the container's network namespace; `pids` are those of its processes that hold it."""

    protocol: str
    local: str
    remote: str
    state: str
    inode: str
    pids: tuple[int, ...] = ()


class ChangedFile(Struct, frozen=True, kw_only=True):
    """Something that differs from the image.

    Attributes:
        change: `added`, `changed`, `removed`.
        kind: `file`, `folder`, `link`, `device`, `pipe`, `socket`; "" for what was removed.
        mode: permission bits, octal.
        digest: of a file's content; None for others.
    """

    path: str
    change: str
    kind: str = ""
    mode: str = ""
    user: int = 0
    group: int = 0
    size: int = 0
    digest: Digest | None = None
    is_executable: bool = False
