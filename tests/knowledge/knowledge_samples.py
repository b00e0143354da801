# SPDX-License-Identifier: Apache-2.0
"""Components and small advisory sets for tests of knowledge."""

import json
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.inventory import Component, Ecosystem, PackageKind, PackageUrl, Version
from tidegate.knowledge.build import BuildReport

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
