# SPDX-License-Identifier: Apache-2.0
"""Updates over real HTTP: only what changed, resumed where it broke, checked, never an older set unasked."""

import fcntl
import functools
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from knowledge_samples import MADE_AT, component, publish, record

from tidegate.errors import (
    BoundExceededError,
    DigestMismatchError,
    InvalidInputError,
    NotFoundError,
    OutsideError,
    RefusedError,
)
from tidegate.knowledge.build import build
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.limits import KnowledgeLimits
from tidegate.knowledge.match import match
from tidegate.knowledge.update import UpdateReport, update
from tidegate.outbound import Outbound, OutboundOptions

RANGE = ({"introduced": "0"}, {"fixed": "2.0.0"})


class Server:
    """A web server of one folder, with entity tags and ranges; can break off bodies.

    Attributes:
        asked: method, path and first byte of each request.
        cuts: by path, after how many bytes the next answers break off.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[tuple[str, str, int]] = []
        self.cuts: dict[str, list[int]] = {}
        handler = functools.partial(_Handler, self)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def gets(self, suffix: str = ".zip") -> list[tuple[str, int]]:
        return [(path, start) for method, path, start in self.asked if method == "GET" and path.endswith(suffix)]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, server: Server, *more: Any) -> None:
        self._of = server
        super().__init__(*more)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.lstrip("/").replace("%3A", ":")
        file = self._of.root / path
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self._of.asked.append((self.command, path, start))
        if not file.is_file():
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = file.read_bytes()
        tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        if self.headers.get("If-Range", tag) != tag:
            start = 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if with_body:
            cuts = self._of.cuts.get(path, [])
            end = cuts.pop(0) if cuts else len(data)
            self.wfile.write(data[start:end])
            if end < len(data):
                self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    publish(tmp_path / "www", {"npm": [record("A", "npm", "a", *RANGE)], "Go": [record("B", "Go", "b", *RANGE)]})
    one = Server(tmp_path / "www")
    yield one
    one.close()


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    with Outbound(OutboundOptions(max_attempts=2), sleep=lambda _: None) as one:
        yield one


@pytest.fixture
def run(tmp_path: Path, db: Path, server: Server, outbound: Outbound) -> Any:
    def call(**more: Any) -> UpdateReport:
        server.asked.clear()
        return update(server.url, db, tmp_path / "state", outbound, **({"made_at": MADE_AT} | more))

    return call


def ids(db: Path, ecosystem: str, name: str) -> list[str]:
    with Knowledge.open(db) as knowledge:
        return [one.id for one in match(knowledge, [component(ecosystem, name, "1.0.0")])]


def test_an_update_is_what_a_build_makes(tmp_path: Path, db: Path, server: Server, run: Any) -> None:
    (server.root / "eol.json").write_text('{"products":{}}')
    report = run()
    assert set(report.fetched) == {"npm/all.zip", "Go/all.zip", "eol.json"}
    assert report.before is None
    build(server.root, tmp_path / "built", made_at=MADE_AT)
    assert db.read_bytes() == (tmp_path / "built").read_bytes()


def test_what_did_not_change_is_not_fetched(db: Path, server: Server, run: Any) -> None:
    first = run()
    before = db.stat().st_ino
    second = run()
    assert server.gets() == []
    assert (second.fetched, second.unchanged, second.built) == ((), 2, None)
    assert second.stamp == first.stamp
    assert db.stat().st_ino == before
    publish(server.root, {"npm": [record("C", "npm", "a", *RANGE)], "Go": [record("B", "Go", "b", *RANGE)]})
    third = run()
    assert server.gets() == [("npm/all.zip", 0)]
    assert (third.fetched, third.before) == (("npm/all.zip",), first.stamp)
    assert ids(db, "npm", "a") == ["C"]
    assert ids(db, "Go", "b") == ["B"]


def test_a_file_that_was_lost_is_made_again(db: Path, server: Server, run: Any) -> None:
    first = run()
    db.unlink()
    assert run().stamp == first.stamp
    assert server.gets() == []
    assert ids(db, "npm", "a") == ["A"]


def test_a_broken_connection_is_taken_up_where_it_broke(db: Path, server: Server, run: Any) -> None:
    server.cuts["npm/all.zip"] = [40]
    run()
    assert [start for path, start in server.gets() if path == "npm/all.zip"] == [0, 40]
    assert ids(db, "npm", "a") == ["A"]


def test_a_fetch_that_stays_broken_goes_on_in_the_next_update(db: Path, server: Server, run: Any) -> None:
    server.cuts["npm/all.zip"] = [30, 60, 90, 100, 110, 120]
    with pytest.raises(OutsideError):
        run()
    assert not db.exists()
    server.cuts.clear()
    run()
    ((_, start),) = [one for one in server.gets() if one[0] == "npm/all.zip"]
    assert start > 0
    assert ids(db, "npm", "a") == ["A"]


def test_a_broken_zip_is_refused_and_fetched_anew(db: Path, server: Server, run: Any) -> None:
    run()
    before = db.read_bytes()
    whole = (server.root / "npm/all.zip").read_bytes()
    (server.root / "npm/all.zip").write_bytes(whole[:-30])
    with pytest.raises(InvalidInputError, match="zip"):
        run()
    assert db.read_bytes() == before
    (server.root / "npm/all.zip").write_bytes(whole)
    run()
    assert [path for path, _ in server.gets()] == ["npm/all.zip"]


def manifest(root: Path) -> None:
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != "MANIFEST.sha256")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  ./{path.relative_to(root)}\n" for path in files]
    (root / "MANIFEST.sha256").write_text("".join(lines))


def test_a_manifest_is_believed(db: Path, server: Server, run: Any) -> None:
    (server.root / "epss").mkdir()
    (server.root / "epss/epss_scores-2024.csv").write_text("cve,epss,percentile\nCVE-2024-1000,0.5,0.5\n")
    manifest(server.root)
    assert "epss/epss_scores-2024.csv" in run().fetched
    run()
    assert server.gets() == []
    (server.root / "npm/all.zip").write_bytes((server.root / "Go/all.zip").read_bytes())
    run()
    assert server.gets() == []
    manifest(server.root)
    (server.root / "npm/all.zip").write_bytes(b"another")
    before = db.read_bytes()
    with pytest.raises(DigestMismatchError):
        run()
    assert db.read_bytes() == before


def test_a_manifest_that_is_none_is_refused(server: Server, run: Any) -> None:
    (server.root / "MANIFEST.sha256").write_text("<html>")
    with pytest.raises(InvalidInputError, match="not a list of SHA-256"):
        run()


def test_an_older_set_is_refused_unless_told(db: Path, server: Server, run: Any) -> None:
    def serve(year: int) -> None:
        publish(server.root, {"npm": [record(f"A-{year}", "npm", "a", *RANGE, modified=f"{year}-01-01T00:00:00Z")]})

    serve(2025)
    run()
    serve(2023)
    with pytest.raises(RefusedError, match=r"2023-01-01.*older than the one in force, of 2025-01-01"):
        run()
    assert ids(db, "npm", "a") == ["A-2025"]
    assert [path.name for path in db.parent.glob(".*")] == []
    with pytest.raises(RefusedError):
        run()
    db.unlink()
    with pytest.raises(RefusedError):
        run()
    run(allow_rollback=True)
    assert ids(db, "npm", "a") == ["A-2023"]
    serve(2024)
    run()
    assert ids(db, "npm", "a") == ["A-2024"]


def test_an_ecosystem_the_server_gave_up_goes(db: Path, server: Server, run: Any) -> None:
    run()
    (server.root / "ecosystems.txt").write_text("npm\n")
    run()
    with Knowledge.open(db) as knowledge:
        assert knowledge.covers("npm")
        assert not knowledge.covers("Go")


def test_releases_come_with_their_distribution(db: Path, server: Server, run: Any) -> None:
    one = record("DSA-1-1", "Debian:12", "a", *RANGE)
    publish(
        server.root,
        {"Debian": [one], "Debian:12": [one], "Linux": [], "AlmaLinux:9": [record("X", "AlmaLinux:9", "a", *RANGE)]},
    )
    assert run().fetched == ("Debian/all.zip", "AlmaLinux:9/all.zip")
    assert ids(db, "Debian:12", "a") == ["DSA-1-1"]


def test_the_layout_may_lie_under_osv(tmp_path: Path, db: Path, server: Server, run: Any) -> None:
    server.root = tmp_path / "other"
    publish(server.root / "osv", {"npm": [record("A", "npm", "a", *RANGE)]})
    (server.root / "kev.json").write_text(json.dumps({"vulnerabilities": []}))
    assert run().fetched == ("osv/npm/all.zip", "kev.json")
    assert ids(db, "npm", "a") == ["A"]


@pytest.mark.parametrize("name", ["../../etc", "a/b", ".hidden", "\x1b[2J"])
def test_a_strange_ecosystem_is_refused(server: Server, run: Any, name: str) -> None:
    (server.root / "ecosystems.txt").write_text(f"npm\n{name}\n")
    with pytest.raises(InvalidInputError, match="not the name of an ecosystem"):
        run()
    assert server.gets() == []


def test_what_is_missing_is_named(server: Server, run: Any) -> None:
    (server.root / "ecosystems.txt").write_text("npm\nPyPI\n")
    with pytest.raises(NotFoundError, match="lists PyPI but does not have it"):
        run()
    (server.root / "ecosystems.txt").write_text("Linux\n")
    with pytest.raises(InvalidInputError, match="no ecosystem that can be ordered"):
        run()
    (server.root / "ecosystems.txt").unlink()
    with pytest.raises(NotFoundError, match=r"no ecosystems\.txt"):
        run()


def test_bounds_hold_over_the_wire(server: Server, run: Any) -> None:
    with pytest.raises(BoundExceededError):
        run(limits=KnowledgeLimits(max_zip_bytes=50))
    (server.root / "ecosystems.txt").write_text("npm\nGo\nPyPI\n")
    with pytest.raises(BoundExceededError, match="max_ecosystems = 2"):
        run(limits=KnowledgeLimits(max_ecosystems=2))


def test_another_server_s_tags_mean_nothing_here(tmp_path: Path, db: Path, run: Any) -> None:
    run()
    other = Server(publish(tmp_path / "www2", {"npm": [record("Z", "npm", "a", *RANGE)]}))
    try:
        with Outbound() as outbound:
            update(other.url, db, tmp_path / "state", outbound, made_at=MADE_AT)
        assert other.gets() == [("npm/all.zip", 0)]
    finally:
        other.close()
    assert ids(db, "npm", "a") == ["Z"]


def test_a_lost_state_is_begun_anew(tmp_path: Path, db: Path, run: Any) -> None:
    run()
    (tmp_path / "state/state.json").write_text("{")
    assert set(run().fetched) == {"npm/all.zip", "Go/all.zip"}
    assert ids(db, "npm", "a") == ["A"]


def test_two_updates_at_once_do_not_mix(tmp_path: Path, run: Any) -> None:
    run()
    with (tmp_path / "state/lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OutsideError, match="another update is under way"):
            run()
