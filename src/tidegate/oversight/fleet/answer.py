# SPDX-License-Identifier: Apache-2.0
"""The images that have some components: what they are called, in which state they are, where they run, who answers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pyroaring import BitMap
from sqlalchemy import ColumnElement, Connection, select

from tidegate.artifact import Digest
from tidegate.curation.components.holders import components_of, counts_of, holders_of
from tidegate.errors import InvalidInputError
from tidegate.oversight.fleet.parts import Part
from tidegate.storage import schema
from tidegate.storage.component_schema import component_holder
from tidegate.storage.node_schema import node_container
from tidegate.values import Struct

MAX_IMAGES: Final = 1000
"""Of one page."""
MAX_PARTS: Final = 1000
"""That are told by name; all of them count."""


class FoundPart(Struct, frozen=True, kw_only=True):
    """A component in a version, and how many images have it."""

    purl: str
    version: str
    images: int


class FoundImage(Struct, frozen=True, kw_only=True):
    """An image that has it.

    Attributes:
        state: of the registry; "" for one that is gone.
        components: what it has of what was looked for.
        running: containers that run it now, as far as nodes and clusters tell.
        workloads: that were admitted with it, as `cluster/namespace/kind/name`.
        owners: of these.
    """

    digest: Digest
    repositories: tuple[str, ...]
    tags: tuple[str, ...]
    state: str
    components: tuple[str, ...]
    running: int
    workloads: tuple[str, ...]
    owners: tuple[str, ...]


class Answer(Struct, frozen=True, kw_only=True):
    """What is on record.

    Attributes:
        parts: components that were found, the first of them by package URL.
        unordered: of the package, of versions that could not be compared.
        images: a page of images, in the order they were first examined.
        images_in_all: how many there are, on the shelf or not.
        after: the cursor of the next page; 0 at the end.
    """

    parts: tuple[FoundPart, ...]
    unordered: tuple[FoundPart, ...]
    images: tuple[FoundImage, ...]
    images_in_all: int
    after: int


def answer(
    connection: Connection, parts: Sequence[Part], unordered: Sequence[Part] = (), *, after: int, limit: int
) -> Answer:
    """Which images have any of some components.

    Args:
        connection: to read with.
        parts: the components.
        unordered: told, not counted.
        after: the cursor of the page before; 0 for the first.
        limit: of a page.

    Raises:
        InvalidInputError: no number of a page.
    """
    if not 1 <= limit <= MAX_IMAGES:
        raise InvalidInputError(f"a page has 1 to {MAX_IMAGES} images")
    wanted = {part.id: part for part in parts}
    holders = holders_of(connection, BitMap(wanted))
    numbers = holders[holders.rank(after) : holders.rank(after) + limit]
    return Answer(
        parts=tuple(_counted(connection, parts)),
        unordered=tuple(_counted(connection, unordered)),
        images=tuple(_images(connection, list(numbers), wanted)),
        images_in_all=len(holders),
        after=numbers.max() if numbers and numbers.max() != holders.max() else 0,
    )


def _counted(connection: Connection, parts: Sequence[Part]) -> Iterable[FoundPart]:
    told = parts[:MAX_PARTS]
    counts = counts_of(connection, BitMap(part.id for part in told))
    for part in told:
        yield FoundPart(purl=part.purl, version=part.version, images=counts.get(part.id, 0))


def _images(connection: Connection, numbers: Sequence[int], wanted: Mapping[int, Part]) -> Iterable[FoundImage]:
    holder = component_holder
    ids = BitMap(wanted)
    query = select(holder.c.number, holder.c.digest).where(holder.c.number.in_(numbers)).order_by(holder.c.number)
    digests = [row.digest for row in connection.execute(query)]
    names = _grouped(connection, schema.repository_manifest.c.digest, schema.repository_manifest.c.repository, digests)
    tag = schema.tag
    tags = _grouped(connection, tag.c.digest, tag.c.repository + ":" + tag.c.name, digests)
    states = _grouped(connection, schema.state.c.digest, schema.state.c.state, digests)
    placed = _placed(connection, digests)
    running = _running(connection, digests)
    for digest in digests:
        own = components_of(connection, digest) & ids
        yield FoundImage(
            digest=Digest(digest),
            repositories=tuple(names.get(digest, ())),
            tags=tuple(tags.get(digest, ())),
            state="".join(states.get(digest, ())),
            components=tuple(sorted(wanted[one].purl for one in own)),
            running=running.get(digest, 0),
            workloads=tuple(sorted({workload for workload, _ in placed.get(digest, ())})),
            owners=tuple(sorted({owner for _, owner in placed.get(digest, ()) if owner})),
        )


def _grouped(
    connection: Connection, key: ColumnElement[str], value: ColumnElement[str], digests: Sequence[str]
) -> Mapping[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for digest, text in connection.execute(select(key, value).where(key.in_(digests)).order_by(key, value)):
        found[digest].append(text)
    return found


def _placed(connection: Connection, digests: Sequence[str]) -> Mapping[str, list[tuple[str, str]]]:
    table = schema.placement
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in connection.execute(select(table).where(table.c.digest.in_(digests))):
        found[row.digest].append((f"{row.cluster}/{row.namespace}/{row.kind}/{row.name}", row.owner))
    return found


def _running(connection: Connection, digests: Sequence[str]) -> Mapping[str, int]:
    """How many containers run each image: named by its manifest, its configuration, or an index with it alone."""
    runs, blob, child = node_container, schema.manifest_blob, schema.manifest_child
    named: defaultdict[str, set[str]] = defaultdict(set)
    by_content = (
        select(blob.c.manifest, runs.c.id).join(runs, runs.c.config == blob.c.blob).where(blob.c.manifest.in_(digests))
    )
    by_index = (
        select(child.c.child, runs.c.id)
        .join(runs, runs.c.digest == child.c.parent)
        .where(child.c.child.in_(digests), runs.c.config == "")
    )
    own = select(runs.c.digest, runs.c.id).where(runs.c.digest.in_(digests))
    for query in (own, by_content, by_index):
        for digest, container in connection.execute(query):
            named[digest].add(container)  # of a node and of its cluster it is one
    return {digest: len(containers) for digest, containers in named.items()}
