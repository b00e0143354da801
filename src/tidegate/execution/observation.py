# SPDX-License-Identifier: Apache-2.0
"""What a node's sensor saw, and in which container."""

from enum import StrEnum
from typing import Annotated, Final

from tidegate.execution.drift_rules import Mode
from tidegate.values import Struct, msgspec

MAX_PATH_CHARS: Final = 4096
MAX_WORD_CHARS: Final = 512

_Word = Annotated[str, msgspec.Meta(max_length=MAX_WORD_CHARS)]
_Path = Annotated[str, msgspec.Meta(max_length=MAX_PATH_CHARS)]


class Origin(StrEnum):
    """Where a file comes from."""

    IMAGE = "image"
    ADDED = "added"
    """It was not in the image."""
    CHANGED = "changed"
    """The image has another one in its place."""
    REMOVED = "removed"
    """It has no name any more, or the image's was taken away."""
    OUTSIDE = "outside"
    """It lies on another file system than the image: a volume, a tmpfs."""
    UNCLEAR = "unclear"
    """It is not to be found under its name."""


class Act(StrEnum):
    """What happened."""

    EXECUTED = "executed"
    LOADED = "loaded"
    """A loader opened a program or library."""
    INTERPRETED = "interpreted"
    """An interpreter opened a script."""
    FILELESS = "fileless"
    """A program runs that has no file: from memory, or its file is gone."""
    SHELL = "shell"
    """A shell was started."""
    PRIVILEGED = "privileged"
    """A process got more rights than it began with."""
    LISTENING = "listening"
    """A port is listened on."""
    CONNECTED = "connected"
    """A connection to elsewhere."""
    WEAK = "weak"
    """The kernel confines a process less than the class of its workload demands."""
    ACCOUNTS = "accounts"
    """Users, groups, passwords or keys of logins were changed."""
    WRITTEN = "written"
    """A file was changed where nothing should be."""
    CONTAINED = "contained"
    """A step of a response was taken, or undone."""
    RECALLED = "recalled"
    """It runs an image that was recalled: the server's own word."""
    UNADMITTED = "unadmitted"
    """It runs an image that was never admitted, or that is not any more: the server's own word."""
    SWAPPED = "swapped"
    """It runs another image than the one its workload pins: the server's own word."""
    UNGUARDED = "unguarded"
    """A part of the sensor died or hung; meanwhile nothing was looked at."""
    LOST = "lost"
    """Observations were dropped, since their place was full."""
    REPORTED = "reported"
    """Another tool's word: Falco's, or the audit log of a Kubernetes API server."""


class Container(Struct, frozen=True, kw_only=True):
    """A container as its runtime describes it; "" for what it does not say.

    Attributes:
        id: 64 hexadecimal digits.
        name: of the container, or of the container within its pod.
        image: the reference it was started from.
        namespace, pod: of Kubernetes.
        digest: of the image's manifest; `config`: of its configuration, which runtimes call the image's id.
        pod_uid: of that pod; another one may come to have its name.
        host: the node of its cluster that it runs on; "" where the node itself tells.
        started_at: when it began, RFC 3339.
        starter: who had it made: a user's name, or the program that asked the cluster for it.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    name: _Word = ""
    image: _Word = ""
    namespace: _Word = ""
    pod: _Word = ""
    digest: _Word = ""
    config: _Word = ""
    pod_uid: _Word = ""
    host: _Word = ""
    started_at: _Word = ""
    starter: _Word = ""

    @property
    def workload(self) -> str:
        """What it is called in reports."""
        return (f"{self.namespace}/{self.pod}/{self.name}" if self.pod else self.name) or self.id[:12]


class Observation(Struct, frozen=True, kw_only=True):
    """Something that was not expected of a container.

    Attributes:
        at: RFC 3339, of the first time.
        act: what happened.
        path: of the file, as its container sees it; an address and port; the name of a login.
        origin: where the file comes from; None where it is not about a file's origin.
        refused: it did not run.
        mode: how far the sensor goes for this workload.
        rule: the rule that says so.
        program: who did it, `comm` of the process.
        pid: of that process, on the node; 0 for none.
        container: where; None for a process in no container that used a container's file, and for the sensor itself.
        count: how often since it was told last.
        what: more of it, in words.
    """

    at: Annotated[str, msgspec.Meta(max_length=40)]
    act: Act
    path: _Path = ""
    origin: Origin | None = None
    refused: bool = False
    mode: Mode
    rule: _Word = ""
    program: _Word = ""
    pid: Annotated[int, msgspec.Meta(ge=0, le=1 << 32)] = 0
    container: Container | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=1 << 53)] = 1
    what: Annotated[str, msgspec.Meta(max_length=2000)] = ""


def clean(text: str, limit: int = MAX_PATH_CHARS) -> str:
    """Text that came from a container, for an observation: bytes that are no UTF-8 are escaped, and it is cut off."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")[:limit]
