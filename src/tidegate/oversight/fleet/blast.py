# SPDX-License-Identifier: Apache-2.0
"""The blast radius: all that is downstream of one thing, with what runs of it and who answers for it.

sha256:…            an image: what is built upon it, indexes that name it, encrypted copies; or a layer
pkg:TYPE/NAME@…     a package: images that have it
debian:12           a base by name, as images name theirs, or a tag of this registry: what is built upon it
NAME, ID            a key: what was signed with it, and what rests on that
9f2c81d…            a commit, or how it begins: images made from it, and what is built upon them
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from pyroaring import BitMap
from sqlalchemy import Connection, or_, select

from tidegate.artifact import Digest
from tidegate.curation.components.holders import digests_of, holders_of
from tidegate.curation.image_chains import heirs_of
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.oversight.fleet.answer import MAX_IMAGES
from tidegate.oversight.fleet.found_image import FoundImage, found_images
from tidegate.oversight.fleet.parts import parts_wanted
from tidegate.oversight.fleet.wanted import Wanted
from tidegate.storage import schema
from tidegate.storage.encryption_schema import encrypted_copy
from tidegate.storage.fleet_schema import image_commit
from tidegate.storage.keeping_schema import image_scan
from tidegate.storage.trust_schema import statement_signer, trusted_key
from tidegate.storage.vending_schema import image_summary
from tidegate.trust.resting_on import affected
from tidegate.values import Struct

Kind = Literal["image", "blob", "package", "base", "key", "commit"]
KINDS: Final[tuple[Kind, ...]] = ("image", "blob", "package", "base", "key", "commit")
MAX_CHARS: Final = 1024
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")
_KEY_ID: Final = re.compile(r"[0-9a-f]{8,64}")
_CHUNK: Final = 500
_IMAGES: Final = ("image", "index")
_MANY_KEYS: Final = 20
_REMEDY: Final = "name a digest, pkg:TYPE/NAME, a base like debian:12, a key, or seven letters of a commit at least"


class Blast(Struct, frozen=True, kw_only=True):
    """What is downstream.

    Attributes:
        kind: what the thing is.
        name: of it, in full.
        images: a page; each tells why it is downstream in `components`.
        images_in_all: how many there are.
        after: the cursor of the next page; 0 at the end.
    """

    kind: Kind
    name: str
    images: tuple[FoundImage, ...]
    images_in_all: int
    after: int


def blast(connection: Connection, thing: str, *, kind: Kind | None, after: int, limit: int) -> Blast:
    """Everything downstream of a thing.

    Args:
        connection: to read with.
        thing: as above.
        kind: what it is; None to tell by its form, and by what is on record.
        after: the cursor of the page before; 0 for the first.
        limit: of a page.

    Raises:
        InvalidInputError: no number of a page, or not a thing of that kind.
        NotFoundError: nothing on record is called so.
    """
    if not 1 <= limit <= MAX_IMAGES:
        raise InvalidInputError(f"a page has 1 to {MAX_IMAGES} images")
    text = thing.strip()
    if not text or len(text) > MAX_CHARS or not text.isprintable():
        raise InvalidInputError("nothing that can be asked for", where=thing[:80], remedy=_REMEDY)
    for found_kind, name, reasons in _readings(connection, text, kind):
        digests = sorted(reasons)
        page = digests[after : after + limit]
        return Blast(
            kind=found_kind,
            name=name,
            images=found_images(connection, page, {one: (reasons[one],) for one in page}),
            images_in_all=len(digests),
            after=after + limit if after + limit < len(digests) else 0,
        )
    raise NotFoundError("nothing on record is called so", where=text[:80], remedy=_REMEDY)


_Reasons = dict[str, str]
"""Digests of images, with why each is downstream."""


def _readings(connection: Connection, text: str, kind: Kind | None) -> Iterator[tuple[Kind, str, _Reasons]]:
    """What the text may mean, the likeliest first; each only where something on record is called so."""
    if text.startswith("pkg:") or kind == "package":
        wanted = Wanted.parse(text)
        parts = parts_wanted(connection, wanted).found
        held = digests_of(connection, holders_of(connection, BitMap(one.id for one in parts)))
        yield "package", text, dict.fromkeys(held, f"has {text}")
        return
    if ":" in text and text.partition(":")[0] in {"sha256", "sha512"}:
        yield from _of_digest(connection, Digest(text), kind)
        return
    if kind in {None, "key"} and (key := _key(connection, text)):
        name, key_id = key
        rests = dict.fromkeys(_manifests(connection, affected(connection, key_id, 0)), f"rests on key {name}")
        yield "key", name if name == key_id[:12] else f"{name} ({key_id[:12]})", rests
    if kind in {None, "commit"} and _COMMIT.fullmatch(text) and (made := _made_from(connection, text)):
        yield "commit", text, made | _built_upon(connection, made, "an image made from it")
    if kind in {None, "base"} and (built := _based_on(connection, text)):
        yield "base", text, built


def _of_digest(connection: Connection, digest: Digest, kind: Kind | None) -> Iterator[tuple[Kind, str, _Reasons]]:
    known = connection.scalar(select(schema.manifest.c.digest).where(schema.manifest.c.digest == digest))
    if known and kind in {None, "image", "base"}:
        yield "image", digest, _downstream(connection, digest)
    blob = schema.manifest_blob
    holding = connection.scalars(select(blob.c.manifest).where(blob.c.blob == digest)).all()
    if holding and kind in {None, "blob"}:
        yield "blob", digest, dict.fromkeys(_above(connection, holding), f"has {digest[:19]}")
    based = connection.scalars(select(image_scan.c.digest).where(image_scan.c.base == digest)).all()
    if based and kind in {None, "base"}:
        yield "base", digest, dict.fromkeys(based, f"built upon {digest[:19]}")


def _downstream(connection: Connection, digest: Digest) -> _Reasons:
    child, copied = schema.manifest_child, encrypted_copy
    own = [digest, *connection.scalars(select(child.c.child).where(child.c.parent == digest))]
    found = _built_upon(connection, own, digest[:19])
    rests = dict.fromkeys(_above(connection, own), f"with {digest[:19]} in it")
    copies = connection.scalars(select(copied.c.encrypted).where(copied.c.plain.in_(own)))
    based = connection.scalars(select(image_scan.c.digest).where(image_scan.c.base.in_(own)))
    return {
        **dict.fromkeys(based, f"built upon {digest[:19]}"),
        **found,
        **rests,
        **dict.fromkeys(copies, "its encrypted copy"),
        **dict.fromkeys(own, "itself"),
    }


def _built_upon(connection: Connection, digests: Sequence[str] | _Reasons, what: str) -> _Reasons:
    return dict.fromkeys((heir for one in digests for heir in heirs_of(connection, Digest(one))), f"built upon {what}")


def _above(connection: Connection, digests: Sequence[str]) -> list[str]:
    """These, and the indexes that name any of them."""
    child = schema.manifest_child
    found = list(digests)
    for start in range(0, len(digests), _CHUNK):
        chunk = digests[start : start + _CHUNK]
        found += connection.scalars(select(child.c.parent).where(child.c.child.in_(chunk)))
    return found


def _manifests(connection: Connection, digests: Sequence[str]) -> list[str]:
    """Those that are images, or were: keys sign of other things as well."""
    held, found = schema.manifest, list[str]()
    images = select(held.c.digest).where(held.c.kind.in_(_IMAGES))
    for start in range(0, len(digests), _CHUNK):
        found += connection.scalars(images.where(held.c.digest.in_(digests[start : start + _CHUNK])))
    return found


def _key(connection: Connection, text: str) -> tuple[str, str] | None:
    """The name and the id of a key that is called so, or that signed something and whose id begins so."""
    table, signer = trusted_key, statement_signer
    named = select(table.c.key_id, table.c.name)
    called = {row.key_id: row.name for row in connection.execute(named.where(table.c.name == text))}
    if _KEY_ID.fullmatch(text):
        begins = table.c.key_id.startswith(text, autoescape=True)
        called |= {row.key_id: row.name for row in connection.execute(named.where(begins))}
        # From one to the next by the index: a key has as many rows as it has signatures.
        last = text
        while len(called) < _MANY_KEYS:
            here = (signer.c.key_id >= last) & (signer.c.key_id < text + "g")
            found = connection.scalar(select(signer.c.key_id).where(here).order_by(signer.c.key_id).limit(1))
            if found is None:
                break
            called.setdefault(found, found[:12])
            last = found + "0"
    if len(called) > 1:
        ids = ", ".join(one[:16] for one in sorted(called))
        raise InvalidInputError("more than one key is called so", where=text[:80], remedy=f"name one by its id: {ids}")
    return next(((name, key_id) for key_id, name in called.items()), None)


def _made_from(connection: Connection, commit: str) -> _Reasons:
    table = image_commit
    here = table.c.commit == commit
    if len(commit) not in {40, 64}:
        here = (table.c.commit >= commit) & (table.c.commit < commit + "g")
    # What is signed goes before what the image says of itself.
    query = select(table.c.digest, table.c.commit, table.c.said_by).where(here).order_by(table.c.said_by)
    return {
        digest: f"made from {named[:12]}, " + ("as it says itself" if said_by == "label" else "by its provenance")
        for digest, named, said_by in connection.execute(query)
    }


def _based_on(connection: Connection, name: str) -> _Reasons:
    """Images that name this base, and those built upon what a tag of this registry points to."""
    table = image_summary
    named = connection.scalars(
        select(table.c.digest).where(or_(table.c.base == name, table.c.base.endswith(f"/{name}", autoescape=True)))
    )
    found = dict.fromkeys(named, f"built upon {name}")
    repository, _, tag = name.rpartition(":")
    here = (schema.tag.c.repository == repository) & (schema.tag.c.name == tag)
    for digest in connection.scalars(select(schema.tag.c.digest).where(here)):
        found |= _downstream(connection, Digest(digest))
    return found
