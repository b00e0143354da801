# SPDX-License-Identifier: Apache-2.0
"""What one request for a list looks at has an end, whatever conditions its reader has; and it tells no hidden name."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from access_material import TOKEN, add_robot, give
from live_registry import LiveRegistry
from sqlalchemy import Engine, event, insert

from backing import Backing
from tidegate.artifact import Digest
from tidegate.clock import rfc3339, system_clock
from tidegate.curation.vending.catalogue import Asked, Catalogue, Everything
from tidegate.errors import InvalidInputError
from tidegate.identity import Principal, PrincipalKind
from tidegate.identity.condition import Condition
from tidegate.server.cursors import MAX_CHARS, Cursors
from tidegate.server.visible import MAX_JUDGED, PrincipalSight
from tidegate.storage.schema import manifest, repository_manifest, state, tag

TAGS = 2 * MAX_JUDGED + 500
ONE = Digest.of(b"one")


@pytest.fixture
def closed(tmp_path: Any, backing: Backing) -> Iterator[LiveRegistry]:
    with LiveRegistry(folder=tmp_path / "registry", backing=backing, token=TOKEN) as running:
        yield running


def fill(live: LiveRegistry, repositories: dict[str, list[str]]) -> None:
    """Repositories with tags of one manifest, as pushes would have left them."""
    now = rfc3339(system_clock())
    with live.database.begin() as connection:
        row = {"media_type": "", "kind": "image", "document": b"{}", "stored_at": now}
        connection.execute(insert(manifest).values(digest=ONE, **row))
        connection.execute(insert(state).values(digest=ONE, state="admitted", since=now))
        held = [{"repository": name, "digest": ONE, "pushed_at": now, "pushed_by": "x"} for name in repositories]
        connection.execute(insert(repository_manifest), held)
        rows = [
            {"repository": name, "name": text, "digest": ONE, "moved_at": now}
            for name, texts in repositories.items()
            for text in texts
        ]
        connection.execute(insert(tag), rows)


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """How many conditions are evaluated and statements executed meanwhile."""
    found, holds = {"judged": 0, "statements": 0}, Condition.holds

    def judged(self: Condition, values: Any) -> bool:
        found["judged"] += 1
        return holds(self, values)

    def executed(*_: Any) -> None:
        found["statements"] += 1

    with monkeypatch.context() as patch:
        patch.setattr(Condition, "holds", judged)
        event.listen(Engine, "before_cursor_execute", executed)
        yield found
        event.remove(Engine, "before_cursor_execute", executed)


def pages(http: httpx.Client, url: str, key: str) -> Iterator[tuple[list[str], str]]:
    """The pages of a list, with what leads to the next."""
    while url:
        answer = http.get(url)
        assert answer.status_code == 200, answer.text
        link = re.match(r"<([^>]+)>", answer.headers.get("link", ""))
        url = link[1] if link else ""
        yield answer.json()[key], url


def test_tags_under_a_condition_are_listed_a_bounded_part_at_a_time(
    closed: LiveRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = [f"hidden-{number:05}" for number in range(TAGS)]
    fill(closed, {"team/app": ["a-seen", *hidden, "zz-seen"]})
    robot = add_robot(closed, "ci")
    give(closed, robot[0], "team/**", "pull", condition="request.tag.endsWith('seen')")
    with closed.client(auth=robot) as http:
        http.get("/v2/team/app/tags/list?n=1")
        seen, urls = [], []
        url = "/v2/team/app/tags/list?n=10"
        while url:
            with counting(monkeypatch) as found:
                page, url = next(pages(http, url, "tags"))
            assert found["judged"] <= MAX_JUDGED
            assert found["statements"] <= 40
            seen += page
            urls.append(url)
        assert seen == ["a-seen", "zz-seen"]
        assert len(urls) == 3  # as many as it takes, and no more
        assert not [text for text in urls if "hidden" in text]
        cursor = parse_qs(urlsplit(urls[0]).query)["cursor"][0]
        assert len({len(parse_qs(urlsplit(text).query)["cursor"][0]) for text in urls[:2]}) == 1
    other = add_robot(closed, "other")
    give(closed, other[0], "team/**", "pull", condition="request.tag.endsWith('seen')")
    with closed.client(auth=other) as http:
        for text in (cursor, cursor[:-2] + "AA", "x", "é", "A" * 600):
            assert http.get("/v2/team/app/tags/list", params={"cursor": text}).status_code == 400, text


def test_a_grant_on_all_of_them_makes_conditions_cost_nothing(
    closed: LiveRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(closed, {"team/app": [f"v{number:05}" for number in range(3000)]})
    robot = add_robot(closed, "ci")
    give(closed, robot[0], "team/**", "pull", condition="request.tag.endsWith('1')")
    give(closed, robot[0], "other/**", "pull", condition="request.tag.endsWith('2')")
    give(closed, robot[0], "team/app", "list")
    with closed.client(auth=robot) as http, counting(monkeypatch) as found:
        listed = [name for page, _ in pages(http, "/v2/team/app/tags/list", "tags") for name in page]
        assert len(listed) == 3000
        assert found["judged"] <= 3 * 4  # the requests themselves


def test_repositories_under_a_condition_are_listed_a_bounded_part_at_a_time(
    closed: LiveRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"team/hidden-{number:05}" for number in range(TAGS)]
    fill(closed, {name: ["1"] for name in ["team/a-seen", *names, "team/zz-seen"]})
    robot = add_robot(closed, "ci")
    give(closed, robot[0], "**", "list", condition="!request.repository.contains('hidden')")
    with closed.client(auth=robot) as http:
        seen, url, asked = list[str](), "/v2/_catalog?n=5", 0
        while url:
            with counting(monkeypatch) as found:
                page, url = next(pages(http, url, "repositories"))
            assert found["judged"] <= MAX_JUDGED + 5  # and those for the request itself
            assert "hidden" not in url
            seen, asked = seen + page, asked + 1
        assert (seen, asked) == (["team/a-seen", "team/zz-seen"], 3)


@pytest.mark.parametrize("words", ["", "seen"])
def test_the_catalogue_is_searched_a_bounded_part_at_a_time(
    closed: LiveRegistry, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    many = [f"v{number}" for number in range(400)]
    fill(closed, {f"team/app-{number:02}": [*many, "seen"] for number in range(20)})
    robot = add_robot(closed, "ci")
    give(closed, robot[0], "team/**", "pull", condition="request.tag == 'seen'")
    principal = Principal(name=robot[0], kind=PrincipalKind.ROBOT)
    catalogue, after, seen = Catalogue([]), "", list[str]()
    with closed.database.read() as connection:
        while True:
            sight = PrincipalSight(closed.access, principal, "")
            with counting(monkeypatch) as found:
                part = catalogue.search(connection, Asked(words=words), sight, today=system_clock().date(), after=after)
            assert found["judged"] <= MAX_JUDGED + 500  # the tags of the last repository are judged together
            seen += [one.repository for one in part.entries]
            if part.goes_on is None:
                break
            assert part.goes_on > after
            after = part.goes_on
        assert seen == [f"team/app-{number:02}" for number in range(20)]
        whole = catalogue.search(connection, Asked(), Everything(), today=system_clock().date(), limit=7)
        assert (len(whole.entries), whole.goes_on) == (7, "team/app-06")


def test_a_place_is_for_one_reader_and_one_list_and_as_long_as_any_other() -> None:
    cursors, others = Cursors(bytes(32)), Cursors(b"1" * 32)
    sealed = cursors.seal("team/hidden", "user:anna tags of x")
    assert cursors.open(sealed, "user:anna tags of x") == "team/hidden"
    assert "hidden" not in sealed
    assert len(sealed) == len(cursors.seal("z" * 255, "user:anna tags of x")) <= MAX_CHARS
    for opener, whose in ((cursors, "user:bob tags of x"), (cursors, "user:anna tags of y"), (others, "")):
        with pytest.raises(InvalidInputError):
            opener.open(sealed, whose or "user:anna tags of x")
