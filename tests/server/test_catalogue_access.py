# SPDX-License-Identifier: Apache-2.0
"""The catalogue of a whole server shows each principal what their grants let them see, and tells of nothing else."""

from collections.abc import Iterator

import httpx
import pytest
from access_material import PASSWORD, TOKEN
from api_server import ApiServer
from oci_material import image
from registry_client import push

from postgres_server import start_postgres

REPOSITORIES = {
    "team-a/app": ("v1",),
    "team-a/tool": ("v1", "RC-7"),
    "team-b/app": ("v1",),
    "team-b/vault": ("v1",),
    "zoo/app": ("dev-hidden", "rel-1", "rel-2"),
}
GRANTS = (
    ("anna", "team-a/**", "pull", ""),
    ("bob", "team-b/app", "list", ""),
    ("bob", "zoo/*", "pull", "request.tag.startsWith('rel-')"),
    ("carl", "team-a/**", "push", ""),
    ("dora", "*/app", "pull", ""),
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with start_postgres() as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    home, environment = tmp_path_factory.mktemp("catalogue"), {}
    if request.param == "postgresql":
        environment["TIDEGATE_DATABASE_URL"] = request.getfixturevalue("postgres")
    with ApiServer(home, token=TOKEN, environment=environment) as running:
        root = running.client(("root", TOKEN))
        registry = running.client(("root", TOKEN), base="")
        for name, tags in REPOSITORIES.items():
            for tag in tags:
                push(registry, name, image(f"{name}:{tag}"), tag)
        for name in ("anna", "bob", "carl", "dora"):
            body = {"kind": "user", "name": name, "password": PASSWORD}
            assert root.post("/principals", json=body).status_code == 201
        for holder, pattern, verb, condition in GRANTS:
            wanted = {"holder": holder, "pattern": pattern, "verbs": [verb], "condition": condition}
            assert root.post("/grants", json=wanted).status_code == 201, wanted
        yield running


def client(server: ApiServer, name: str, *, base: str = "/api/v1") -> httpx.Client:
    return server.client((name, TOKEN if name == "root" else PASSWORD), base=base)


def names(http: httpx.Client, **query: str | int) -> list[str]:
    answer = http.get("/catalogue", params=query)
    assert answer.status_code == 200, answer.text
    return [entry["repository"] for entry in answer.json()["entries"]]


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("root", list(REPOSITORIES)),
        ("anna", ["team-a/app", "team-a/tool"]),
        ("bob", ["team-b/app", "zoo/app"]),
        ("carl", []),
        ("dora", ["team-a/app", "team-b/app", "zoo/app"]),
    ],
)
def test_everybody_sees_their_own_part_on_whatever_page(server: ApiServer, who: str, seen: list[str]) -> None:
    http = client(server, who)
    assert names(http) == names(http, limit=200) == seen
    paged, after = list[str](), ""
    for _ in range(max(1, len(seen))):
        page = http.get("/catalogue", params={"limit": 1, "after": after}).json()
        paged += [entry["repository"] for entry in page["entries"]]
        after = page["next"]
    assert (paged, after) == (seen, "")  # no page tells that others come after it
    listing = client(server, who, base="").get("/catalogue/").text
    assert [name for name in REPOSITORIES if name in listing] == seen
    for name in REPOSITORIES:
        wanted = 200 if name in seen else 404
        assert http.get(f"/catalogue/{name}").status_code == wanted
        assert client(server, who, base="").get(f"/catalogue/{name}").status_code == wanted


def test_what_one_may_not_see_looks_as_if_it_were_not_there(server: ApiServer) -> None:
    for base in ("/api/v1", ""):
        anna = client(server, "anna", base=base)
        there, nowhere = (anna.get(f"/catalogue/team-b/{name}") for name in ("vault", "nowhere"))
        assert there.status_code == nowhere.status_code == 404
        assert there.text.replace("vault", "X") == nowhere.text.replace("nowhere", "X")
        assert there.headers.keys() == nowhere.headers.keys()


def test_no_word_finds_what_is_hidden(server: ApiServer) -> None:
    root, anna, bob = (client(server, who) for who in ("root", "anna", "bob"))
    assert names(root, q="vault") == ["team-b/vault"]
    assert names(anna, q="vault") == names(bob, q="vault") == []
    assert names(anna, q="app") == ["team-a/app"]
    assert names(anna, q="rc-7 v1 tool") == ["team-a/tool"]  # however it is written, and each word by itself
    # A grant on some tags: the others are not shown, not counted and not found.
    assert names(root, q="hidden") == ["zoo/app"]
    assert names(bob, q="hidden") == []
    assert names(bob, q="rel-2") == ["zoo/app"]
    (zoo,) = (entry for entry in bob.get("/catalogue").json()["entries"] if entry["repository"] == "zoo/app")
    assert zoo["versions"] == 2
    shown = bob.get("/catalogue/zoo/app").json()["versions"]
    assert sorted(version["tag"] for version in shown) == ["rel-1", "rel-2"]
    assert "hidden" not in client(server, "bob", base="").get("/catalogue/zoo/app").text


def test_nobody_is_not_let_in(server: ApiServer) -> None:
    for path in ("/api/v1/catalogue", "/api/v1/catalogue/team-a/app", "/catalogue/", "/catalogue/team-a/app"):
        assert server.client(None, base="").get(path).status_code == 401


def test_a_repository_may_be_called_as_a_part_of_the_api(server: ApiServer) -> None:
    root, registry = client(server, "root"), client(server, "root", base="")
    push(registry, "audit", image("audit"), "v1")
    root.post("/grants", json={"holder": "carl", "pattern": "audit", "verbs": ["pull"]})
    carl = client(server, "carl", base="")
    assert carl.get("/catalogue/audit").status_code == 200
    assert client(server, "anna", base="").get("/catalogue/audit").status_code == 404
    assert carl.post("/catalogue/audit").status_code == 403
