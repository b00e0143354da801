# SPDX-License-Identifier: Apache-2.0
"""What a judgement of updates rests on: what runs, what is on record beside it, and what a change would turn."""

from datetime import datetime

from tidegate.artifact import Digest, Repository, Tag
from tidegate.evidence import Severity
from tidegate.values import Struct


class Runs(Struct, frozen=True, kw_only=True):
    """One container and the image it runs, or a place in a file and the image it names.

    Attributes:
        cluster: or the node, where no cluster is known; "" for a file.
        kind, name: of the workload.
        registry: host, as it was written.
        tag: as it was written; None where nothing but a digest was.
        digest: of the image; None when that is not known.
        owner: who answers for it; "" when nobody says.
        since: None for a file.
    """

    cluster: str
    namespace: str
    kind: str
    name: str
    container: str
    registry: str
    repository: Repository
    tag: Tag | None
    digest: Digest | None
    owner: str = ""
    since: datetime | None = None

    @property
    def workload(self) -> str:
        """`Deployment/web`."""
        return f"{self.kind}/{self.name}"


class Shelved(Struct, frozen=True, kw_only=True):
    """An image on record.

    Attributes:
        tag: by which it is known here; "" for none.
        state: what curation thinks of it.
        is_admitted: that it is admitted, neither restricted nor deprecated.
        since: when it came to its state.
        stored_at: when it was first pushed here.
        system: distribution and release, like `debian 12`; "" when unknown.
        platforms: none when unknown.
    """

    repository: Repository
    tag: str
    digest: Digest
    state: str
    is_admitted: bool
    since: datetime
    stored_at: datetime
    system: str = ""
    platforms: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.tag or self.repository}@{short(self.digest)}"


class Shelf(Struct, frozen=True, kw_only=True):
    """What is on record around one image that runs.

    Attributes:
        running: itself; None when it is not on record.
        tagged: every tagged image of its repository.
        replacement: what its deprecation names instead.
    """

    running: Shelved | None = None
    tagged: tuple[Shelved, ...] = ()
    replacement: Shelved | None = None


class Flaw(Struct, frozen=True, kw_only=True):
    """A flaw as people read it; `is_worse` when it is known to be exploited, or malicious."""

    id: str
    package: str
    severity: Severity
    is_worse: bool = False


class Turned(Struct, frozen=True, kw_only=True):
    """What a change from one image to another turns.

    Attributes:
        caveat: why it may be told wrongly; "" for no reason.
    """

    removes: tuple[Flaw, ...] = ()
    brings: tuple[Flaw, ...] = ()
    caveat: str = ""


def short(digest: str) -> str:
    """A digest as people read it."""
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}:{value[:12]}"
