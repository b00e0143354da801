# SPDX-License-Identifier: Apache-2.0
"""What grants allow: nothing without one, no more with one, and never more for a narrower token."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.identity import Asked, Principal, PrincipalKind, Verb
from tidegate.identity.condition import Condition
from tidegate.identity.grant import Grant, Holder
from tidegate.identity.pattern import RepositoryPattern
from tidegate.identity.principal import foreign_name, group_name, principal_name, robot_name, user_name
from tidegate.identity.ruling import rule
from tidegate.identity.scope import ScopeAccess, parse_scopes
from tidegate.identity.verb import parse_verbs

AT = datetime(2026, 5, 4, 10, 30, tzinfo=UTC)  # a Monday
ANNA = Principal(name="anna", kind=PrincipalKind.USER, groups=frozenset({"devs"}))
ADMIN = Principal(name="ops", kind=PrincipalKind.ADMINISTRATOR)
DIGEST = "sha256:" + "a" * 64


def grant(
    holder: str = "anna", pattern: str = "team-a/**", *verbs: Verb, condition: str = "", **more: datetime
) -> Grant:
    return Grant(
        id="g1",
        holder=Holder(holder),
        pattern=RepositoryPattern(pattern),
        verbs=frozenset(verbs or {Verb.PULL}),
        condition=Condition.parse(condition) if condition else None,
        **more,
    )


@pytest.mark.parametrize(
    ("pattern", "name", "meant"),
    [
        ("team-a/app", "team-a/app", True),
        ("team-a/app", "team-a/apps", False),
        ("team-a/*", "team-a/app", True),
        ("team-a/*", "team-a/x/app", False),
        ("team-a/*", "team-a", False),
        ("team-a/**", "team-a/x/y/app", True),
        ("team-a/**", "team-a-b/app", False),
        ("team.a/**", "teamxa/app", False),
        ("**", "anything/at/all", True),
        ("*", "anything", True),
        ("*", "any/thing", False),
        ("**/app", "a/b/app", True),
        ("**", "", True),
        ("*", "", False),
    ],
)
def test_patterns(pattern: str, name: str, meant: bool) -> None:
    assert RepositoryPattern(pattern).matches(name) is meant


@pytest.mark.parametrize("text", ["", "A/b", "a//b", "/a", "a/", "a/***", "a b", "*/*/*/*", "a" * 256, "é/*", "a\n"])
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(InvalidInputError):
        RepositoryPattern(text)


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [
        ("**", "**", True),
        ("**", "a/*", True),
        ("team-a/**", "team-a/x/*", True),
        ("team-a/**", "team-a/**", True),
        ("team-a/*", "team-a/**", False),
        ("team-a/**", "**", False),
        ("team-a/**", "team-*", False),
        ("team-a/**", "team-a/app", True),
        ("*/app", "*/app", True),
        ("*/app", "**/app", False),
    ],
)
def test_which_pattern_covers_which(wide: str, narrow: str, covered: bool) -> None:
    assert RepositoryPattern(wide).covers(RepositoryPattern(narrow)) is covered


_names = st.from_regex(r"\A[ab](?:/[ab]){0,3}\Z")
_patterns = st.from_regex(r"\A(?:[ab]|\*\*?)(?:/(?:[ab]|\*\*?)){0,2}\Z")


@given(_patterns, _patterns, _names)
def test_a_pattern_that_covers_another_means_all_it_means(wide: str, narrow: str, name: str) -> None:
    if RepositoryPattern(wide).covers(RepositoryPattern(narrow)) and RepositoryPattern(narrow).matches(name):
        assert RepositoryPattern(wide).matches(name)


@given(_patterns, _names)
def test_names_begin_as_their_pattern(pattern: str, name: str) -> None:
    if RepositoryPattern(pattern).matches(name):
        assert name.startswith(RepositoryPattern(pattern).literal)


def test_nothing_is_allowed_without_a_grant() -> None:
    for verb in Verb:
        assert not rule(ANNA, Asked(verb=verb, repository="team-a/app"), [], at=AT).allowed
        assert rule(ADMIN, Asked(verb=verb, repository="team-a/app"), [], at=AT).allowed


def test_a_grant_is_for_its_holder_pattern_verb_and_time() -> None:
    pull = Asked(verb=Verb.PULL, repository="team-a/app")
    assert rule(ANNA, pull, [grant()], at=AT).why == "g1"
    assert rule(ANNA, pull, [grant("group:devs")], at=AT).allowed
    assert rule(ANNA, pull, [grant("group:everyone")], at=AT).allowed
    assert rule(ANNA, Asked(verb=Verb.LIST, repository="team-a/app"), [grant()], at=AT).allowed
    assert not rule(ANNA, pull, [grant("bob")], at=AT).allowed
    assert not rule(ANNA, pull, [grant("group:ops")], at=AT).allowed
    assert not rule(ANNA, pull, [grant("anna", "team-b/**")], at=AT).allowed
    assert not rule(ANNA, Asked(verb=Verb.PUSH, repository="team-a/app"), [grant()], at=AT).allowed
    assert rule(ANNA, pull, [grant(expires_at=AT + timedelta(seconds=1))], at=AT).allowed
    assert not rule(ANNA, pull, [grant(expires_at=AT)], at=AT).allowed
    # Pulling everything is no right to the lists of the server's own API.
    assert not rule(ANNA, Asked(verb=Verb.LIST), [grant("anna", "**")], at=AT).allowed


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ("request.by_digest", False),
        ('request.tag.startsWith("v")', True),
        ('request.address.startsWith("10.")', True),
        ("request.hour >= 9 && request.hour < 17 && request.weekday == 1", True),
        ('request.verb == "push"', False),
        ('"devs" in principal.groups', True),
        ('principal.claims["department"] == "x"', False),  # no such claim: it cannot be evaluated
        ("1 / (request.hour - 10) == 1", False),
    ],
)
def test_conditions(condition: str, allowed: bool) -> None:
    asked = Asked(verb=Verb.PULL, repository="team-a/app", tag="v1", address="10.1.2.3")
    assert rule(ANNA, asked, [grant(condition=condition)], at=AT).allowed is allowed


def test_a_condition_on_content_is_left_to_the_request_that_names_it() -> None:
    held = [grant(condition="request.by_digest && request.hour == 10")]
    blob = Asked(verb=Verb.PULL, repository="team-a/app", any_content=True)
    assert rule(ANNA, blob, held, at=AT).allowed
    assert not rule(ANNA, Asked(verb=Verb.PULL, repository="team-a/app", tag="v1"), held, at=AT).allowed
    by_digest = Asked(verb=Verb.PULL, repository="team-a/app", digest=DIGEST)
    assert rule(ANNA, by_digest, held, at=AT).allowed
    assert not rule(ANNA, by_digest, held, at=AT + timedelta(hours=1)).allowed


@pytest.mark.parametrize(
    "text", ["request.nothing", "request.tag", "1 +", "token.subject == ''", "x" * 3000, "request"]
)
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(InvalidInputError):
        Condition.parse(text)


def test_a_token_allows_no_more_than_it_says() -> None:
    held = [grant("anna", "**", Verb.PULL, Verb.PUSH)]
    scoped = Principal(name="anna", kind=PrincipalKind.USER, scope=parse_scopes(["repository:team-a/app:pull"]))
    assert rule(scoped, Asked(verb=Verb.PULL, repository="team-a/app"), held, at=AT).allowed
    other = rule(scoped, Asked(verb=Verb.PULL, repository="team-b/app"), held, at=AT)
    assert (other.allowed, other.out_of_scope) == (False, True)
    assert rule(scoped, Asked(verb=Verb.PUSH, repository="team-a/app"), held, at=AT).out_of_scope
    # Nothing granted: another token would not help, and nobody is told that it would.
    refused = rule(scoped, Asked(verb=Verb.DELETE, repository="team-b/app"), held, at=AT)
    assert (refused.allowed, refused.out_of_scope) == (False, False)


_verbs = st.sets(st.sampled_from(Verb), min_size=1)
_grants = st.builds(
    lambda holder, pattern, verbs: grant(holder, pattern, *verbs),
    st.sampled_from(["anna", "bob", "group:devs"]),
    _patterns,
    _verbs,
)


@given(st.lists(_grants, max_size=4), _grants, _names, st.sampled_from(Verb))
def test_another_grant_takes_nothing_away(held: list[Grant], more: Grant, name: str, verb: Verb) -> None:
    asked = Asked(verb=verb, repository=name)
    if rule(ANNA, asked, held, at=AT).allowed:
        assert rule(ANNA, asked, [*held, more], at=AT).allowed


@given(st.lists(_grants, max_size=4), _names, st.sampled_from(Verb), st.sets(st.sampled_from(["pull", "push", "*"])))
def test_a_scope_gives_nothing(held: list[Grant], name: str, verb: Verb, actions: set[str]) -> None:
    scope = (ScopeAccess(type="repository", name=name, actions=tuple(actions)),)
    scoped = Principal(name="anna", kind=PrincipalKind.USER, groups=ANNA.groups, scope=scope)
    asked = Asked(verb=verb, repository=name)
    if rule(scoped, asked, held, at=AT).allowed:
        assert rule(ANNA, asked, held, at=AT).allowed


def test_scopes_are_read_as_clients_write_them() -> None:
    found = parse_scopes(["repository:a/b:pull,push repository:a/b:delete", "registry:catalog:*"])
    assert [str(entry) for entry in found] == ["repository:a/b:delete,pull,push", "registry:catalog:*"]
    assert str(parse_scopes(["repository(plugin):a/b:pull"])[0]) == "repository:a/b:pull"
    assert str(parse_scopes(["repository:host:5000/a:pull"])[0]) == "repository:host:5000/a:pull"
    for text in ("repository:a", "repository:a:PULL", "::", "repository:a:pull,", "x" * 600):
        with pytest.raises(InvalidInputError):
            parse_scopes([text])
    with pytest.raises(BoundExceededError):
        parse_scopes([f"repository:a{n}:pull" for n in range(65)])


def test_names_cannot_be_mistaken_for_each_other() -> None:
    assert user_name("anna@corp.example") == "anna@corp.example"
    assert (robot_name("ci"), robot_name("robot$ci")) == ("robot$ci", "robot$ci")
    assert foreign_name("corp", "Anna@Example") == "corp:Anna@Example"
    assert principal_name("robot$ci") == "robot$ci"
    for wrong in ("robot$ci", "corp:anna", "Anna", "token", "anonymous", "", "a" * 65, "a b", "a\n"):
        with pytest.raises(InvalidInputError):
            user_name(wrong)
    for wrong in ("robot$", "Robot", "a/b"):
        with pytest.raises(InvalidInputError):
            robot_name(wrong)
    with pytest.raises(InvalidInputError):
        foreign_name("corp", "a\nb")
    with pytest.raises(InvalidInputError):
        group_name("")
    with pytest.raises(InvalidInputError, match="did you mean pull"):
        parse_verbs(["pul"])
    with pytest.raises(InvalidInputError):
        parse_verbs([])
    with pytest.raises(InvalidInputError):
        Holder("group:")
