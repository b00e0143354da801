# SPDX-License-Identifier: Apache-2.0
"""Immutable tags: what rules say, what holds a tag, how it is let go once, and what is remembered of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keeping_stand import APP, NOW, Stand, both_engines, postgres

from tidegate.artifact import Digest, Repository, Tag
from tidegate.curation.keeping.name_pattern import Patterns, subject_of_fallback, version_key
from tidegate.curation.keeping.rule_file import load_keeping_rules
from tidegate.curation.tag_holds import freeze, list_overrides, override, unfreeze
from tidegate.curation.tag_rules import TagImmutableError, TagRule, TagRules
from tidegate.curation.tags import tag_moves
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError
from tidegate.events import EventKind
from tidegate.rules.reading import DocumentError

__all__ = ["both_engines", "postgres"]
RULES = TagRules((TagRule(name="releases", repositories=Patterns(("team/**",)), tags=Patterns(("@semver",))),))
V1 = Tag("v1.0.0")


@pytest.fixture
def stand(both_engines: Stand) -> Stand:
    return both_engines.with_rules(RULES)


def test_an_immutable_tag_is_set_once(stand: Stand) -> None:
    one = stand.image("one", "v1.0.0")
    assert stand.image("one", "v1.0.0") == one, "the same digest again is fine"
    with pytest.raises(TagImmutableError, match=r"rule releases.*tidegate tag override team/app:v1\.0\.0") as caught:
        stand.image("two", "v1.0.0")
    assert caught.value.exit_status == 1
    assert stand.resolve("v1.0.0") == one
    assert stand.count("manifest") == 1, "nothing of the refused push is stored"
    stand.image("one", "latest")
    stand.image("two", "latest")


def test_what_lies_under_an_immutable_tag_cannot_be_deleted(stand: Stand) -> None:
    one = stand.image("one", "v1.0.0")
    index = stand.index("v2.0.0", stand.image("child", "child"))
    for digest in (one, index, stand.resolve("child")):
        with pytest.raises(TagImmutableError, match="cannot be removed"):
            stand.shelf.delete_manifest(APP, digest, who="me")
    with pytest.raises(TagImmutableError):
        stand.shelf.delete_tag(APP, V1, who="me")
    assert stand.resolve("child"), "the refused deletion took no tag with it"
    stand.shelf.delete_tag(APP, Tag("child"), who="me")


def test_a_frozen_tag_is_held_until_it_is_let_go(stand: Stand) -> None:
    stand.image("one", "latest")
    with stand.database.begin() as connection:
        assert freeze(connection, APP, Tag("latest"), who="ann", why="audit", at=NOW)
        assert not freeze(connection, APP, Tag("latest"), who="bob", why="too", at=NOW)
    with pytest.raises(TagImmutableError, match="freeze by ann"):
        stand.image("two", "latest")
    with stand.database.begin() as connection:
        unfreeze(connection, APP, Tag("latest"), who="ann", why="over", at=NOW)
    stand.image("two", "latest")
    assert stand.events(EventKind.TAG_FROZEN) == stand.events(EventKind.TAG_UNFROZEN) == ["team/app:latest"]
    with pytest.raises(NotFoundError), stand.database.begin() as connection:
        unfreeze(connection, APP, Tag("latest"), who="ann", why="again", at=NOW)
    with pytest.raises(NotFoundError), stand.database.begin() as connection:
        freeze(connection, APP, Tag("none"), who="ann", why="x", at=NOW)


def test_an_override_lets_a_tag_go_once_and_is_remembered(stand: Stand) -> None:
    one = stand.image("one", "v1.0.0")
    with stand.database.begin() as connection:
        freeze(connection, APP, V1, who="ann", why="audit", at=NOW)
        override(connection, APP, V1, who="ann", why="leaks a key", at=NOW, for_whom="me")
    two = stand.image("two", "v1.0.0")
    with pytest.raises(TagImmutableError, match="rule releases"):
        stand.image("three", "v1.0.0")
    with stand.database.read() as connection:
        moves = tag_moves(connection, APP, V1)
        used = list_overrides(connection, limit=10)
    assert [(move.before, move.after, move.who, move.why) for move in moves] == [
        (one, two, "me", "override by ann: leaks a key"),
        (None, one, "me", ""),
    ]
    assert [item.used_at for item in used] == [NOW]


def test_an_override_ends_and_is_for_whom_it_names(stand: Stand) -> None:
    stand.image("one", "v1.0.0")
    with stand.database.begin() as connection:
        override(connection, APP, V1, who="ann", why="w", at=NOW, for_whom="ci")
        override(connection, APP, V1, who="ann", why="w", at=NOW - timedelta(hours=1), lasts=timedelta(hours=1))
    with pytest.raises(TagImmutableError):
        stand.image("two", "v1.0.0")
    for why, lasts in (("", timedelta(minutes=1)), ("w", timedelta(hours=25)), ("x" * 501, timedelta(minutes=1))):
        with pytest.raises(InvalidInputError), stand.database.begin() as connection:
            override(connection, APP, V1, who="ann", why=why, at=NOW, lasts=lasts)


def test_a_removed_tag_is_told_and_remembered(stand: Stand) -> None:
    one = stand.image("one", "latest")
    stand.shelf.delete_manifest(APP, one, who="ann")
    assert stand.events(EventKind.TAG_REMOVED) == ["team/app:latest"]
    with stand.database.read() as connection:
        assert next((move.before, move.after, move.who) for move in tag_moves(connection, APP)) == (one, None, "ann")


def test_of_many_that_set_one_immutable_tag_at_once_one_wins(stand: Stand) -> None:
    def push(number: int) -> Digest | None:
        try:
            return stand.image(f"image-{number}", "v1.0.0")
        except TagImmutableError:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = {digest for digest in pool.map(push, range(16)) if digest}
    assert won == {stand.resolve("v1.0.0")}


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("team/*", ["team/app"], ["team/a/b", "team", "other/app"]),
        ("team/**", ["team/app", "team/a/b"], ["teams/app", "team"]),
        ("**/app", ["x/app", "x/y/app"], ["app", "x/apps"]),
        ("v?.*", ["v1.2", "v1."], ["v12", "v10.2"]),
        ("@semver", ["1", "v1.2", "1.2.3", "1.2.3-rc.1", "1.2.3_build.5"], ["01.2", "v1.2.3.4", "latest", "1.2-"]),
        ("@release", ["1", "v1.2.3"], ["1.2.3-rc.1", "x"]),
        ("plain", ["plain"], ["plainer", "plai"]),
    ],
)
def test_patterns(pattern: str, names: list[str], others: list[str]) -> None:
    found = Patterns.of([pattern])
    assert [name for name in names + others if found.match(name)] == names


@given(st.text("ab/*?", max_size=12), st.text("ab/", max_size=12))
def test_a_pattern_means_what_its_plain_definition_says(pattern: str, name: str) -> None:
    def means(p: str, n: str) -> bool:
        if p.startswith("**"):
            return any(means(p[2:], n[at:]) for at in range(len(n) + 1))
        if p.startswith("*"):
            reach = len(n.partition("/")[0])
            return any(means(p[1:], n[at:]) for at in range(reach + 1))
        return not n if not p else bool(n) and (p[0] == n[0] or (p[0] == "?" and n[0] != "/")) and means(p[1:], n[1:])

    assert Patterns((pattern,)).match(name) == means(pattern, name)


def test_versions_are_ordered_as_semantic_versioning_says() -> None:
    order = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-beta.2",
        "v1.0.0-beta.11",
        "1.0.0-rc.1",
        "1",
        "1.0.1",
        "v1.2",
        "10.0",
    ]
    keys = [version_key(tag) for tag in order]
    assert None not in keys
    assert sorted(keys, key=lambda key: key or b"") == keys
    assert version_key("latest") is None


def test_tags_that_hold_evidence_are_never_held() -> None:
    digest = "sha256:" + "a" * 64
    every = TagRules((TagRule(name="all", repositories=Patterns(("**",)), tags=Patterns(("**",))),))
    for ending in ("", ".sig", ".att"):
        tag = Tag(digest.replace(":", "-") + ending)
        assert subject_of_fallback(tag) == digest
        assert every.find(APP, tag) == ""
    assert every.find(APP, Tag("sha256-x")) == "all"


HEAD = "apiVersion: tidegate.dev/v1\nkind: ImmutableTags\nmetadata: {name: r}\nspec:\n  rules:\n"


def test_rules_from_a_file() -> None:
    text = (
        HEAD
        + "  - {name: one, repositories: ['a/**'], exceptRepositories: [a/b], tags: ['@semver'], exceptTags: ['*-x']}\n"
    )
    rules = load_keeping_rules({"r.yaml": text + "  - {name: two, tags: [stable]}\n"}).tags
    assert rules.find(APP, Tag("stable")) == "two"
    assert rules.find(Repository("a/c"), Tag("1.0")) == "one"
    assert rules.find(Repository("a/b"), Tag("1.0")) == rules.find(Repository("a/c"), Tag("1.0-x")) == ""


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        (HEAD + "  - {name: a}\n", "r.yaml:6:5", "the key 'tags' is missing"),
        (HEAD + "  - {name: a, tags: ['a b']}\n", "r.yaml:6:22", "not a pattern: 'a b'"),
        (HEAD + "  - {name: a, tag: [a]}\n", "r.yaml:6:15", "unknown key 'tag'"),
        (HEAD + "  - {name: a, tags: [a]}\n  - {name: a, tags: [a]}\n", "r.yaml:7:5", "a second rule is called 'a'"),
        (HEAD.replace("ImmutableTags", "ImutableTags"), "r.yaml:2:7", "unknown kind 'ImutableTags'"),
        (HEAD.replace("/v1", "/v2"), "r.yaml:1:13", "unknown apiVersion"),
        (HEAD, "r.yaml:1:1", "no rules in it"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_place(text: str, where: str, what: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_keeping_rules({"r.yaml": text})
    assert (caught.value.where, caught.value.what) == (where, what)


def test_hostile_files_of_rules_are_refused() -> None:
    with pytest.raises(BoundExceededError):
        load_keeping_rules({"r.yaml": HEAD + "  - {name: a, tags: [" + "a," * 300_000 + "]}\n"})
    with pytest.raises(InvalidInputError):
        load_keeping_rules({"r.yaml": "{" * 100})
