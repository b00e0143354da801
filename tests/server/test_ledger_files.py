# SPDX-License-Identifier: Apache-2.0
"""The ledger over HTTP, from a whole server: standard paths, headers, who may read, and Go's own judgement."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from api_server import ApiServer

from filled_ledger import add_statements, run_tlogcheck
from tidegate.artifact import Digest
from tidegate.ledger import NoteVerifier, leaf_hash, verify_checkpoint
from tidegate.ledger.copy import statement_path
from tidegate.ledger.proof import EMPTY_ROOT
from tidegate.ledger.tile import Tile, split_entries, split_hashes
from tidegate.wire import from_json

SIZE = 600
TOKEN = "ledger-tests-0123456789"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    home = tmp_path_factory.mktemp("ledger")
    add_statements(home, SIZE)
    with ApiServer(home, token=TOKEN, environment={"TIDEGATE_LEDGER_PUBLIC": "true"}) as running:
        yield running


@pytest.fixture
def client(server: ApiServer) -> httpx.Client:
    return server.client(None, base="/ledger")


def test_the_checkpoint_is_signed_and_not_cached(client: httpx.Client) -> None:
    answer = client.get("/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    found = verify_checkpoint(answer.text, NoteVerifier.parse(client.get("/key").text))
    assert (found.origin, found.size) == ("tidegate/ledger", SIZE)
    assert found.root != EMPTY_ROOT


def test_tiles_and_bundles_fit_each_other(client: httpx.Client) -> None:
    for tile in (Tile(0, 0), Tile(0, 1), Tile(0, 2, SIZE - 512)):
        hashes = client.get(f"/{tile.path}")
        bundle = client.get(f"/{tile.bundle.path}")
        for answer in (hashes, bundle):
            assert answer.headers["content-type"] == "application/octet-stream"
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        entries = split_entries(bundle.content, tile.bundle)
        assert [leaf_hash(entry) for entry in entries] == split_hashes(hashes.content, tile)
    assert len(client.get("/tile/1/000.p/2").content) == 64


def test_a_part_of_a_full_tile_is_its_beginning(client: httpx.Client) -> None:
    """Of every size there was a checkpoint of, and so for every size."""
    full = client.get("/tile/0/000").content
    for width in (1, 7, 255):
        assert client.get(f"/tile/0/000.p/{width}").content == full[: 32 * width]
    assert client.get("/tile/1/000.p/1").content == client.get("/tile/1/000.p/2").content[:32]


def test_bundles_are_compressed_for_who_asks(server: ApiServer) -> None:
    with httpx.Client(base_url=f"{server.address}/ledger", trust_env=False) as plain:
        path = "/tile/entries/000"
        with plain.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["content-encoding"] == "gzip"
            assert answer.headers["vary"] == "Accept-Encoding"
            packed = b"".join(answer.iter_raw())
        bare = plain.get(path, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in bare.headers
        assert gzip.decompress(packed) == bare.content
        assert len(packed) < len(bare.content) / 2


@pytest.mark.parametrize(
    "path",
    [
        "/tile/0/003", "/tile/0/002", "/tile/0/002.p/89", "/tile/1/000", "/tile/1/000.p/3", "/tile/2/000.p/1",
        "/tile/0/000.p/256", "/tile/0/0", "/tile/entries/002", "/tile/entries/x001/000", "/tile/-1/000",
        "/tile/0/x999/x999/x999/x999/x999/999", "/tile/0/%2e%2e/000", "/nothing", "/statement/sha256/00/" + "0" * 64,
    ],
)  # fmt: skip
def test_what_is_not_there(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_entries_name_statements_that_are_there(client: httpx.Client) -> None:
    bundle = Tile(-1, 2, SIZE - 512)
    for entry in split_entries(client.get(f"/{bundle.path}").content, bundle)[-3:]:
        named = Digest(from_json(entry, dict[str, str], what="entry", max_bytes=1000)["envelope"])
        answer = client.get(f"/{statement_path(named)}")
        assert Digest.of(answer.content) == named
        assert "immutable" in answer.headers["cache-control"]
    assert client.get("/statement/sha256/sh/short").status_code == 422
    assert client.post("/checkpoint").status_code == 405


@pytest.mark.tools
def test_go_reads_it_all_by_its_own_means(client: httpx.Client, server: ApiServer, tmp_path: Path) -> None:
    key = client.get("/key").text.strip()
    found = run_tlogcheck(key, f"{server.address}/ledger")
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith(f"{SIZE} entries")
    (tmp_path / "checkpoint").write_text(client.get("/checkpoint").text)
    add_statements(server.home, 200, start=SIZE)
    later = run_tlogcheck(key, f"{server.address}/ledger", tmp_path / "checkpoint")
    assert later.returncode == 0, later.stderr
    assert later.stdout.startswith(f"{SIZE + 200} entries")


def test_only_who_may_list_reads_it_otherwise(tmp_path: Path) -> None:
    with ApiServer(tmp_path, token=TOKEN) as running:
        nobody, root = running.client(None, base="/ledger"), running.client(("root", TOKEN), base="/ledger")
        for path in ("/checkpoint", "/key", "/handovers", "/tile/0/000"):
            assert nobody.get(path).status_code == 401
        assert verify_checkpoint(root.get("/checkpoint").text, NoteVerifier.parse(root.get("/key").text)).size == 0
        assert root.get("/tile/0/000.p/1").status_code == 404
        body = {"kind": "user", "name": "anna", "password": "correct horse battery staple"}
        assert running.client(("root", TOKEN)).post("/principals", json=body).status_code == 201
        anna = running.client(("anna", str(body["password"])), base="/ledger")
        assert anna.get("/checkpoint").status_code == 403
