# SPDX-License-Identifier: Apache-2.0
"""An image as an answer tells it: what it is called, in which state it is, where it runs, who answers for it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, select

from tidegate.artifact import Digest
from tidegate.storage import schema
from tidegate.storage.node_schema import node_container
from tidegate.storage.vending_schema import image_summary
from tidegate.values import Struct


class FoundImage(Struct, frozen=True, kw_only=True):
    """An image that has it.

    Attributes:
        state: of the registry; "" for one that is gone.
        components: what it has of what was looked for, or why it is told of.
        running: containers that run it now, as far as nodes and clusters tell.
        workloads: that were admitted with it, as `cluster/namespace/kind/name`.
        owners: of these; where none is placed, whom the image names itself.
    """

    digest: Digest
    repositories: tuple[str, ...]
    tags: tuple[str, ...]
    state: str
    components: tuple[str, ...]
    running: int
    workloads: tuple[str, ...]
    owners: tuple[str, ...]


def found_images(
    connection: Connection, digests: Sequence[str], because: Mapping[str, Sequence[str]]
) -> tuple[FoundImage, ...]:
    """Images in the order they are given; few enough for one statement.

    Args:
        connection: to read with.
        digests: of manifests.
        because: what each has of what was looked for.
    """
    names = _grouped(connection, schema.repository_manifest.c.digest, schema.repository_manifest.c.repository, digests)
    tag = schema.tag
    tags = _grouped(connection, tag.c.digest, tag.c.repository + ":" + tag.c.name, digests)
    states = _grouped(connection, schema.state.c.digest, schema.state.c.state, digests)
    claimed = _grouped(connection, image_summary.c.digest, image_summary.c.owner, digests)
    placed = _placed(connection, digests)
    running = _running(connection, digests)
    return tuple(
        FoundImage(
            digest=Digest(digest),
            repositories=tuple(names.get(digest, ())),
            tags=tuple(tags.get(digest, ())),
            state="".join(states.get(digest, ())),
            components=tuple(because.get(digest, ())),
            running=running.get(digest, 0),
            workloads=tuple(sorted({workload for workload, _ in placed.get(digest, ())})),
            owners=tuple(sorted({owner for _, owner in placed.get(digest, ()) if owner}))
            or tuple(filter(None, claimed.get(digest, ()))),
        )
        for digest in digests
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
