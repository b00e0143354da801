# SPDX-License-Identifier: Apache-2.0
"""Which images of the shelf are built upon which: found by the chain of their lowest layers, without a search.

An image has a row for each of its ChainIDs (OCI image-spec 1.1 `config.md`); what is built upon it has one of the same.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from tidegate.artifact import Digest, Manifest, Repository, parse_image_config
from tidegate.artifact import media_type as mt
from tidegate.artifact.image_config import MAX_CONFIG_BYTES
from tidegate.bounds import read_bounded
from tidegate.curation.shelved import manifest_of, pushers_of, repositories_of
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.examination.bases import chain_ids
from tidegate.storage.blobs import BlobReads
from tidegate.storage.insert import insert_once
from tidegate.storage.intake_schema import image_chain
from tidegate.storage.schema import manifest_child
from tidegate.values import Struct

MAX_LAYERS: Final = 200
MAX_BUILT_UPON: Final = 500
"""Images that are told of for one base; of more, those with the lowest digests."""


class BuiltUpon(Struct, frozen=True, kw_only=True):
    """An image that is built upon another.

    Attributes:
        repositories: where it lies.
        pushers: who brought it.
    """

    digest: Digest
    repositories: tuple[Repository, ...]
    pushers: tuple[str, ...]


def remember_chain(connection: Connection, blobs: BlobReads, digest: Digest) -> int:
    """Records the chain of an image, in the caller's transaction; again changes nothing.

    Returns:
        How many layers it has; 0 for what is no image.
    """
    try:
        node = manifest_of(connection, digest)
        if not isinstance(node, Manifest) or node.config.media_type not in mt.IMAGE_CONFIGS:
            return 0
        with blobs.open(node.config.digest) as source:
            raw = read_bounded(source, max_bytes=MAX_CONFIG_BYTES, what=digest)
        layers = parse_image_config(raw, where=digest).diff_ids[:MAX_LAYERS]
    except (InvalidInputError, NotFoundError):
        return 0
    for count, chain in enumerate(chain_ids(layers), 1):
        insert_once(connection, image_chain, chain=chain, digest=digest, layers=count)
    return len(layers)


def is_built_upon(connection: Connection, digest: Digest, base: Digest) -> bool:
    """True when an image, or one of an index, has all layers of the base lowest."""
    tops = _tops(connection, _images(connection, base))
    query = select(image_chain.c.digest).where(
        image_chain.c.chain.in_(tops), image_chain.c.digest.in_(_images(connection, digest))
    )
    return bool(tops) and connection.scalar(query.limit(1)) is not None


def built_upon(connection: Connection, base: Digest) -> tuple[BuiltUpon, ...]:
    """Images that are built upon a base, or upon an image of a base that is an index; not the base itself."""
    own = _images(connection, base)
    tops = _tops(connection, own)
    if not tops:
        return ()
    query = (
        select(image_chain.c.digest)
        .where(image_chain.c.chain.in_(tops), image_chain.c.digest.not_in(own))
        .distinct()
        .order_by(image_chain.c.digest)
        .limit(MAX_BUILT_UPON)
    )
    found = [Digest(text) for text in connection.scalars(query).all()]
    return tuple(
        BuiltUpon(digest=one, repositories=repositories_of(connection, one), pushers=pushers_of(connection, one))
        for one in found
    )


def heirs_of(connection: Connection, base: Digest) -> tuple[str, ...]:
    """Digests of all images that are built upon an image, sorted; not itself."""
    tops = _tops(connection, [base])
    query = select(image_chain.c.digest).where(image_chain.c.chain.in_(tops), image_chain.c.digest != base)
    return tuple(connection.scalars(query.distinct().order_by(image_chain.c.digest))) if tops else ()


def _images(connection: Connection, digest: Digest) -> Sequence[str]:
    """An image itself, or the images an index names."""
    children = connection.scalars(select(manifest_child.c.child).where(manifest_child.c.parent == digest)).all()
    return [digest, *children]


def _tops(connection: Connection, digests: Sequence[str]) -> Sequence[str]:
    """The whole chain of each image."""
    most = (
        select(image_chain.c.digest, func.max(image_chain.c.layers).label("layers"))
        .where(image_chain.c.digest.in_(digests))
        .group_by(image_chain.c.digest)
        .subquery()
    )
    query = select(image_chain.c.chain).join(
        most, (most.c.digest == image_chain.c.digest) & (most.c.layers == image_chain.c.layers)
    )
    return connection.scalars(query).all()
