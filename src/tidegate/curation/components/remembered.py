# SPDX-License-Identifier: Apache-2.0
"""Writes down what an image is made of."""

import hashlib
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from pyroaring import BitMap
from sqlalchemy import Connection, select, update

from tidegate.inventory import Component, Inventory
from tidegate.knowledge.target import match_target, place_of
from tidegate.storage.component_schema import component_holder, component_version
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking

_PAGE: Final = 500  # of parameters in one statement
_MAX_PACKAGE_CHARS: Final = 512


def remember_components(connection: Connection, inventory: Inventory) -> None:
    """Stores what an image is made of; replaces what was stored for this image before."""
    rows = {row["identity"]: row for row in map(_row, inventory.components)}
    remember_ids(connection, str(inventory.digest), component_ids(connection, rows))


def component_ids(connection: Connection, rows: Mapping[str, Mapping[str, Any]]) -> BitMap:
    """The ids of components by their identity; those that no image had before get one."""
    known = dict(_known(connection, rows))
    if fresh := sorted(rows.keys() - known.keys()):
        taking(connection, Rank.COMPONENT, ["fresh"])
        for identity in fresh:  # in one order, so that two who have the same new ones wait for each other's first
            insert_once(connection, component_version, **rows[identity])
        known.update(_known(connection, fresh))
    return BitMap(known.values())


def remember_ids(connection: Connection, digest: str, components: BitMap) -> None:
    """Stores which components an image has; the blocks follow later."""
    table, said = component_holder, components.serialize()
    taking(connection, Rank.COMPONENT, ["holders"])
    fresh = {"digest": digest, "components": said, "doubtful": BitMap().serialize(), "folded": 0, "revision": 1}
    query = select(table).where(table.c.digest == digest).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        if insert_once(connection, table, **fresh):
            return
        row = connection.execute(query).mappings().one()
    if row["components"] == said:
        return
    # What the blocks say of it was so before, or became so while somebody folded it.
    doubtful = BitMap.deserialize(row["components"]) | BitMap.deserialize(row["doubtful"])
    values = {"components": said, "doubtful": doubtful.serialize(), "folded": 0, "revision": row["revision"] + 1}
    connection.execute(update(table).where(table.c.number == row["number"]).values(values))


def component_row(
    *, ecosystem: str, name: str, version: str, key: bytes, matched: bool, purl: str
) -> dict[str, str | bytes | int]:
    """The row of a component.

    Args:
        ecosystem: it is looked up in; "" when none is known.
        name: it is looked up by.
        version: that advisories speak of.
        key: the version's place in the order of its ecosystem; empty when it has none.
        matched: an advisory may be asked about it.
        purl: its package URL.
    """
    told = "\0".join((ecosystem, name, version, str(int(matched)), purl)).encode("utf-8", "surrogatepass")
    return {
        "identity": hashlib.sha256(told).hexdigest(),
        "ecosystem": ecosystem,
        "match_name": name,
        "version": version,
        "version_key": key,
        "matched": int(matched),
        "purl": purl,
        "package": package_of(purl),
    }


def package_of(purl: str) -> str:
    """A package URL without version, qualifiers and subpath, as far as it is indexed."""
    return purl.partition("#")[0].partition("?")[0].partition("@")[0][:_MAX_PACKAGE_CHARS]


def pages(items: Iterable[Any], size: int = _PAGE) -> Iterable[list[Any]]:
    """As many at once as a statement takes."""
    rest = iter(items)
    while page := list(islice(rest, size)):
        yield page


def _row(item: Component) -> dict[str, Any]:
    place = place_of(item)
    return component_row(
        ecosystem=place.ecosystem if place else "",
        name=place.name if place else item.name,
        version=place.version if place else item.version,
        key=place.key if place else b"",
        matched=match_target(item) is not None,
        purl=item.purl,
    )


def _known(connection: Connection, identities: Iterable[str]) -> Iterable[tuple[str, int]]:
    for page in pages(identities):
        query = select(component_version.c.identity, component_version.c.id).where(
            component_version.c.identity.in_(page)
        )
        yield from ((row.identity, row.id) for row in connection.execute(query))
