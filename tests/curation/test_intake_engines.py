# SPDX-License-Identifier: Apache-2.0
"""What intake puts on record, on SQLite and on PostgreSQL: names, lists, standings, versions of bases, chains."""

import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from keeping_stand import postgres
from toxic_upstream import APP, Taking, Toxic, serving, taking_from

from postgres_server import emptied
from tidegate.artifact import Digest, Reference, Repository, Tag
from tidegate.curation.image_chains import built_upon, is_built_upon, remember_chain
from tidegate.curation.intake.entry import Outcome, TooManyNamesError
from tidegate.curation.intake.imports import Progress, begin_import, import_report, recent_imports
from tidegate.curation.intake.internal_base import BUILDING, CURRENT, InternalBase, add_version, set_state, versions_of
from tidegate.curation.intake.named_images import NamedImage
from tidegate.curation.intake.names import intake_names
from tidegate.curation.states import State
from tidegate.loops.upstream_moved import begin_watching, forget_names, look_at_watched
from tidegate.loops.wanted_images import ask_for_wanted
from tidegate.storage.folder_blobs import FolderBlobs

__all__ = ["postgres"]
NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)


class Hands:
    """A clock whose hands are set."""

    at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def toxic() -> Iterator[Toxic]:
    with serving(Toxic()) as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def taking(request: pytest.FixtureRequest, toxic: Toxic, tmp_path: Path) -> Iterator[Taking]:
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres")
        emptied(url)
    with taking_from(toxic, tmp_path, Hands(), url=url) as stand:
        yield stand


def test_many_that_ask_at_once_are_one(taking: Taking, toxic: Toxic) -> None:
    toxic.image("1")
    source = taking.upstream.source(APP, Tag("1"))
    begin = threading.Barrier(12)

    def ask() -> None:
        begin.wait()
        taking.intake.ask(taking.upstream, APP, Tag("1"), source=source, who="me")

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taking.waiting) == 1
    assert taking.entry("1").attempt == 1
    taking.run()
    assert taking.entry("1").outcome is Outcome.ARRIVED


def test_a_list_is_told_of_line_by_line(taking: Taking, toxic: Toxic) -> None:
    good = toxic.image("good")
    toxic.image("bad", layer=b"bad")
    toxic.answers["/manifests/down"] = toxic.answers["/manifests/up"] = lambda request: request.send_error(500)
    host = toxic.host
    named = [NamedImage(name=f"{host}/app:{tag}") for tag in ("good", "bad", "none", "down")]
    named += [NamedImage(name=f"{host}/app:good", target="bases/app:7"), NamedImage(name="quay.io/x")]
    upstreams = taking.intake.upstreams
    id_ = begin_import(taking.database, upstreams, named, name="list", who="me", at=taking.clock())
    for _ in range(6):
        ask_for_wanted(taking.database, taking.intake, taking.clock)
        taking.run()
        taking.clock.at += timedelta(minutes=10)
    taking.settle(good, State.ANALYSING, State.ADMITTED)
    report = import_report(taking.database, id_)
    assert [line.progress for line in report.lines] == [
        Progress.ADMITTED,
        Progress.WAITING,
        Progress.REFUSED,
        Progress.FAILED,
        Progress.ADMITTED,
        Progress.REFUSED,
    ]
    assert report.lines[4].repository == "bases/app"
    assert not report.is_done
    assert [one["id"] for one in recent_imports(taking.database, limit=10)] == [id_]
    with taking.database.read() as connection:
        every = intake_names(connection)
        assert [(one.repository, one.locator) for one in every] == sorted(
            (one.repository, one.locator) for one in every
        )
        page = intake_names(connection, last=(every[0].repository, every[0].locator), limit=2)
        assert page == every[1:3]
        failed = intake_names(connection, outcome="failed", upstream="hub")
        assert [(one.locator, one.failures) for one in failed] == [("down", 4)]


def test_watched_names_are_looked_at_when_their_time_comes(taking: Taking, toxic: Toxic) -> None:
    toxic.image("1")
    source = taking.upstream.source(APP, Tag("1"))
    taking.intake.ask(taking.upstream, APP, Tag("1"), source=source, who="me", watched=True)
    taking.run()
    assert look_at_watched(taking.database, taking.intake, taking.clock) == 0
    first = taking.entry("1")
    assert timedelta(minutes=13) < datetime.fromisoformat(first.look_at) - NOW < timedelta(minutes=17)
    toxic.answers["/manifests/1"] = lambda request: request.send_error(500)
    pauses = []
    for _ in range(4):
        taking.clock.at = datetime.fromisoformat(taking.entry("1").look_at)
        assert look_at_watched(taking.database, taking.intake, taking.clock) == 1
        taking.run()
        assert look_at_watched(taking.database, taking.intake, taking.clock) == 0
        pauses.append(datetime.fromisoformat(taking.entry("1").look_at) - taking.clock.at)
    assert all(later > earlier * 1.5 for earlier, later in itertools.pairwise(pauses)), pauses


def test_what_the_file_says_no_longer_is_not_watched(toxic: Toxic, tmp_path: Path) -> None:
    toxic.image("1")
    toxic.image("2", layer=b"two")
    with taking_from(toxic, tmp_path, Hands(), watch=("app:1", "app:2")) as taking:
        assert begin_watching(taking.database, taking.intake) == 2
        taking.run()
        assert begin_watching(taking.database, taking.intake) == 0
        assert [taking.entry(tag).watched for tag in ("1", "2")] == [True, True]
    with taking_from(toxic, tmp_path, Hands(), watch=("app:2",)) as taking:
        assert begin_watching(taking.database, taking.intake, also=[(Repository("bases/x"), Tag("1"))]) == 0
        assert [taking.entry(tag).watched for tag in ("1", "2")] == [False, True]


def test_names_asked_for_at_once_are_bounded_and_missing_ones_are_forgotten(
    taking: Taking, toxic: Toxic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.curation.intake.entry.MAX_UNDER_WAY", 3)
    toxic.image("here")
    assert taking.take("here").outcome is Outcome.ARRIVED
    for tag in ("a", "b", "c"):
        assert taking.pulls.begin(APP, Tag(tag), who="me") is None
    with pytest.raises(TooManyNamesError):
        taking.pulls.begin(APP, Tag("d"), who="me")
    taking.clock.at += timedelta(minutes=10)
    assert taking.pulls.begin(APP, Tag("here"), who="me") is None, "what is known is asked for all the same"
    taking.run()
    assert taking.pulls.begin(APP, Tag("d"), who="me") is None
    taking.run()
    assert forget_names(taking.database, taking.clock) == 0
    taking.clock.at += timedelta(days=8)
    assert forget_names(taking.database, taking.clock) == 4
    with taking.database.read() as connection:
        assert [one.locator for one in intake_names(connection)] == ["here"]


def test_versions_of_a_base_and_who_is_built_upon_them(taking: Taking, toxic: Toxic, tmp_path: Path) -> None:
    lower = toxic.image("lower", layer=b"lower")
    taking.take("lower")
    base = InternalBase(
        name="b", source=Reference.parse(f"{toxic.host}/app:lower"), repository=Repository("bases/b"), tag=Tag("1")
    )
    blobs = FolderBlobs(tmp_path / "content")
    with taking.database.begin() as connection:
        assert remember_chain(connection, blobs, lower) == 1
        assert remember_chain(connection, blobs, lower) == 1
        assert built_upon(connection, lower) == ()
        assert is_built_upon(connection, lower, lower)
        assert remember_chain(connection, blobs, Digest.of(b"nothing")) == 0
        first = add_version(connection, base, lower, state=CURRENT, at=NOW)
        assert first is not None
        assert (first.number, first.tag) == (1, "1-20260601")
        assert add_version(connection, base, lower, state=CURRENT, at=NOW) is None
        second = add_version(connection, base, Digest.of(b"2"), state=BUILDING, at=NOW)
        assert second is not None
        assert (second.number, second.tag, second.digest) == (2, "1-20260601.2", "")
        set_state(connection, second, CURRENT, digest=Digest.of(b"built"))
        assert [one.digest for one in versions_of(connection, "b")] == [Digest.of(b"built"), lower]
