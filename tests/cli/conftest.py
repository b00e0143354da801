# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command share: a run with its output, a small image, and knowledge of its flaws."""

import io
import json
import logging
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cli_run import Ran, Run

from tidegate.cli import main
from tidegate.knowledge.build import build
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("TIDEGATE_HOME", str(folder))
    for name in ("NO_COLOR", "TIDEGATE_DEBUG", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def run(home: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    del home

    def call(*words: str | Path) -> Ran:
        capfdbinary.readouterr()
        # pytest's own stand-in for standard output has no descriptor behind it.
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8"))
        status = main([str(word) for word in words])
        sys.stdout.flush()
        captured = capfdbinary.readouterr()
        return Ran(status=status, out=captured.out.decode(), err=captured.err.decode())

    logger = logging.getLogger("tidegate")
    before = (logger.handlers[:], logger.propagate, logger.level)
    yield call
    logger.handlers[:], logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


def _advisory(name: str, package: str, fixed: str | None, vector: str, aliases: list[str]) -> dict[str, Any]:
    events = [{"introduced": "0"}] + ([{"fixed": fixed}] if fixed else [])
    return {
        "schema_version": "1.7.0",
        "id": name,
        "modified": "2026-01-01T00:00:00Z",
        "published": "2025-12-01T00:00:00Z",
        "aliases": aliases,
        "summary": f"{package} can be \x1b[31msteered\x1b[0m by a request",
        "severity": [{"type": "CVSS_V3", "score": vector}] if vector else [],
        "affected": [
            {"package": {"ecosystem": "PyPI", "name": package}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
        ],
    }


ADVISORIES = [
    _advisory("PYSEC-2025-1", "brook", "2.0", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", ["CVE-2025-0001"]),
    _advisory("PYSEC-2025-2", "brook", None, "CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:L/I:N/A:N", ["CVE-2025-0002"]),
    _advisory("PYSEC-2025-3", "weir", "1.5", "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:L/I:L/A:N", ["CVE-2025-0003"]),
]
KEV = {
    "catalogVersion": "2026.01.01",
    "dateReleased": "2026-01-01T00:00:00Z",
    "count": 1,
    "vulnerabilities": [
        {
            "cveID": "CVE-2025-0003",
            "dateAdded": "2025-12-24",
            "dueDate": "2026-01-14",
            "knownRansomwareCampaignUse": "Known",
        }
    ],
}


@pytest.fixture
def osv(tmp_path: Path) -> Path:
    folder = tmp_path / "osv"
    (folder / "PyPI").mkdir(parents=True)
    with zipfile.ZipFile(folder / "PyPI" / "all.zip", "w") as archive:
        for advisory in ADVISORIES:
            archive.writestr(f"{advisory['id']}.json", json.dumps(advisory))
        archive.writestr("BROKEN-1.json", "{")
    (folder / "kev.json").write_text(json.dumps(KEV))
    (folder / "ecosystems.txt").write_text("PyPI\n")
    return folder


@pytest.fixture
def knowledge(home: Path, osv: Path) -> Path:
    path = home / "knowledge.db"
    build(osv, path, made_at=datetime(2026, 1, 2, tzinfo=UTC))
    return path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Two layers: an old system, and two Python packages with flaws."""
    system = LayerBuilder().file(
        "etc/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian \x1b]0;owned\x07GNU/Linux 12"\n'
    )
    site = "usr/lib/python3/dist-packages"
    packages = LayerBuilder()
    for name, version in (("brook", "1.2"), ("weir", "1.0"), ("lock", "1.0")):
        packages.file(
            f"{site}/{name}-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
    layout = tmp_path / "image"
    write_image(layout, "latest", [system.build(), packages.build()], {"User": "1000"})
    return layout
