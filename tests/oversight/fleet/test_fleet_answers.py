# SPDX-License-Identifier: Apache-2.0
"""Where a package is: in which images, under which names, running or not, whoever owns its files."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from tidegate.artifact import Digest
from tidegate.curation.components.folding import fold
from tidegate.curation.components.remembered import remember_components
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.execution.nodes import take_report
from tidegate.execution.observation import Container
from tidegate.execution.report import Report
from tidegate.inventory import Component, Ecosystem, Inventory, PackageKind, PackageUrl, Version
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.seed import build_seed
from tidegate.oversight.fleet.affected import parts_affected
from tidegate.oversight.fleet.answer import Answer, answer
from tidegate.oversight.fleet.parts import parts_wanted
from tidegate.oversight.fleet.wanted import Wanted
from tidegate.storage import schema
from tidegate.storage.database import Database
from tidegate.storage.migrations import migrate

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
LAYER = Digest.of(b"layer")
WEB, JOB, OLD = (Digest.of(name) for name in (b"web", b"job", b"old"))
CONFIG = str(Digest.of(b"configuration"))


def python(version: str, *, owner: str = "") -> Component:
    return Component(
        kind=PackageKind.PYPI,
        name="requests",
        version=Version(version),
        purl=PackageUrl(f"pkg:pypi/requests@{version}"),
        ecosystem=Ecosystem("PyPI"),
        location="site",
        layer=LAYER,
        cataloger="python",
        owner=PackageUrl(owner) if owner else None,
    )


def debian(name: str, version: str, *, source: str = "", source_version: str = "") -> Component:
    return Component(
        kind=PackageKind.DEB,
        name=name,
        version=Version(version),
        purl=PackageUrl(f"pkg:deb/debian/{name}@{version}?arch=amd64&distro=debian-12"),
        ecosystem=Ecosystem("Debian:12"),
        location="var/lib/dpkg/status",
        layer=LAYER,
        cataloger="dpkg",
        source_name=source,
        source_version=source_version,
    )


@pytest.fixture(params=["as they were written", "folded"])
def database(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrate(url)
    found = Database(url)
    images: Sequence[tuple[Digest, Sequence[Component]]] = (
        (WEB, [python("2.31.0"), debian("libssl3", "3.0.11-1", source="openssl", source_version="3.0.11-1")]),
        (JOB, [python("2.28.0", owner="pkg:deb/debian/python3-requests@2.28"), debian("openssl", "3.0.9-1")]),
        (OLD, [python("2.31.0")]),
    )
    with found.begin() as connection:
        for digest, components in images:
            values = {"media_type": "", "artifact_type": "", "kind": "image", "document": b"", "stored_at": ""}
            connection.execute(insert(schema.manifest).values(digest=digest, **values))
            remember_components(
                connection, Inventory(digest=digest, name="", layers=(LAYER,), components=tuple(components))
            )
        held = {"repository": "shop/web", "digest": WEB, "pushed_at": "", "pushed_by": ""}
        connection.execute(insert(schema.repository_manifest).values(held))
        connection.execute(insert(schema.tag).values(repository="shop/web", name="1", digest=WEB, moved_at=""))
        connection.execute(insert(schema.state).values(digest=WEB, state="admitted", since=""))
        connection.execute(insert(schema.manifest_blob).values(manifest=WEB, blob=CONFIG))
        place = {"cluster": "prod", "namespace": "shop", "kind": "Deployment", "name": "web", "container": "app"}
        connection.execute(
            insert(schema.placement).values(**place, digest=WEB, reference="", owner="team-shop", since="")
        )
        runs = (Container(id="a" * 64, config=CONFIG), Container(id="b" * 64, digest=str(WEB)))
        take_report(connection, "node-1", Report(run="c" * 32, containers=runs), principal="r", at=AT)
    if request.param == "folded":
        fold(found)
    yield found
    found.close()


def where(database: Database, text: str, *, after: int = 0, limit: int = 100) -> Answer:
    with database.read() as connection:
        parts = parts_wanted(connection, Wanted.parse(text))
        return answer(connection, parts.found, parts.unordered, after=after, limit=limit)


def digests(found: Answer) -> set[Digest]:
    return {image.digest for image in found.images}


def test_an_image_is_told_with_its_names_and_where_it_runs(database: Database) -> None:
    (web, old) = where(database, "pkg:pypi/requests@>=2.31").images
    assert (web.digest, web.repositories, web.tags, web.state) == (WEB, ("shop/web",), ("shop/web:1",), "admitted")
    assert web.components == ("pkg:pypi/requests@2.31.0",)
    assert (web.running, web.workloads, web.owners) == (2, ("prod/shop/Deployment/web",), ("team-shop",))
    assert (old.digest, old.repositories, old.state, old.running) == (OLD, (), "", 0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pkg:pypi/requests", {WEB, JOB, OLD}),
        ("pkg:pypi/requests@<2.31", {JOB}),  # also where a distribution's package owns its files
        ("requests@<2.31", {JOB}),
        ("pkg:deb/debian/openssl", {WEB, JOB}),  # libssl3 is built of it
        ("pkg:deb/debian/openssl@<3.0.10", {JOB}),
        ("pkg:deb/debian/libssl3", {WEB}),
        ("pkg:deb/ubuntu/openssl", set()),
        ("pkg:pypi/nothing", set()),
    ],
)
def test_it_is_found_where_it_is(database: Database, text: str, found: set[Digest]) -> None:
    told = where(database, text)
    assert digests(told) == found
    assert told.images_in_all == len(found)


def test_parts_are_counted_and_pages_go_on(database: Database) -> None:
    first = where(database, "pkg:pypi/requests", limit=2)
    rest = where(database, "pkg:pypi/requests", after=first.after, limit=2)
    assert [len(first.images), len(rest.images), rest.after] == [2, 1, 0]
    assert digests(first) | digests(rest) == {WEB, JOB, OLD}
    assert [(part.version, part.images) for part in first.parts] == [("2.28.0", 1), ("2.31.0", 2)]
    with pytest.raises(InvalidInputError):
        where(database, "pkg:pypi/requests", limit=0)


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Knowledge]:
    file = tmp_path_factory.mktemp("knowledge") / "knowledge.db"
    build_seed(file, made_at=AT)
    with Knowledge.open(file) as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "advisory", "found"),
    [
        ("DSA-5532-1", "DSA-5532-1", {JOB}),
        ("CVE-2023-5363", "DSA-5532-1", {JOB}),
        # The one in its range belongs to a package of the distribution, which is asked about that.
        ("CVE-2023-32681", "PYSEC-2023-74", set()),
    ],
)
def test_an_advisory_finds_by_any_of_its_names_what_it_speaks_of(
    database: Database, knowledge: Knowledge, name: str, advisory: str, found: set[Digest]
) -> None:
    with database.read() as connection:
        advisories, parts = parts_affected(connection, knowledge, name)
        told = answer(connection, parts, after=0, limit=10)
    assert advisory in {one.id for one in advisories}
    assert digests(told) == found


@pytest.mark.parametrize("name", ["CVE-2023", "", '"', "%"])
def test_what_names_no_advisory_is_told(database: Database, knowledge: Knowledge, name: str) -> None:
    with database.read() as connection, pytest.raises(NotFoundError, match="no advisory is called so"):
        parts_affected(connection, knowledge, name)
