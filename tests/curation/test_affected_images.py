# SPDX-License-Identifier: Apache-2.0
"""The join of stored components with changed ranges: exactly the images a comparison one by one would find."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrated import migrated
from tidegate.artifact import Digest
from tidegate.curation.components.affected import images_in
from tidegate.curation.components.remembered import remember_components
from tidegate.inventory import Component, Ecosystem, Inventory, PackageKind, PackageUrl, Version
from tidegate.knowledge.affected import AffectedRange
from tidegate.knowledge.target import match_target
from tidegate.storage.database import Database

LAYER = Digest.of(b"layer")
names = st.sampled_from(["h11", "uvicorn", "anyio"])
versions = st.builds("{}.{}".format, st.integers(0, 4), st.integers(0, 4))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path_factory.mktemp('join') / 'state.db'}"
    migrated(url)
    found = Database(url)
    yield found
    found.close()


def component(name: str, version: str) -> Component:
    return Component(
        kind=PackageKind.PYPI,
        name=name,
        version=Version(version),
        purl=PackageUrl(f"pkg:pypi/{name}@{version}"),
        ecosystem=Ecosystem("PyPI"),
        location=f"site/{name}",
        layer=LAYER,
        cataloger="python",
    )


def key(name: str, version: str) -> bytes:
    target = match_target(component(name, version))
    assert target is not None
    return target.key


@pytest.mark.property
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    images=st.lists(st.lists(st.tuples(names, versions), max_size=4), max_size=6),
    ranges=st.lists(st.tuples(names, versions, versions), max_size=4),
)
def test_the_join_finds_what_a_comparison_one_by_one_finds(
    database: Database, images: list[list[tuple[str, str]]], ranges: list[tuple[str, str, str]]
) -> None:
    affected = [
        AffectedRange(ecosystem=Ecosystem("PyPI"), name=name, low=key(name, low), high=key(name, high), advisory="A")
        for name, low, high in ranges
    ]
    wanted = set()
    with database.begin() as connection:
        for at in range(6):
            parts = images[at] if at < len(images) else []
            digest = Digest.of(bytes([at]))
            inventory = Inventory(
                digest=digest, name="", layers=(LAYER,), components=tuple(component(n, v) for n, v in parts)
            )
            remember_components(connection, inventory)
            if any(r.name == n and r.low <= key(n, v) < r.high for r in affected for n, v in parts):
                wanted.add(digest)
        assert set(images_in(connection, affected)) == wanted


def test_remembering_again_replaces_what_was_there(database: Database, tmp_path: Path) -> None:
    del tmp_path
    digest = Digest.of(b"again")
    inside = [
        AffectedRange(ecosystem=Ecosystem("PyPI"), name="h11", low=key("h11", "0"), high=key("h11", "2"), advisory="A")
    ]
    with database.begin() as connection:
        for version, found in (("1.0", (digest,)), ("3.0", ())):
            inventory = Inventory(digest=digest, name="", layers=(LAYER,), components=(component("h11", version),))
            remember_components(connection, inventory)
            assert tuple(item for item in images_in(connection, inside) if item == digest) == found
