# SPDX-License-Identifier: Apache-2.0
"""Images that umoci and skopeo made are read as they are meant, end to end with the real catalogers."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tidegate.inventory import Inventory
from tidegate.oci.open import open_target
from tidegate.oci.target import parse_target
from tidegate.scan.facts_store import FactsStore
from tidegate.scan.image import scan_image
from tidegate.scan.roster import CATALOGERS
from tidegate.scan.secrets.detector import SecretDetector

STATUS = """Package: {name}
Status: install ok installed
Architecture: amd64
Version: {version}

"""

ROOTLESS = () if os.geteuid() == 0 else ("--rootless",)


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing; install {name}")
    return found


def run(*arguments: str) -> None:
    subprocess.run(arguments, check=True, capture_output=True)


def scanned(target: str, store: Path) -> Inventory:
    with open_target(parse_target(target)) as image:
        return scan_image(image, store=FactsStore(store), roster=CATALOGERS, secrets=SecretDetector())


def status(*packages: tuple[str, str]) -> str:
    return "".join(STATUS.format(name=name, version=version) for name, version in packages)


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """Three layers by umoci: a base; one that raises a package and adds Python's; one that deletes."""
    umoci, layout, bundle = tool("umoci"), tmp_path / "layout", tmp_path / "bundle"
    run(umoci, "init", "--layout", str(layout))
    run(umoci, "new", "--image", f"{layout}:t")
    run(umoci, "unpack", *ROOTLESS, "--image", f"{layout}:t", str(bundle))
    root = bundle / "rootfs"
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (root / "usr/lib").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "etc").mkdir()
    (root / "usr/lib/os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    (root / "etc/os-release").symlink_to("../usr/lib/os-release")
    (root / "var/lib/dpkg/status").write_text(status(("bash", "5.2-1"), ("python3-six", "1.16.0-4")))
    site = root / "usr/lib/python3/dist-packages/six-1.16.0.egg-info"
    site.mkdir(parents=True)
    (site / "PKG-INFO").write_text("Metadata-Version: 1.2\nName: six\nVersion: 1.16.0\n")
    (info / "python3-six.list").write_text("/.\n/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO\n")
    run(umoci, "repack", "--refresh-bundle", "--image", f"{layout}:t", str(bundle))
    (root / "var/lib/dpkg/status").write_text(status(("bash", "5.2-2"), ("python3-six", "1.16.0-4")))
    own = root / "usr/local/lib/python3.11/site-packages/idna-3.6.dist-info"
    own.mkdir(parents=True)
    (own / "METADATA").write_text("Metadata-Version: 2.1\nName: idna\nVersion: 3.6\n")
    gone = own.parent / "gone-1.0.dist-info"
    gone.mkdir()
    (gone / "METADATA").write_text("Metadata-Version: 2.1\nName: gone\nVersion: 1.0\n")
    run(umoci, "repack", "--refresh-bundle", "--image", f"{layout}:t", str(bundle))
    shutil.rmtree(gone)
    run(umoci, "repack", "--refresh-bundle", "--image", f"{layout}:t", str(bundle))
    return layout


def told(inventory: Inventory) -> list[tuple[str, str, int, bool]]:
    order = {digest: index for index, digest in enumerate(inventory.layers)}
    return [(it.name, it.version, order[it.layer], bool(it.owner)) for it in inventory.components]


EXPECTED = [
    ("bash", "5.2-2", 1, False),
    ("python3-six", "1.16.0-4", 0, False),
    ("idna", "3.6", 1, False),
    ("six", "1.16.0", 0, True),
]


@pytest.mark.tools
def test_an_image_of_umoci_is_read_as_meant(layout: Path, tmp_path: Path) -> None:
    found = scanned(f"oci:{layout}:t", tmp_path / "facts")
    assert told(found) == EXPECTED
    assert found.os_release is not None
    assert (found.os_release.id, found.os_release.version_id) == ("debian", "12")
    assert scanned(f"oci:{layout}:t", tmp_path / "facts") == found


@pytest.mark.tools
@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("docker-archive:{0}/image.tar", []),
        ("oci-archive:{0}/image.tar", []),
        ("oci:{0}/zstd:t", ["--dest-compress-format", "zstd"]),
        ("oci:{0}/plain:t", ["--dest-decompress"]),
    ],
)
def test_what_skopeo_made_of_it_is_the_same(layout: Path, tmp_path: Path, target: str, options: list[str]) -> None:
    place = target.format(tmp_path)
    name = ":localhost/t:latest" if place.startswith("docker-archive:") else ""
    run(tool("skopeo"), "--insecure-policy", "copy", *options, f"oci:{layout}:t", place + name)
    found = scanned(place, tmp_path / "facts")
    assert told(found) == EXPECTED
    assert json.dumps([it.purl for it in found.components])


@pytest.mark.tools
def test_the_unpacked_root_tells_the_same_packages(layout: Path, tmp_path: Path) -> None:
    run(tool("umoci"), "unpack", *ROOTLESS, "--image", f"{layout}:t", str(tmp_path / "again"))
    found = scanned(f"rootfs:{tmp_path}/again/rootfs", tmp_path / "facts")
    assert [row[:2] for row in told(found)] == [row[:2] for row in EXPECTED]
