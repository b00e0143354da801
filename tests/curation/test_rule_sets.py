# SPDX-License-Identifier: Apache-2.0
"""Sets of rules in the database, on SQLite and PostgreSQL: whole or not at all, over those of files."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from keeping_stand import NOW, Stand, both_engines, postgres

from tidegate.artifact import Repository, Tag
from tidegate.curation import rule_sets
from tidegate.curation.intake.file import IntakeRules, load_intake
from tidegate.curation.keeping.rule_file import KeepingRules, laid_over, load_keeping_rules
from tidegate.curation.rule_sets import Change, RuleKind, RuleSet, RuleSetChangedError
from tidegate.curation.rules_in_force import RulesInForce
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError
from tidegate.events import EventKind
from tidegate.storage.database import Database

__all__ = ["both_engines", "postgres"]
HEAD = "apiVersion: tidegate.dev/v1\nkind: {}\nmetadata: {{name: x}}\nspec:\n"
IMMUTABLE = HEAD.format("ImmutableTags") + "  rules:\n"
RETENTION = HEAD.format("Retention") + "  delete:\n"
FILES = load_keeping_rules(
    {
        "tags.yaml": IMMUTABLE + "    - {name: stable, tags: [stable]}\n    - {name: versions, tags: ['@semver']}\n",
        "keep.yaml": RETENTION + "    - {name: old, tags: ['**'], olderThan: 90d}\n",
    }
)


def rules_on(database: Database) -> RulesInForce[KeepingRules]:
    return RulesInForce(database, RuleKind.KEEPING, lambda sets: laid_over(FILES, sets))


def put(stand: Stand, name: str, text: str, *, seen: int, who: str = "anna") -> RuleSet:
    with stand.database.begin() as connection:
        return rule_sets.put(
            connection,
            RuleKind.KEEPING,
            name,
            text.encode(),
            change=Change(who=who, why="as agreed", at=NOW, seen=seen),
            check=lambda sets: laid_over(FILES, sets),
        )


def remove(stand: Stand, name: str, *, seen: int) -> None:
    with stand.database.begin() as connection:
        change = Change(who="anna", why="not needed", at=NOW, seen=seen)
        rule_sets.remove(connection, RuleKind.KEEPING, name, change=change, check=lambda sets: laid_over(FILES, sets))


def holder(rules: RulesInForce[KeepingRules], tag: str) -> str:
    return rules.now.tags.find(Repository("team/app"), Tag(tag))


def test_a_set_lies_over_the_files_and_is_seen_elsewhere(both_engines: Stand) -> None:
    here = rules_on(both_engines.database)
    elsewhere = Database(both_engines.url)
    try:
        there = rules_on(elsewhere)
        assert (holder(there, "stable"), holder(there, "pilot")) == ("stable", "")
        before = there.now
        there.look()
        assert there.now is before  # nothing changed, nothing was read
        made = put(both_engines, "house", IMMUTABLE + "    - {name: pilots, tags: ['pilot*']}\n", seen=0)
        assert holder(here, "pilot") == ""
        for rules in (here, there):
            rules.look()
            assert (holder(rules, "pilot"), holder(rules, "stable"), holder(rules, "1.2.3")) == (
                "pilots",
                "stable",
                "versions",
            )
        # A rule of the same name is in force in place of the file's, and the file's again when it goes.
        again = put(both_engines, "house", IMMUTABLE + "    - {name: stable, tags: [lts]}\n", seen=made.version)
        there.look()
        assert (holder(there, "stable"), holder(there, "lts"), holder(there, "1.2.3")) == ("", "stable", "versions")
        remove(both_engines, "house", seen=again.version)
        there.look()
        assert (holder(there, "stable"), holder(there, "lts")) == ("stable", "")
    finally:
        elsewhere.close()
    assert both_engines.events(EventKind.RULES_SET) == ["rules/keeping/house"] * 2
    assert both_engines.events(EventKind.RULES_REMOVED) == ["rules/keeping/house"]


def test_who_changes_it_saw_what_there_was(both_engines: Stand) -> None:
    text = IMMUTABLE + "    - {name: one, tags: [one]}\n"
    first = put(both_engines, "house", text, seen=0)
    for seen in (0, first.version + 1):
        with pytest.raises(RuleSetChangedError, match="look again") as told:
            put(both_engines, "house", text, seen=seen)
        assert told.value.version == first.version
    with pytest.raises(RuleSetChangedError):
        remove(both_engines, "house", seen=first.version + 1)
    remove(both_engines, "house", seen=first.version)
    with pytest.raises(NotFoundError):
        remove(both_engines, "house", seen=first.version)
    back = put(both_engines, "house", text, seen=0)
    assert back.version > first.version  # of what came back, nobody saw the version before


def test_of_two_who_saw_the_same_one_wins(both_engines: Stand) -> None:
    def change(number: int) -> str:
        text = IMMUTABLE + f"    - {{name: r{number}, tags: [t]}}\n"
        try:
            return put(both_engines, "house", text, seen=0, who=f"p{number}").who
        except RuleSetChangedError:
            return ""

    with ThreadPoolExecutor(8) as pool:
        won = list(filter(None, pool.map(change, range(8))))
    with both_engines.database.read() as connection:
        assert [one.who for one in rule_sets.list_sets(connection, RuleKind.KEEPING)] == won
    assert len(both_engines.events(EventKind.RULES_SET)) == 1


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("house", IMMUTABLE + "    - {name: one, tags: [one], surprise: 1}\n", "surprise"),
        ("house", IMMUTABLE + "    - {name: one, tags: [one]}\n    - {name: one, tags: [b]}\n", "second rule"),
        ("house", "no: document", "apiVersion"),
        ("house", IMMUTABLE + "    - {name: taken, tags: [x]}\n", "other has a rule 'taken'"),
        ("../x", IMMUTABLE + "    - {name: one, tags: [one]}\n", "no name of a set"),
        ("house", "a: \0", "NUL"),
    ],
)
def test_what_is_wrong_is_refused_whole(both_engines: Stand, name: str, text: str, why: str) -> None:
    put(both_engines, "other", IMMUTABLE + "    - {name: taken, tags: [x]}\n", seen=0)
    with both_engines.database.read() as connection:
        before = rule_sets.revision(connection)
    with pytest.raises(InvalidInputError, match=why):
        put(both_engines, name, text, seen=0)
    with both_engines.database.read() as connection:
        assert [one.name for one in rule_sets.list_sets(connection, RuleKind.KEEPING)] == ["other"]
        assert rule_sets.revision(connection) == before
    assert len(both_engines.events(EventKind.RULES_SET)) == 1


def test_bounds(both_engines: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BoundExceededError, match="MAX_DOCUMENT_BYTES"):
        put(both_engines, "house", "#" * (rule_sets.MAX_DOCUMENT_BYTES + 1), seen=0)
    monkeypatch.setattr(rule_sets, "MAX_SETS", 1)
    put(both_engines, "one", IMMUTABLE + "    - {name: one, tags: [one]}\n", seen=0)
    with pytest.raises(BoundExceededError, match="MAX_SETS"):
        put(both_engines, "two", IMMUTABLE + "    - {name: two, tags: [one]}\n", seen=0)


def test_what_cannot_be_read_leaves_in_force_what_was(both_engines: Stand) -> None:
    rules = rules_on(both_engines.database)
    with both_engines.database.begin() as connection:  # as a later version of tidegate may write it
        change = Change(who="x", why="y", at=NOW, seen=0)
        rule_sets.put(connection, RuleKind.KEEPING, "new", b"of another form", change=change, check=dict)
    with pytest.raises(InvalidInputError):
        rules.look()
    assert holder(rules, "stable") == "stable"
    with pytest.raises(InvalidInputError):
        rules_on(both_engines.database)  # and no server begins by half of them


FILE = {"upstream": {"hub": {"source": "docker.io", "under": "hub", "repositories": ["**"]}}}


def intake(sets: Mapping[str, str], *openable: str) -> IntakeRules:
    return load_intake(FILE, sets, openable=openable)


def test_upstreams_of_sets_lie_over_those_of_the_file() -> None:
    quay = '[upstream.quay]\nsource = "quay.io"\nunder = "quay"\nrepositories = ["a/*"]\n'
    hub = '[upstream.hub]\nsource = "docker.io/library"\nunder = "hub"\nrepositories = ["alpine"]\n'
    base = '[base.alpine]\nsource = "docker.io/library/alpine:3"\nrepository = "bases/alpine"\n'
    assert [one.name for one in intake({}).upstreams.all] == ["hub"]
    both = intake({"a": quay, "b": hub + base})
    found = both.upstreams.named("hub")
    assert found is not None
    assert found.path == "library"
    assert [one.name for one in both.upstreams.all] == ["quay", "hub"]
    assert [one.name for one in both.bases] == ["alpine"]
    with pytest.raises(InvalidInputError, match="is called so too"):
        intake({"a": quay, "b": quay})
    with pytest.raises(InvalidInputError, match="no upstream brings"):
        intake({"a": base.replace("docker.io", "ghcr.io")})
    with pytest.raises(InvalidInputError, match="unknown"):
        intake({"a": quay + "surprise = 1\n"})


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('addresses = ["10.0.0.0/8"]', "may not open 10.0.0.0/8"),
        ('token_servers = ["tokens.example"]', "token_servers stands in the intake file only"),
        ("plain_http = true", "plain_http stands in the intake file only"),
    ],
)
def test_a_set_opens_nothing_that_the_machine_did_not_open(more: str, why: str) -> None:
    text = f'[upstream.own]\nsource = "registry.corp"\nunder = "own"\nrepositories = ["**"]\n{more}\n'
    with pytest.raises(InvalidInputError, match=why):
        intake({"a": text})
    if "addresses" in more:
        assert intake({"a": text + "plain_http = true\n"}, "10.0.0.0/8").upstreams.named("own") is not None
