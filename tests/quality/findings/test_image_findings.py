# SPDX-License-Identifier: Apache-2.0
"""The known answers of whole images: layers read, knowledge matched, exactly those findings and fixes."""

import gzip
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tidegate.artifact import Descriptor, Digest, media_type
from tidegate.inventory import Component
from tidegate.knowledge.build import build
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.match import match
from tidegate.oci.layer_builder import BuiltLayer, LayerBuilder
from tidegate.oci.open import open_target
from tidegate.oci.target import parse_target
from tidegate.oci.write import write_image
from tidegate.scan.image import scan_image
from tidegate.scan.parts import ScanParts
from tidegate.scan.roster import CATALOGERS
from tidegate.scan.secrets.detector import SecretDetector

pytestmark = [pytest.mark.shared_data, pytest.mark.slow]

ROOTS = ["3.10.9-x86_64", "3.18.9-x86_64", "3.20.3-x86_64", "3.20.3-aarch64"]
DEBIAN = "debian-12.8-bookworm-20241202-amd64 (package list only)"

Findings = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def knowledge_db(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("quality") / "knowledge.db"
    build(shared_data, path, made_at=datetime(2026, 11, 22, tzinfo=UTC))
    return path


def answer(shared_data: Path, image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_data / "KNOWN-ANSWERS.json").read_bytes())["images"][image]
    return found


def components(target: str) -> tuple[Component, ...]:
    with open_target(parse_target(target)) as image:
        parts = ScanParts(secrets=False, custody=False)
        return tuple(scan_image(image, store=None, roster=CATALOGERS, secrets=SecretDetector(), parts=parts).components)


def findings(db: Path, found: tuple[Component, ...]) -> Findings:
    """As the answers write them: the package with its source, then each advisory with the version that fixes it."""
    told: Findings = {}
    with Knowledge.open(db) as knowledge:
        for component in found:
            fixes = {one.id: str(one.fixed_version or "") for one in match(knowledge, [component])}
            source = component.source_name
            if fixes:
                of_source = f" (source {source})" if source and source != component.name else ""
                told[f"{component.name} {component.version}{of_source}"] = fixes
    return told


def layer_of(packed: Path) -> BuiltLayer:
    """A root file system's archive, as it is, for a layer."""
    content = packed.read_bytes()
    digests = [Digest(f"sha256:{hashlib.sha256(data).hexdigest()}") for data in (content, gzip.decompress(content))]
    descriptor = Descriptor(media_type=media_type.OCI_LAYER_GZIP, digest=digests[0], size=len(content))
    return BuiltLayer(descriptor=descriptor, diff_id=digests[1], blob=packed)


@pytest.mark.parametrize("root", ROOTS)
def test_alpine_root_file_systems(shared_data: Path, knowledge_db: Path, tmp_path: Path, root: str) -> None:
    name = f"alpine-minirootfs-{root}"
    write_image(tmp_path / "layout", "alpine", [layer_of(shared_data / "images" / f"{name}.tar.gz")])
    found, expected = components(f"oci:{tmp_path / 'layout'}:alpine"), answer(shared_data, name)
    assert sum(component.kind.is_of_distribution for component in found) == expected["packages"]
    assert findings(knowledge_db, found) == expected["findings"]


def test_an_image_docker_saved(shared_data: Path, knowledge_db: Path) -> None:
    found = components(f"docker-archive:{shared_data / 'images/alpine-3.10.4-docker-save.tar.gz'}")
    expected = answer(shared_data, "alpine-3.10.4-docker-save")
    assert sum(component.kind.is_of_distribution for component in found) == expected["packages"]
    assert findings(knowledge_db, found) == expected["findings"]


def test_debian_by_its_package_list(shared_data: Path, knowledge_db: Path, tmp_path: Path) -> None:
    expected = answer(shared_data, DEBIAN)
    sources = {key.split(" ")[0]: key.rpartition("(source ")[2].rstrip(")") for key in expected["findings"]}
    (listed,) = (shared_data / "manifests").iterdir()
    status = ""
    for line in listed.read_text().splitlines():
        name, version = line.split()[:2]
        name = name.partition(":")[0]
        source = sources.get(name, "").partition(" ")[0] or name
        status += f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\n"
        status += f"Source: {source}\nVersion: {version}\n\n"
    layer = LayerBuilder().file("etc/os-release", b'ID=debian\nVERSION_ID="12"\n').file("var/lib/dpkg/status", status)
    write_image(tmp_path / "layout", "debian", [layer.build()])
    found = components(f"oci:{tmp_path / 'layout'}:debian")
    assert len(found) == expected["packages"]
    assert findings(knowledge_db, found) == expected["findings"]
