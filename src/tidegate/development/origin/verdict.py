# SPDX-License-Identifier: Apache-2.0
"""Whether an image came from a commit, by all that is told of it; pure.

Three tell: provenance (proved where somebody trusted signed it), the label or annotation
`org.opencontainers.image.revision` (a claim of whoever built it), and content. One that contradicts outweighs all.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from tidegate.development.origin.content import ContentFinding
from tidegate.evidence.predicates.provenance import Provenance
from tidegate.values import Struct

REVISION: Final = "org.opencontainers.image.revision"
SOURCE: Final = "org.opencontainers.image.source"
"""OCI image-spec 1.1 `annotations.md`; builders write them as labels too."""


class Standing(StrEnum):
    """How far something holds."""

    PROVED = "proved"
    CLAIMED = "claimed"
    UNKNOWN = "unknown"
    CONTRADICTED = "contradicted"


class Told(Struct, frozen=True, kw_only=True):
    """What one witness says."""

    standing: Standing
    why: str


class KnownProvenance(Struct, frozen=True, kw_only=True):
    """Provenance of the image; `signers` are ids of trusted keys, empty when nobody trusted signed it."""

    provenance: Provenance
    signers: tuple[str, ...]


class SourceVerdict(Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether an image came from a commit.

    Attributes:
        image: digest of its manifest.
        changes: paths of the folder that are not as in the commit: the image is compared with the commit.
        content: None when there was nothing to compare.
    """

    standing: Standing
    image: str
    commit: str
    repository: str
    provenance: Told
    label: Told
    files: Told
    changes: tuple[str, ...] = ()
    content: ContentFinding | None = None


def judge_provenance(found: Sequence[KnownProvenance], commit: str) -> Told:
    """What provenance says; that of somebody trusted alone proves or contradicts."""
    trusted = [it for it in found if it.signers]
    for it in trusted:
        if commit in it.provenance.commits:
            by = ", ".join(signer[:12] for signer in it.signers)
            return Told(standing=Standing.PROVED, why=f"{it.provenance.builder} built it from this, signed by {by}")
    others = sorted({name[:12] for it in trusted for name in it.provenance.commits})
    if others:
        return Told(standing=Standing.CONTRADICTED, why=f"it was built from {', '.join(others)}, says who is trusted")
    if trusted:
        return Told(standing=Standing.UNKNOWN, why="the provenance names no commit")
    if any(commit in it.provenance.commits for it in found):
        return Told(standing=Standing.CLAIMED, why="provenance says so that nobody trusted signed")
    why = "the provenance is signed by nobody trusted" if found else "no provenance"
    return Told(standing=Standing.UNKNOWN, why=why)


def judge_label(revision: str, commit: str) -> Told:
    """What the label says; a shortened name counts from seven digits on."""
    said = revision.strip().casefold().removesuffix("-dirty")
    if not said:
        return Told(standing=Standing.UNKNOWN, why=f"no {REVISION}")
    if len(said) >= 7 and commit.startswith(said):  # noqa: PLR2004 - what git abbreviates to
        return Told(standing=Standing.CLAIMED, why=f"{REVISION} says so")
    return Told(standing=Standing.CONTRADICTED, why=f"{REVISION} says {revision[:80]}")


def judge_content(found: ContentFinding | None) -> Told:
    """What the files say: equal files show where content is from, not what was built when."""
    if found is None or not found.files:
        return Told(standing=Standing.UNKNOWN, why="no file of its makers' own to compare")
    share = f"{found.same} of {found.files} files are the commit's"
    if found.different_count:
        return Told(standing=Standing.CONTRADICTED, why=f"{share}, {found.different_count} are other than there")
    if found.same:
        return Told(standing=Standing.CLAIMED, why=share)
    return Told(
        standing=Standing.UNKNOWN, why=f"none of {found.files} files is the commit's; they may be built from it"
    )


def judge_source(
    *,
    image: str,
    commit: str,
    repository: str,
    provenance: Told,
    label: Told,
    files: Told,
    changes: Sequence[str] = (),
    content: ContentFinding | None = None,
) -> SourceVerdict:
    """The verdict: contradicted by one is contradicted; a folder that was changed proves nothing of itself."""
    said = [told.standing for told in (provenance, label, files)]
    if Standing.CONTRADICTED in said:
        standing = Standing.CONTRADICTED
    elif provenance.standing is Standing.PROVED:
        standing = Standing.CLAIMED if changes else Standing.PROVED
    else:
        standing = Standing.CLAIMED if Standing.CLAIMED in said else Standing.UNKNOWN
    return SourceVerdict(
        standing=standing,
        image=image,
        commit=commit,
        repository=repository,
        provenance=provenance,
        label=label,
        files=files,
        changes=tuple(changes),
        content=content,
    )
