# SPDX-License-Identifier: Apache-2.0
"""Hostile images through the whole command: exit 2, one line, and nothing half-written."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_run import Run


def _layer(image: Path) -> Path:
    index = json.loads((image / "index.json").read_text())
    manifest = json.loads((image / "blobs/sha256" / index["manifests"][0]["digest"][7:]).read_text())
    digest: str = manifest["layers"][1]["digest"]
    return image / "blobs/sha256" / digest.removeprefix("sha256:")


def _cut_layer(image: Path) -> None:
    path = _layer(image)
    path.write_bytes(path.read_bytes()[:-20])


def _swap_layer(image: Path) -> None:
    path = _layer(image)
    raw = bytearray(path.read_bytes())
    raw[-30] ^= 0xFF
    path.write_bytes(raw)


def _lose_layer(image: Path) -> None:
    _layer(image).unlink()


def _huge_index(image: Path) -> None:
    with (image / "index.json").open("wb") as file:
        file.truncate(200 << 20)


def _other_manifest(image: Path) -> None:
    index = json.loads((image / "index.json").read_text())
    path = image / "blobs/sha256" / index["manifests"][0]["digest"][7:]
    path.write_bytes(path.read_bytes() + b" ")


def _climbing_digest(image: Path) -> None:
    index = json.loads((image / "index.json").read_text())
    index["manifests"][0]["digest"] = "sha256:../../../../etc/passwd"
    (image / "index.json").write_text(json.dumps(index))


def _index_in_index(image: Path) -> None:
    (image / "index.json").write_bytes(b"[" * 100_000)


@pytest.mark.usefixtures("knowledge")
@pytest.mark.parametrize(
    "harm",
    [_cut_layer, _swap_layer, _lose_layer, _huge_index, _other_manifest, _climbing_digest, _index_in_index],
)
def test_a_hostile_image_is_one_line_and_exit_2(
    run: Run, image: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    report = tmp_path / "report.json"
    report.write_text("old")
    harm(image)
    ran = run("scan", f"oci:{image}", "--format", "json", "-o", report)
    assert ran.status == 2, ran.err
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("tidegate: ")
    assert ran.err[:-1].isprintable()
    assert report.read_text() == "old"
    assert [path.name for path in tmp_path.glob(".report*")] == []


@pytest.mark.usefixtures("home")
def test_names_with_control_characters_reach_no_terminal(tmp_path: Path) -> None:
    root = tmp_path / "root"
    site = root / "lib/evil-1.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_bytes(b"Metadata-Version: 2.1\nName: evil\x1b[2J\nVersion: 1\x9b31m\n")
    words = [sys.executable, "-m", "tidegate", "scan", f"rootfs:{root}", "--format", "json"]
    for form in ("table", "json"):
        done = subprocess.run([*words[:-1], form], capture_output=True, check=False)
        assert b"\x1b" not in done.stdout + done.stderr
        assert b"\x9b" not in done.stdout + done.stderr
