# SPDX-License-Identifier: Apache-2.0
"""Why a manifest must not be taken out of a repository by rule, whatever the rule says."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from tidegate.artifact import Digest, Index, Repository
from tidegate.curation.image_chains import built_upon
from tidegate.curation.keeping.name_pattern import subject_of_fallback
from tidegate.curation.lifecycle import VENDED
from tidegate.curation.shelved import manifest_of
from tidegate.storage.encryption_schema import encrypted_copy
from tidegate.storage.intake_schema import base_version
from tidegate.storage.keeping_schema import image_scan
from tidegate.storage.schema import manifest, manifest_blob, manifest_child, placement, repository_manifest, state, tag

MAX_DEPTH = 4
"""How deep an index may hold indexes."""
RUNNING = "it runs in"
"""How the reason begins for what runs: of that not even a tag goes."""


def protected(connection: Connection, repository: Repository, digest: Digest, *, going: Iterable[Digest] = ()) -> str:
    """Why a manifest must stay; "" when it may go.

    Args:
        connection: for reading, or in the transaction that takes it out.
        repository: that holds it.
        digest: of the manifest.
        going: others of the repository that are to go as well; they protect nothing.
    """
    return (
        _running(connection, digest)
        or _named_by_index(connection, repository, digest, set(going))
        or _subject_of_kept(connection, repository, digest)
        or _internal_base(connection, digest)
        or _base_of_vended(connection, digest)
        or _plain_of_vended(connection, digest)
    )


def children_in(connection: Connection, repository: Repository, digest: Digest) -> list[Digest]:
    """What an index names, at any depth, as far as the repository holds it."""
    found: list[Digest] = []
    level, depth = [digest], 0
    while level and depth < MAX_DEPTH:
        query = (
            select(manifest_child.c.child)
            .join(repository_manifest, repository_manifest.c.digest == manifest_child.c.child)
            .where(manifest_child.c.parent.in_(level), repository_manifest.c.repository == repository)
            .order_by(manifest_child.c.child)
        )
        level = [child for text in connection.scalars(query) if (child := Digest(text)) not in found]
        found += level
        depth += 1
    return found


def _running(connection: Connection, digest: Digest) -> str:
    """It runs somewhere, or an image it names does, or an index that names it was deployed."""
    family, level, depth = {digest}, {digest}, 0
    while level and depth < MAX_DEPTH:
        down = select(manifest_child.c.child).where(manifest_child.c.parent.in_(level))
        level = {Digest(text) for text in connection.scalars(down)} - family
        family |= level
        depth += 1
    level, depth = {digest}, 0
    while level and depth < MAX_DEPTH:
        up = select(manifest_child.c.parent).where(manifest_child.c.child.in_(level))
        level = {Digest(text) for text in connection.scalars(up)} - family
        family |= level
        depth += 1
    row = connection.execute(select(placement).where(placement.c.digest.in_(family)).limit(1)).first()
    return "" if row is None else f"{RUNNING} {row.cluster}/{row.namespace}/{row.kind}/{row.name}"


def _named_by_index(connection: Connection, repository: Repository, digest: Digest, going: set[Digest]) -> str:
    query = (
        select(manifest_child.c.parent)
        .join(repository_manifest, repository_manifest.c.digest == manifest_child.c.parent)
        .where(manifest_child.c.child == digest, repository_manifest.c.repository == repository)
    )
    kept = sorted(parent for parent in connection.scalars(query) if parent not in going)
    return f"index {kept[0]} names it" if kept else ""


def _subject_of_kept(connection: Connection, repository: Repository, digest: Digest) -> str:
    query = (
        select(tag.c.name)
        .join(manifest, manifest.c.digest == tag.c.digest)
        .where(manifest.c.subject == digest, tag.c.repository == repository)
        .order_by(tag.c.name)
    )
    names = [name for name in connection.scalars(query) if not subject_of_fallback(name)]
    return f"{names[0]}, which is tagged, hangs on it" if names else ""


def _base_of_vended(connection: Connection, digest: Digest) -> str:
    vended = [member.value for member in VENDED]
    known = (
        select(image_scan.c.digest)
        .join(state, state.c.digest == image_scan.c.digest)
        .where(image_scan.c.base == digest, state.c.state.in_(vended), image_scan.c.digest != digest)
        .limit(1)
    )
    found = (
        connection.scalar(known)
        or next(iter(_of_these(connection, [one.digest for one in built_upon(connection, digest)], vended)), None)
        or _built_on_layers(connection, digest, vended)
    )
    return f"{found}, which is vended, was built upon it" if found else ""


def _internal_base(connection: Connection, digest: Digest) -> str:
    here = (base_version.c.digest == digest) | (base_version.c.upstream_digest == digest)
    name = connection.scalar(select(base_version.c.base).where(here, base_version.c.state != "replaced").limit(1))
    return f"it is the internal base {name}" if name else ""


def _of_these(connection: Connection, digests: list[Digest], states: list[str]) -> list[str]:
    query = select(state.c.digest).where(state.c.digest.in_(digests), state.c.state.in_(states))
    return list(connection.scalars(query.order_by(state.c.digest)))


def _plain_of_vended(connection: Connection, digest: Digest) -> str:
    """Encrypted copies are judged by the plain image, which therefore has to be there as long as they are."""
    copy, held = encrypted_copy, repository_manifest
    query = (
        select(copy.c.encrypted)
        .join(state, state.c.digest == copy.c.encrypted)
        .join(held, held.c.digest == copy.c.encrypted)
        .where(copy.c.plain == digest, state.c.state.in_([member.value for member in VENDED]))
        .order_by(copy.c.encrypted)
        .limit(1)
    )
    found = connection.scalar(query)
    return f"{found}, which is vended, is its encrypted copy" if found else ""


def _built_on_layers(connection: Connection, digest: Digest, vended: list[str]) -> str:
    """A vended image whose lowest layers are all those of this one, and that has more."""
    own = _layers(connection, digest)
    if not own:
        return ""
    others = (
        select(manifest_blob.c.manifest)
        .join(state, state.c.digest == manifest_blob.c.manifest)
        .join(repository_manifest, repository_manifest.c.digest == manifest_blob.c.manifest)
        .where(manifest_blob.c.blob == own[-1], manifest_blob.c.manifest != digest, state.c.state.in_(vended))
        .distinct()
        .order_by(manifest_blob.c.manifest)
    )
    for other in connection.scalars(others).all():
        layers = _layers(connection, Digest(other))
        if len(layers) > len(own) and layers[: len(own)] == own:
            return str(other)
    return ""


def _layers(connection: Connection, digest: Digest) -> list[Digest]:
    parsed = manifest_of(connection, digest)
    if isinstance(parsed, Index) or not parsed.is_image:
        return []
    return [layer.digest for layer in parsed.layers]
