# SPDX-License-Identifier: Apache-2.0
"""What is known of one path of an image: who brought it, with what, and what lay there before."""

from enum import StrEnum

from tidegate.artifact import Digest
from tidegate.inventory import Component
from tidegate.inventory.custody import FileCustody
from tidegate.scan.custody.instruction import BuildStep
from tidegate.values import Struct


class Deed(StrEnum):
    """What one layer did at a path."""

    BROUGHT = "brought"
    REPLACED = "replaced"
    DELETED = "deleted"


class LayerRef(Struct, frozen=True, kw_only=True):
    """One layer of the image.

    Attributes:
        number: counted from 1, bottom first.
        digest: compressed.
        step: of the build that made it; None when the history does not tell.
    """

    number: int
    digest: Digest
    step: BuildStep | None = None


class Event(Struct, frozen=True, kw_only=True):
    """What one layer did at a path, or to the folders above it.

    Attributes:
        path: of the entry or the whiteout that did it.
        kind: `file`, `folder`, `link`, `hard link`, `other`; "" for what only deletes.
        digest: of a file's content; None when there is none or it was not computed.
        target: of a link, as written.
    """

    layer: LayerRef
    deed: Deed
    path: str
    kind: str = ""
    size: int = 0
    mode: int = 0
    digest: Digest | None = None
    target: str = ""


class Followed(Struct, frozen=True, kw_only=True):
    """A link on the way to a path, and where it points."""

    link: str
    target: str


class Explanation(Struct, frozen=True, kw_only=True):
    """What is known of one path.

    Attributes:
        asked: the path as it was asked for, no leading slash.
        path: what it leads to, links followed; "" when it leads nowhere.
        kind: of what is seen there; "" when nothing is.
        followed: links on the way, in order.
        layer: whose entry is seen.
        file: its custody; None for a folder, a link that leads nowhere, or nothing.
        reason: how its owner is known when no package lists it.
        package: that owns it.
        written_as: its path as the package's own list writes it.
        algorithm: of `stated` and `actual`; "" when no digest is stated.
        stated: the digest its package states, in hex.
        actual: the digest it has, in hex; "" when it was not computed.
        events: what the layers did there, bottom first.
        near: paths that may have been meant, when nothing is there.
    """

    asked: str
    path: str = ""
    kind: str = ""
    followed: tuple[Followed, ...] = ()
    layer: LayerRef | None = None
    file: FileCustody | None = None
    reason: str = ""
    package: Component | None = None
    written_as: str = ""
    algorithm: str = ""
    stated: str = ""
    actual: str = ""
    events: tuple[Event, ...] = ()
    near: tuple[str, ...] = ()

    @property
    def is_there(self) -> bool:
        """True when something is seen at the path."""
        return bool(self.kind)

    @property
    def deleted_by(self) -> Event | None:
        """The last deed when it deleted what was there; None when something is there or never was."""
        last = self.events[-1] if self.events else None
        return last if last is not None and last.deed is Deed.DELETED and not self.is_there else None
