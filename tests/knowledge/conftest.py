# SPDX-License-Identifier: Apache-2.0
"""What tests of knowledge share: components, small advisory sets, and the file built from the large data set."""

import json
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from tidegate.artifact import Digest
from tidegate.inventory import Component, Ecosystem, PackageKind, PackageUrl, Version
from tidegate.knowledge.build import BuildReport, build
from tidegate.knowledge.seed import build_seed

MADE_AT: Final = datetime(2026, 11, 22, tzinfo=UTC)
LAYER: Final = Digest("sha256:" + "1" * 64)


def component(ecosystem: str, name: str, version: str, **more: Any) -> Component:
    """A component with as little as a match needs; the kind follows the ecosystem."""
    kinds = {"Debian": PackageKind.DEB, "Ubuntu": PackageKind.DEB, "Alpine": PackageKind.APK, "Wolfi": PackageKind.APK}
    kinds["AlmaLinux"] = PackageKind.RPM
    kind = kinds.get(ecosystem.partition(":")[0], PackageKind.PYPI)
    values: dict[str, Any] = {
        "kind": kind,
        "name": name,
        "version": Version(version),
        "purl": PackageUrl(f"pkg:{kind.value}/{name}@{version}"),
        "ecosystem": Ecosystem(ecosystem),
        "location": "var/lib/db",
        "layer": LAYER,
        "cataloger": "test",
    }
    return Component(**(values | more))


def record(identifier: str, ecosystem: str, name: str, *events: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """An OSV record of one range of one package."""
    kind = "SEMVER" if ecosystem in {"npm", "Go", "crates.io"} else "ECOSYSTEM"
    affected = {"package": {"ecosystem": ecosystem, "name": name}, "ranges": [{"type": kind, "events": list(events)}]}
    return {"id": identifier, "modified": "2024-01-01T00:00:00Z", "affected": [affected]} | more


def publish(root: Path, records: Mapping[str, list[dict[str, Any]]]) -> Path:
    """Writes `<ecosystem>/all.zip` for each ecosystem, and `ecosystems.txt`."""
    for ecosystem, content in records.items():
        path = root / ecosystem / "all.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for one in content:
                archive.writestr(zipfile.ZipInfo(f"{one['id']}.json"), json.dumps(one))
    (root / "ecosystems.txt").write_text("".join(f"{name}\n" for name in records))
    return root


Builder = Callable[..., BuildReport]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Where a test's knowledge file goes."""
    return tmp_path / "knowledge.db"


@pytest.fixture
def built(tmp_path: Path, db: Path) -> Builder:
    """Builds `db` from records by ecosystem; further keywords go to `build`."""

    def run(records: Mapping[str, list[dict[str, Any]]], **more: Any) -> BuildReport:
        return build(publish(tmp_path / "source", records), db, **({"made_at": MADE_AT} | more))

    return run


@pytest.fixture(scope="session")
def seed_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The knowledge file of the shipped set."""
    path = tmp_path_factory.mktemp("seed") / "seed.db"
    build_seed(path, made_at=MADE_AT)
    return path


@pytest.fixture(scope="session")
def whole_db(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The knowledge file of the large data set; built once a run."""
    path = tmp_path_factory.mktemp("whole") / "whole.db"
    build(shared_data, path, made_at=MADE_AT)
    return path
