# SPDX-License-Identifier: Apache-2.0
"""Retention: what rules pick, what stays whatever they say, and that what is told is what is done."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keeping_stand import APP, NOW, OTHER, Stand, both_engines, postgres
from sqlalchemy import insert, update

from tidegate.artifact import Digest, Tag
from tidegate.artifact import media_type as mt
from tidegate.curation.keeping.collector import Collector
from tidegate.curation.keeping.name_pattern import Patterns
from tidegate.curation.keeping.retention import Plan, Retention
from tidegate.curation.keeping.retention_rules import By, Item, RetentionRule, RetentionRules, judge
from tidegate.curation.keeping.rule_file import load_keeping_rules
from tidegate.curation.lifecycle import State
from tidegate.curation.pulls import PullNotes
from tidegate.curation.shelf import Shelf
from tidegate.curation.states import advance
from tidegate.curation.tag_holds import freeze, list_overrides, override
from tidegate.curation.tag_rules import TagRule, TagRules
from tidegate.events import EventKind
from tidegate.evidence import Severity
from tidegate.rules.reading import DocumentError
from tidegate.storage.intake_schema import base_version, image_chain
from tidegate.storage.keeping_schema import image_scan, upkeep_turn
from tidegate.storage.schema import placement

__all__ = ["both_engines", "postgres"]
HEAD = "apiVersion: tidegate.dev/v1\nkind: Retention\nmetadata: {name: r}\nspec:\n"
OLD = "  delete:\n  - {name: old, tags: ['**'], untagged: true, olderThan: 30d}\n"
DAY = timedelta(days=1)


@pytest.fixture
def stand(both_engines: Stand) -> Stand:
    with both_engines.database.begin() as connection:  # pulls are noted since long ago
        connection.execute(update(upkeep_turn).values(taken_at="2020-01-01T00:00:00Z"))
    return both_engines


def rules(text: str) -> RetentionRules:
    return load_keeping_rules({"r.yaml": HEAD + text}).retention


def retention(stand: Stand, tag_rules: TagRules | None = None) -> Retention:
    return Retention(stand.database, stand.clock, tag_rules=tag_rules or TagRules())


def told(plan: Plan) -> tuple[set[str], dict[str, str]]:
    """The tags (or digests) that would go, and why others stay."""
    going = {str(name) for one in plan.going for name in (one.tags or (one.digest,))}
    return going, {str(one.tag or one.digest): one.why for one in plan.staying}


def admit(stand: Stand, *digests: Digest, to: State = State.ADMITTED) -> None:
    with stand.database.begin() as connection:
        for digest in digests:
            for state in (State.ANALYSING, to):
                advance(connection, digest, state, who="t", why="t", at=stand.clock())


def test_what_is_told_is_what_is_done(stand: Stand) -> None:
    old = stand.image("old", "old")
    both = stand.image("both", "pr-1")
    stand.clock.at = NOW + 40 * DAY
    stand.image("both", "release")
    new = stand.image("new", "new")
    wanted = rules(OLD)
    plan = retention(stand).plan(wanted)
    assert told(plan) == ({"old", "pr-1"}, {})
    assert {one.digest: (one.whole, one.why) for one in plan.going} == {
        old: (True, "pushed 40 days ago"),
        both: (False, "pushed 40 days ago"),
    }
    assert stand.resolve("old") == old, "a plan changes nothing"
    done = retention(stand).run(wanted)
    assert {(one.digest, one.tags, one.whole) for one in done.gone} == {
        (one.digest, one.tags, one.whole) for one in plan.going
    }
    assert (done.tags, done.manifests, done.spared) == (2, 1, 0)
    assert stand.shelf.list_tags(APP, limit=10) == ["new", "release"]
    assert stand.events(EventKind.IMAGE_DELETED) == [old]
    assert retention(stand).plan(wanted).going == ()
    stand.clock.at += 2 * DAY
    Collector(stand.database, stand.blobs, stand.clock).run()
    assert stand.count("blob") == 4
    assert new


def test_by_count_time_and_version(stand: Stand) -> None:
    for at, tag in enumerate(["1.10.0", "1.9.0", "1.2.0", "2.0.0-rc1", "latest"]):
        stand.clock.at = NOW + timedelta(hours=at)
        stand.image(tag, tag)
    by_version = rules("  delete:\n  - {name: n, tags: ['**'], newest: 2, by: semver}\n")
    assert told(retention(stand).plan(by_version))[0] == {"1.9.0", "1.2.0"}
    by_time = rules("  delete:\n  - {name: n, tags: ['@semver'], newest: 2}\n")
    assert told(retention(stand).plan(by_time))[0] == {"1.10.0", "1.9.0"}


def test_keep_rules_win(stand: Stand) -> None:
    for at in range(4):
        stand.clock.at = NOW + timedelta(hours=at)
        stand.image(f"i{at}", f"b{at}")
    stand.clock.at = NOW + 90 * DAY
    wanted = rules(OLD + "  keep:\n  - {name: some, tags: ['**'], newest: 1}\n  - {name: b0, tags: [b0]}\n")
    going, staying = told(retention(stand).plan(wanted))
    assert going == {"b1", "b2"}
    assert staying == {"b3": "keep rule some: among the 1 newest by time", "b0": "keep rule b0: it is named"}


def test_pulls_count_and_are_noted(stand: Stand) -> None:
    notes = PullNotes(stand.database, stand.clock)
    shelf = Shelf(stand.database, stand.blobs, stand.clock, pulls=notes)
    used, unused = stand.image("used", "used"), stand.image("unused", "unused")
    admit(stand, used, unused)
    stand.clock.at = NOW + 20 * DAY
    for _ in range(3):
        shelf.get_manifest(APP, Tag("used"))
    shelf.head_manifest(APP, Tag("unused"))
    assert (notes.flush(), notes.flush()) == (1, 0)
    stand.clock.at = NOW + 21 * DAY
    shelf.get_manifest(APP, used)
    notes.flush()
    stand.clock.at = NOW + 40 * DAY
    wanted = rules("  delete:\n  - {name: idle, tags: ['**'], notPulledFor: 20d}\n")
    assert told(retention(stand).plan(wanted))[0] == {"unused"}
    stand.clock.at = NOW + 42 * DAY
    assert told(retention(stand).plan(wanted))[0] == {"unused", "used"}
    with stand.database.begin() as connection:  # as right after the upgrade that began to note pulls
        connection.execute(update(upkeep_turn).values(taken_at="2026-02-10T00:00:00Z"))
    assert told(retention(stand).plan(wanted))[0] == set()


def test_states_and_scans(stand: Stand) -> None:
    bad, worse, fine = (stand.image(name, name) for name in ("bad", "worse", "fine"))
    admit(stand, bad, to=State.REJECTED)
    for digest, severity in ((worse, Severity.CRITICAL), (fine, Severity.LOW)):
        with stand.database.begin() as connection:
            row = {"digest": digest, "base": "", "worst": severity, "scanned_at": "2026-01-01T00:00:00Z"}
            connection.execute(insert(image_scan).values(row))
    assert told(retention(stand).plan(rules("  delete:\n  - {name: s, tags: ['**'], states: [rejected]}\n")))[0] == {
        "bad"
    }
    assert told(retention(stand).plan(rules("  delete:\n  - {name: s, tags: ['**'], severity: high}\n")))[0] == {
        "worse"
    }


def place(stand: Stand, digest: Digest) -> None:
    row = {"cluster": "c", "namespace": "n", "kind": "Deployment", "name": "web", "container": "main"}
    with stand.database.begin() as connection:
        connection.execute(insert(placement).values(**row, digest=digest, reference="r", owner="o", since="s"))


def _hang_tagged(stand: Stand, digest: Digest) -> None:
    config = {**stand.blob(b"{}"), "mediaType": mt.OCI_EMPTY}
    subject = {"mediaType": mt.OCI_MANIFEST, "digest": digest, "size": 1}
    stand.put({"config": config, "layers": [config], "subject": subject}, mt.OCI_MANIFEST, "kept-report")


def _build_upon(stand: Stand, _digest: Digest) -> None:
    upper = stand.image("upper", "kept-upper", layers=(b"one", b"two"))
    admit(stand, upper)


def _known_base(stand: Stand, digest: Digest) -> None:
    upper = stand.image("upper", "kept-upper")
    admit(stand, upper)
    row = {"digest": upper, "base": digest, "worst": "low", "scanned_at": "2026-01-01T00:00:00Z"}
    with stand.database.begin() as connection:
        connection.execute(insert(image_scan).values(row))


def _internal_base(stand: Stand, digest: Digest) -> None:
    row = {"base": "debian", "number": 1, "state": "current", "repository": APP, "tag": "one", "upstream_digest": "u"}
    with stand.database.begin() as connection:
        connection.execute(insert(base_version).values(**row, digest=digest, since="s", why="w"))


def _chained_base(stand: Stand, digest: Digest) -> None:
    """Other bytes, but the same layers when they are unpacked, and one more."""
    upper = stand.image("upper", "kept-upper")
    admit(stand, upper)
    rows = [(digest, "c1", 1), (upper, "c1", 1), (upper, "c2", 2)]
    with stand.database.begin() as connection:
        for image, chain, layers in rows:
            connection.execute(insert(image_chain).values(chain=chain, digest=image, layers=layers))


def _freeze(stand: Stand, _digest: Digest) -> None:
    with stand.database.begin() as connection:
        freeze(connection, APP, Tag("one"), who="ann", why="audit", at=NOW)


def _deploy_index(stand: Stand, digest: Digest) -> None:
    place(stand, stand.index("kept-index", digest))


@pytest.mark.parametrize(
    ("protect", "why"),
    [
        (place, "it runs in c/n/Deployment/web"),
        (_deploy_index, "it runs in c/n/Deployment/web"),
        (lambda stand, digest: stand.index("kept-index", digest), "names it"),
        (_hang_tagged, "kept-report, which is tagged, hangs on it"),
        (_build_upon, "which is vended, was built upon it"),
        (_known_base, "which is vended, was built upon it"),
        (_internal_base, "it is the internal base debian"),
        (_chained_base, "which is vended, was built upon it"),
        (_freeze, "immutable: freeze by ann"),
    ],
)
def test_what_is_needed_stays(stand: Stand, protect: Callable[[Stand, Digest], object], why: str) -> None:
    digest = stand.image("one", "one")
    protect(stand, digest)
    stand.clock.at = NOW + 60 * DAY
    wanted = rules(OLD + "  keep:\n  - {name: kept, tags: ['kept-*']}\n")
    plan = retention(stand).plan(wanted)
    going, staying = told(plan)
    assert going == set()
    assert why in staying["one"]
    assert retention(stand).run(wanted).gone == ()
    assert stand.resolve("one") == digest


def test_what_began_to_run_after_the_plan_is_spared(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = stand.image("one", "one")
    stand.clock.at = NOW + 60 * DAY
    planned = retention(stand)
    plan = planned.plan(rules(OLD))
    assert len(plan.going) == 1
    place(stand, digest)
    monkeypatch.setattr(planned, "plan", lambda _rules, **_told: plan)
    assert planned.run(rules(OLD)).spared == 1
    assert stand.resolve("one") == digest


def test_a_tag_that_came_after_the_plan_keeps_its_manifest(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = stand.image("one", "one")
    stand.clock.at = NOW + 60 * DAY
    planned = retention(stand)
    plan = planned.plan(rules(OLD))
    stand.image("one", "two")
    monkeypatch.setattr(planned, "plan", lambda _rules, **_told: plan)
    assert [one.whole for one in planned.run(rules(OLD)).gone] == [False]
    assert stand.resolve("two") == digest


def test_what_one_that_stays_names_stays_with_its_tags(stand: Stand) -> None:
    child = stand.image("child", "a-child")
    parent = stand.index("parent", child)
    _hang_tagged(stand, parent)
    stand.clock.at = NOW + 60 * DAY
    wanted = rules(OLD + "  keep:\n  - {name: kept, tags: ['kept-*']}\n")
    going, staying = told(retention(stand).plan(wanted))
    assert going == set()
    assert {"a-child", "parent"} <= staying.keys()
    assert retention(stand).run(wanted).gone == ()
    assert stand.resolve("a-child") == child


def test_an_index_goes_before_what_it_names(stand: Stand) -> None:
    child = stand.image("child", "a-child")
    parent = stand.index("parent", child)
    stand.clock.at = NOW + 60 * DAY
    plan = retention(stand).plan(rules(OLD))
    assert [(one.digest, one.whole) for one in plan.going] == [(parent, True), (child, True)]
    done = retention(stand).run(rules(OLD))
    assert [(one.digest, one.whole) for one in done.gone] == [(parent, True), (child, True)]
    assert stand.count("repository_manifest") == 0


def test_rules_use_up_no_override(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = stand.image("one", "one")
    stand.clock.at = NOW + 60 * DAY
    planned = retention(stand)
    plan = planned.plan(rules(OLD))
    with stand.database.begin() as connection:
        freeze(connection, APP, Tag("one"), who="ann", why="audit", at=stand.clock())
        override(connection, APP, Tag("one"), who="ann", why="mine", at=stand.clock())
    monkeypatch.setattr(planned, "plan", lambda _rules, **_told: plan)
    assert planned.run(rules(OLD)).spared == 1
    assert stand.resolve("one") == digest
    with stand.database.read() as connection:
        assert [one.used_at for one in list_overrides(connection, limit=9)] == [None]


def test_rules_hold_no_immutable_tag(stand: Stand) -> None:
    stand.image("one", "1.0")
    stand.clock.at = NOW + 60 * DAY
    held = TagRules((TagRule(name="rel", repositories=Patterns(("**",)), tags=Patterns(("@release",))),))
    assert told(retention(stand, held).plan(rules(OLD))) == (set(), {"1.0": "immutable: rule rel"})


def test_images_of_an_index_and_evidence_go_along(stand: Stand) -> None:
    shared, own = stand.image("shared", "s"), stand.image("own", "o")
    for name in ("s", "o"):
        stand.shelf.delete_tag(APP, Tag(name), who="me")
    first, second = stand.index("first", shared, own), stand.index("kept-second", shared)
    with stand.database.begin() as connection:
        stand.shelf.attach(connection, APP, own, b'{"n":1}', artifact_type="x/y")
    fallback = stand.put({"manifests": []}, mt.OCI_INDEX, first.replace(":", "-"))
    stand.clock.at = NOW + 60 * DAY
    wanted = rules(OLD + "  keep:\n  - {name: kept, tags: ['kept-*']}\n")
    plan = retention(stand).plan(wanted)
    assert [(one.digest, one.along) for one in plan.going] == [(first, (own,))]
    retention(stand).run(wanted)
    deleted = stand.events(EventKind.IMAGE_DELETED)
    assert deleted[:1] == [first]
    assert {own, fallback} < set(deleted)
    assert shared not in deleted
    assert second
    assert stand.shelf.list_tags(APP, limit=10) == ["kept-second"]


def test_without_a_tag_counts_from_the_day_it_lost_it(stand: Stand) -> None:
    lost = stand.image("one", "latest")
    stand.clock.at = NOW + 60 * DAY
    stand.image("two", "latest")
    wanted = rules("  delete:\n  - {name: u, untagged: true, olderThan: 7d}\n")
    assert retention(stand).plan(wanted).going == ()
    stand.clock.at = NOW + 68 * DAY
    assert told(retention(stand).plan(wanted))[0] == {lost}


def test_other_repositories_are_left_alone(stand: Stand) -> None:
    stand.image("one", "one")
    stand.image("one", "one", OTHER)
    stand.clock.at = NOW + 60 * DAY
    wanted = rules("  delete:\n  - {name: o, repositories: [team/*], tags: ['**'], olderThan: 30d}\n")
    retention(stand).run(wanted)
    assert stand.resolve("one", OTHER)
    assert stand.shelf.list_repositories(limit=10) == ["other"]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("  delete:\n  - {name: a, tags: [x]}\n", "r.yaml:6:5", "deletes whatever it speaks of"),
        ("  delete:\n  - {name: a, olderThan: 3d}\n", "r.yaml:6:5", "speaks of no tag"),
        ("  delete:\n  - {name: a, tags: [x], olderThan: soon}\n", "r.yaml:6:37", "not a duration: 'soon'"),
        ("  delete:\n  - {name: a, tags: [x], states: [gone]}\n", "r.yaml:6:35", "unknown state 'gone'"),
        ("  delete:\n  - {name: a, tags: [x], by: semver, olderThan: 3d}\n", "r.yaml:6:30", "by without newest"),
        ("  delete:\n  - {name: a, tags: [x], newest: 0}\n", "r.yaml:6:34", "not a whole number from 1 to 100000"),
        ("  keep:\n  - {name: a, tags: [x]}\n", "r.yaml:1:1", "no rules in it"),
        ("  delete:\n  - {name: a, tags: [x], newest: 1}\n  keep:\n  - {name: a, tags: [x]}\n", "r.yaml:8:5", None),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_place(text: str, where: str, what: str | None) -> None:
    with pytest.raises(DocumentError) as caught:
        rules(text)
    assert caught.value.where == where
    assert what is None or caught.value.what == what


ITEMS = st.lists(
    st.builds(
        lambda number, tag, age, idle, state: Item(
            repository=APP,
            digest=Digest.of(b"%d" % number),
            tag=Tag(tag) if tag else None,
            since=NOW - timedelta(days=age),
            pulled_at=NOW - timedelta(days=min(idle, age)),
            state=state,
        ),
        st.integers(0, 3),
        st.sampled_from(["", "1.0", "1.1", "2.0-rc", "latest"]),
        st.integers(0, 50),
        st.integers(0, 50),
        st.sampled_from([State.ADMITTED, State.REJECTED]),
    ),
    unique_by=lambda item: item.tag or item.digest,
    max_size=6,
)
RULE = st.builds(
    RetentionRule,
    name=st.just("r"),
    repositories=st.just(Patterns(("**",))),
    tags=st.sampled_from([Patterns(("**",)), Patterns(("@semver",)), None]),
    untagged=st.booleans(),
    older_than=st.sampled_from([None, timedelta(days=10)]),
    not_pulled_for=st.sampled_from([None, timedelta(days=5)]),
    states=st.sampled_from([(), (State.REJECTED,)]),
    newest=st.sampled_from([None, 1, 2]),
    by=st.sampled_from(list(By)),
)


@given(ITEMS, st.lists(RULE, max_size=3), st.lists(RULE, max_size=2), RULE)
def test_one_more_keep_rule_never_deletes_more(
    items: list[Item], delete: list[RetentionRule], keep: list[RetentionRule], more: RetentionRule
) -> None:
    def gone(keeping: list[RetentionRule]) -> set[Item]:
        found = judge(
            items, RetentionRules(delete=tuple(delete), keep=tuple(keeping)), at=NOW, worst=lambda _digest: None
        )
        return {picked.item for picked in found[0]}

    before, after = gone(keep), gone([*keep, more])
    assert after <= before
    assert gone(keep) == before, "the same question has the same answer"
    assert all(any(rule.speaks_of(item) for rule in delete) for item in before)


@given(ITEMS, st.integers(1, 3))
def test_the_newest_are_kept(items: list[Item], count: int) -> None:
    every = Patterns(("**",))
    rule = RetentionRule(name="n", repositories=every, tags=every, untagged=True, newest=count)
    going, _ = judge(items, RetentionRules(delete=(rule,)), at=NOW, worst=lambda _digest: None)
    gone = {picked.item for picked in going}
    assert len(items) - len(gone) == min(count, len(items))
    assert all(one.since >= other.since for one in items if one not in gone for other in gone)
