# SPDX-License-Identifier: Apache-2.0
"""Proposals on record, on SQLite and PostgreSQL: each change once and as an event, whatever is judged again."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from update_samples import AT, TEAM_APP, digest, judged, running, shelved

from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.errors import NotFoundError, RefusedError
from tidegate.events import EventKind
from tidegate.execution.nodes import take_report
from tidegate.execution.observation import Container
from tidegate.execution.placements import Place, Placed, place_containers
from tidegate.execution.report import NodeKind, Owner, PodContainer, Report
from tidegate.execution.updates import proposals
from tidegate.execution.updates.judge import Judged
from tidegate.execution.updates.proposals import UpdateState, take_up
from tidegate.execution.updates.rule import Application, UpdateRule
from tidegate.execution.updates.running import repositories_since, running_images_of
from tidegate.execution.updates.window import read_window
from tidegate.identity.duties import Actor, SameHandError
from tidegate.storage import outbox
from tidegate.storage.database import Database
from tidegate.storage.migrations import migrate
from tidegate.storage.schema import manifest, manifest_child, repository_manifest

ANNA, BOB = Actor(name="anna", identity="user:anna"), Actor(name="bob", identity="user:bob")
RULE = UpdateRule(name="r")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    sys.path.append(str(Path(__file__).parents[2]))
    from postgres_server import start_postgres

    with start_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    if request.param == "postgresql":
        from postgres_server import emptied

        url = emptied(request.getfixturevalue("postgres"))
    migrate(url)
    made = Database(url)
    yield made
    made.close()


def found(*tags: str, runs: str = "1.25.3", **more: Any) -> Judged:
    return judged(running(runs, owner="team-web"), *map(shelved, (runs, *tags)), **more)


def taken(database: Database, one: Judged, minutes: int = 0) -> bool:
    with database.begin() as connection:
        return take_up(connection, one, at=AT + timedelta(minutes=minutes))


def events(database: Database) -> list[tuple[EventKind, str]]:
    with database.read() as connection:
        read = outbox.read_after(connection, 0, 1000)
    return [(one.kind, str(one.data["to_tag"])) for _, one in read if one.kind.startswith("execution.update.")]


def states(database: Database) -> dict[str, str]:
    with database.read() as connection:
        return {one.proposal.to.tag: one.state.value for one in proposals.list_proposals(connection)}


def only(database: Database, state: str = "") -> str:
    with database.read() as connection:
        (one,) = proposals.list_proposals(connection, state=state)
        return one.id


def test_a_proposal_is_told_once_and_superseded_by_a_newer_one(database: Database) -> None:
    assert taken(database, found("1.25.4"))
    assert not taken(database, found("1.25.4"), 1)
    assert taken(database, found("1.25.4", "1.25.5"), 2)
    assert states(database) == {"1.25.4": "superseded", "1.25.5": "proposed"}
    assert events(database) == [
        (EventKind.UPDATE_PROPOSED, "1.25.4"),
        (EventKind.UPDATE_SUPERSEDED, "1.25.4"),
        (EventKind.UPDATE_PROPOSED, "1.25.5"),
    ]
    with database.read() as connection:
        told = next(event for _, event in outbox.read_after(connection, 0, 10))
    assert told.subject == "prod/shop/Deployment/web"
    assert told.data["owner"] == "team-web"
    assert told.data["removes"] == ["CVE-2026-1"]


def test_it_is_done_when_the_workload_runs_it_and_closed_when_it_may_not_be_any_more(database: Database) -> None:
    taken(database, found("1.25.4"))
    taken(database, found(runs="1.25.4"), 1)
    assert states(database) == {"1.25.4": "done"}
    taken(database, found("1.25.4"), 2)
    assert states(database) == {"1.25.4": "proposed"}, "the workload went back"
    recalled = judged(running("1.25.3"), shelved("1.25.3"), shelved("1.25.4", is_admitted=False, state="recalled"))
    taken(database, recalled, 3)
    assert states(database) == {"1.25.4": "closed"}
    with database.begin() as connection:
        taken_up = proposals.find(connection, only(database))
    assert "is recalled" in taken_up.outcome


def test_what_was_refused_or_failed_is_not_proposed_again_and_a_newer_one_is(database: Database) -> None:
    taken(database, found("1.25.4"))
    with database.begin() as connection:
        proposals.refuse(connection, only(database), by=ANNA, why="breaks our plug-in", at=AT)
    assert not taken(database, found("1.25.4"), 1)
    assert taken(database, found("1.25.4", "1.25.5"), 2)
    name = only(database, "proposed")
    with database.begin() as connection:
        proposals.ask(connection, name, UpdateRule(name="r", apply=Application.ASKED), by=ANNA, at=AT)
        proposals.conclude(connection, name, done=False, what="not ready", at=AT)
    assert not taken(database, found("1.25.4", "1.25.5"), 3)
    assert states(database) == {"1.25.4": "refused", "1.25.5": "failed"}


def test_a_rollout_takes_two_people_where_the_rule_says_so(database: Database) -> None:
    taken(database, found("1.25.4"))
    name = only(database)
    with database.begin() as connection:
        assert proposals.ask(connection, name, RULE, by=ANNA, at=AT).state is UpdateState.ASKED
        with pytest.raises(SameHandError):
            proposals.approve(connection, name, RULE, by=ANNA, at=AT)
        with pytest.raises(RefusedError, match="it is asked"):
            proposals.conclude(connection, name, done=True, what="", at=AT)
        assert proposals.approve(connection, name, RULE, by=BOB, at=AT).state is UpdateState.ROLLING
        assert proposals.ask(connection, name, RULE, by=ANNA, at=AT).approved_by == "bob"
        assert proposals.conclude(connection, name, done=True, what="healthy", at=AT).state is UpdateState.DONE
        assert proposals.conclude(connection, name, done=False, what="late", at=AT).state is UpdateState.DONE
    kinds = [kind.rpartition(".")[2] for kind, _ in events(database)]
    assert kinds == ["proposed", "asked", "rolling", "done"]


def test_what_is_rolling_is_not_taken_away_by_a_judgement(database: Database) -> None:
    taken(database, found("1.25.4"))
    with database.begin() as connection:
        proposals.ask(connection, only(database), UpdateRule(name="r", apply=Application.ASKED), by=ANNA, at=AT)
    taken(database, found("1.25.4", "1.25.5"), 1)
    taken(database, found(runs="1.25.4"), 2)
    assert states(database)["1.25.4"] == "rolling"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (UpdateRule(name="r", apply=Application.NEVER), "lets nobody"),
        (UpdateRule(name="r", windows=(read_window("Sun 01:00-02:00"),)), "outside of the windows"),
    ],
)
def test_what_a_rule_does_not_let_is_refused(database: Database, rule: UpdateRule, said: str) -> None:
    taken(database, found("1.25.4", rule=UpdateRule(name="young", minimum_age=timedelta(days=3))))
    name = only(database)
    with database.begin() as connection:
        with pytest.raises(RefusedError, match="old enough"):
            proposals.ask(connection, name, RULE, by=ANNA, at=AT)
        with pytest.raises(RefusedError, match=said):
            proposals.ask(connection, name, rule, by=ANNA, at=AT + timedelta(days=3))
        with pytest.raises(NotFoundError):
            proposals.ask(connection, "0" * 32, RULE, by=ANNA, at=AT)


def held(database: Database, *digests: Digest) -> None:
    with database.begin() as connection:
        for one in digests:
            row = {"digest": one, "media_type": "m", "artifact_type": "", "kind": "image", "document": b"{}"}
            connection.execute(manifest.insert().values(**row, stored_at=rfc3339(AT)))
            pushed = {"repository": TEAM_APP, "digest": one, "pushed_at": rfc3339(AT), "pushed_by": "x"}
            connection.execute(repository_manifest.insert().values(pushed))


def test_what_runs_is_found_by_its_repository_once_for_each_workload(database: Database) -> None:
    old, new = digest("1.25.3"), digest("1.25.4")
    held(database, old, new)
    web = Place(cluster="prod", namespace="shop", kind="Deployment", name="web")
    image = Placed(container="web", digest=old, reference="registry.example/team/app:1.25.3")
    other = Placed(container="web", digest=digest("else"), reference="registry.example/other:1")

    def box(number: int, pod: str, of: Digest, **more: str) -> Container:
        more = {"name": "web", "namespace": "shop", **more}
        return Container(id=f"{number:064x}", pod=pod, image="registry.example/team/app:1.25.3", digest=of, **more)

    with database.begin() as connection:
        place_containers(connection, web, [image], owner="team-web", at=AT)
        place_containers(connection, Place(**{**to_dict(web), "name": "other"}), [other], owner="", at=AT)
        boxes = (box(1, "web-5d4f-x2", old), box(2, "lone", old), box(3, "", new, name="host-web", namespace=""))
        take_report(connection, "n1", Report(run="c" * 32, containers=boxes), principal="r", at=AT)
    with database.read() as connection:
        told = {(one.cluster, one.workload, one.digest) for one in running_images_of(connection, {TEAM_APP})}
        assert told == {
            ("prod", "Deployment/web", old),
            ("n1", "Pod/lone", old),
            ("n1", "Container/host-web", new),
        }
        assert running_images_of(connection, {"team/none"}) == []
        assert len(running_images_of(connection)) == 4


def test_what_a_cluster_and_its_nodes_tell_is_one_and_platforms_of_an_index_are_too(database: Database) -> None:
    index, amd, arm = digest("index"), digest("amd64"), digest("arm64")
    held(database, index, amd, arm)

    def box(number: int, of: Digest) -> Container:
        place = {"name": "web", "namespace": "shop", "pod": f"web-5d4f-x{number}"}
        return Container(id=f"{number:064x}", image="registry.example/team/app:1.25.3", digest=of, **place)

    runs = tuple(
        PodContainer(number=number, container=box(number, of), owner=Owner(kind="Deployment", name="web"))
        for number, of in ((1, amd), (2, arm))
    )
    with database.begin() as connection:
        for child in (amd, arm):
            connection.execute(manifest_child.insert().values(parent=index, child=child))
        take_report(connection, "n1", Report(run="c" * 32, containers=(box(1, amd),)), principal="r", at=AT)
        told = Report(kind=NodeKind.CLUSTER, run="d" * 32, changed=runs)
        take_report(connection, "prod", told, principal="r", at=AT)
    with database.read() as connection:
        (only_one,) = running_images_of(connection, {TEAM_APP})
        assert repositories_since(connection, AT) == {TEAM_APP}
        assert repositories_since(connection, AT + timedelta(seconds=1)) == set()
    assert (only_one.cluster, only_one.workload, only_one.digest) == ("prod", "Deployment/web", index)


def to_dict(place: Place) -> dict[str, str]:
    return {"cluster": place.cluster, "namespace": place.namespace, "kind": place.kind, "name": place.name}


def test_a_proposal_whose_container_is_gone_is_closed(database: Database) -> None:
    taken(database, found("1.25.4"))
    with database.begin() as connection:
        proposals.close_gone(connection, [running("1.25.3")], {TEAM_APP}, at=AT)
        assert proposals.open_repositories(connection) == {TEAM_APP}
        proposals.close_gone(connection, [], {TEAM_APP}, at=AT)
        assert proposals.open_repositories(connection) == set()
    assert states(database) == {"1.25.4": "closed"}
