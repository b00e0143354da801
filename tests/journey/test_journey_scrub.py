# SPDX-License-Identifier: Apache-2.0
"""A blob rots on the disk of a real server: found, not served, repaired from another registry, or told."""

import hashlib
import json
import shutil
from pathlib import Path

import httpx
import pytest
from whole_server import WholeServer, as_json, python_image, run_tidegate


def _layer(layout: Path, digest: str) -> str:
    raw = (layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_text()
    return str(json.loads(raw)["layers"][0]["digest"])


def _rot(home: Path, digest: str) -> None:
    path = home / "registry" / "blobs" / "sha256" / digest[7:9] / digest[7:]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data)


def test_a_rotten_blob_is_repaired_from_another_registry_or_told(tmp_path: Path) -> None:
    home, other, layout = tmp_path / "home", tmp_path / "other", tmp_path / "images"
    digest = python_image(layout, "one", {"h11": "0.14.0"})
    layer = _layer(layout, digest)
    with WholeServer(other) as mirror:
        mirror.push(layout, "one", "team/app:1")
        assert mirror.verdict(digest)["state"] == "admitted"
        sources = {"TIDEGATE_CURATION_REPAIR_REGISTRIES": mirror.address, "TIDEGATE_CURATION_SCRUB_EVERY_S": "0"}
        with WholeServer(home, environment=sources) as server:
            server.push(layout, "one", "team/app:1")
            server.verdict(digest)
            whole = server.http.get(f"/v2/team/app/blobs/{layer}").content
            _rot(home, layer)
            found = server.http.post("/api/v1/scrub").json()
            assert (found["damaged"], found["repaired"], found["lost"]) == ([layer], [layer], [])
            assert server.http.get(f"/v2/team/app/blobs/{layer}").content == whole
            assert server.wait_for_event("curation.blob.repaired")["data"]["source"] == mirror.address
            assert server.stop() == 0
        assert mirror.stop() == 0
    _rot(home, layer)
    lost = run_tidegate(home, "scrub", "--format", "table")
    assert lost.returncode == 1
    assert f"LOST     {layer}" in lost.stdout
    assert "team/app:1" in lost.stdout
    with WholeServer(home) as server:
        assert server.http.get(f"/v2/team/app/blobs/{layer}").status_code == 404
        assert "tidegate_blobs_lost 1.0" in server.http.get("/metrics").text
        refused = run_tidegate(home, "scrub")
        assert refused.returncode == 2
        there = ("--server", server.address)  # the folder here is empty
        asked = run_tidegate(tmp_path / "own", "scrub", "--seconds", "60", *there)
        assert asked.returncode == 1, asked.stderr
        told = as_json(asked.stdout)
        assert told["run"]["finished"] is True
        assert [one["tags"] for one in told["lost"][layer]["manifests"]] == [["team/app:1"]]
        here = as_json(run_tidegate(home, "scrub", "--status", "--format", "json").stdout)
        assert (told["lost"], told["damages"]) == (here["lost"], here["damages"])
        assert [one["digest"] for one in server.api("/scrub")["damages"]] == [layer]
        server.push(layout, "one", "team/app:1")
        assert server.http.get(f"/v2/team/app/blobs/{layer}").content == whole
        assert server.stop() == 0
    status = as_json(run_tidegate(home, "scrub", "--status", "--format", "json").stdout)
    assert status["lost"] == {}
    assert status["damages"][0]["repaired_from"] == "a push"


@pytest.mark.slow
@pytest.mark.parametrize(
    "step", ["FolderBlobs.set_aside:after", "ShelfBlobs.restore:before", "FolderBlobs.place:after"]
)
def test_a_kill_while_it_is_repaired_is_made_up_for(step: str, tmp_path: Path) -> None:
    home, backup, layout = tmp_path / "home", tmp_path / "backup", tmp_path / "images"
    digest = python_image(layout, "one", {"h11": "0.14.0"})
    layer = _layer(layout, digest)
    never = {"TIDEGATE_CURATION_SCRUB_EVERY_S": "0", "TIDEGATE_CURATION_REPAIR_FOLDERS": str(backup)}
    with WholeServer(home, environment=never) as server:
        server.push(layout, "one", "team/app:1")
        server.verdict(digest)
        assert server.stop() == 0
    shutil.copytree(home / "registry" / "blobs", backup / "blobs")
    _rot(home, layer)
    with WholeServer(home, kill_at=step, environment=never) as server:
        with pytest.raises(httpx.TransportError):
            server.http.post("/api/v1/scrub")
        assert server.died() == -9
    with WholeServer(home, environment=never) as server:
        server.http.post("/api/v1/scrub").raise_for_status()
        damages = server.api("/scrub")["damages"]
        assert [(one["digest"], bool(one["repaired_at"])) for one in damages] == [(layer, True)]
        got = server.http.get(f"/v2/team/app/blobs/{layer}").content
        assert f"sha256:{hashlib.sha256(got).hexdigest()}" == layer
        assert server.stop() == 0
