# SPDX-License-Identifier: Apache-2.0
"""`tidegate db`: build, update over HTTP from loopback, info."""

import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cli_run import Run


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def url(osv: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(osv)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_build_says_what_went_in_and_what_did_not(run: Run, osv: Path, home: Path) -> None:
    ran = run("db", "build", "--from", osv, "--format", "json")
    assert ran.status == 0
    assert (ran.json["advisories"], ran.json["skipped"], ran.json["exploited"]) == (3, 1, 1)
    assert "1 broken entries were skipped" in ran.err
    assert "BROKEN-1.json" in ran.err
    assert (home / "knowledge.db").is_file()
    page = run("db", "build", "--from", osv)
    assert "advisories  3" in page.out


def test_info_describes_the_file_that_is_named(run: Run, knowledge: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    knowledge.rename(other)
    ran = run("db", "info", "--db", other, "--format", "json")
    assert ran.status == 0
    assert ran.json["file"] == str(other)
    assert ran.json["ecosystems"] == ["PyPI"]
    assert ran.json["stamp"]["sequence"] > 0
    assert "ecosystem   PyPI" in run("db", "info", "--db", other).out


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("db", "info"), "knowledge.db"),
        (("db", "build"), "missing option '--from'"),
        (("db", "build", "--from", "nowhere"), "nowhere"),
        (("db", "update"), "nobody says where to fetch from; give --url, or set outbound.knowledge_url"),
    ],
)
def test_what_is_missing_is_named(run: Run, words: tuple[str, ...], error: str) -> None:
    ran = run(*words)
    assert (ran.status, ran.out) == (2, "")
    assert error in ran.err
    assert ran.err.count("\n") == 1


def test_no_knowledge_file_is_one_that_is_none(run: Run, home: Path) -> None:
    home.mkdir()
    (home / "knowledge.db").write_bytes(b"not one")
    ran = run("db", "info")
    assert ran.status == 2
    assert "Traceback" not in ran.err


def test_update_fetches_what_is_new_and_then_nothing(run: Run, url: str, home: Path) -> None:
    first = run("db", "update", "--url", url, "--format", "json")
    assert first.status == 0, first.err
    assert first.json["built"]["advisories"] == 3
    assert (home / "knowledge.db").is_file()
    second = run("db", "update", "--url", url)
    assert second.status == 0
    assert "nothing new" in second.out


def test_an_older_set_is_refused_unless_told(run: Run, url: str, osv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_OUTBOUND_KNOWLEDGE_URL", url)
    assert run("db", "update").status == 0
    kev = osv / "kev.json"
    kev.write_text(kev.read_text().replace("2026", "2025"))
    archive = osv / "PyPI" / "all.zip"
    archive.write_bytes(_older(archive))
    for file in (kev, archive):  # a server without ETags tells changes by the second
        os.utime(file, (1, 1))
    refused = run("db", "update")
    assert refused.status == 1
    assert "older than the one in force" in refused.err
    assert run("db", "update", "--allow-rollback").status == 0


def _older(archive: Path) -> bytes:
    import io
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(archive) as before, zipfile.ZipFile(made, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name).replace(b"2026-01-01", b"2024-01-01"))
    return made.getvalue()


def test_a_server_that_is_not_there_is_3(run: Run) -> None:
    ran = run("db", "update", "--url", "http://127.0.0.1:9")
    assert ran.status == 3
    assert ran.err.count("\n") == 1
