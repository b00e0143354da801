# SPDX-License-Identifier: Apache-2.0
"""A pristine image has nothing to look at; each known change to one is told, exactly, as the native tools tell it."""

import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from custody_images import (
    BASE,
    PARTS,
    PROGRAM,
    FileLayer,
    NoSecrets,
    built,
    custody,
    explained,
    files_of,
    image,
    layer_of,
    paths,
    scanned,
)

from tidegate.inventory import Custody, FileNature, Integrity, Origin
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.scan.custody.explanation import Deed
from tidegate.scan.facts_store import FactsStore
from tidegate.scan.image import scan_image
from tidegate.scan.passing_over import NOTHING_PASSED_OVER, PassedOver
from tidegate.scan.roster import CATALOGERS

ALPINES = (
    "alpine-minirootfs-3.10.9-x86_64",
    "alpine-minirootfs-3.18.9-x86_64",
    "alpine-minirootfs-3.20.3-x86_64",
    "alpine-minirootfs-3.20.3-aarch64",
)


def nothing_to_look_at(found: Custody) -> None:
    assert found.unexplained == ()
    assert found.in_house == ()
    assert found.missing == ()
    assert [file.path for file in found.modified if not file.is_configuration] == []
    assert not found.truncated


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ALPINES)
def test_a_pristine_alpine_has_nothing_to_look_at(shared_data: Path, name: str) -> None:
    layer = layer_of(shared_data / "images" / f"{name}.tar.gz")
    found = custody(image([layer], [BASE]))
    nothing_to_look_at(found)
    assert paths(found.modified) == {"etc/shadow"}  # its makers lock root's account after the installation
    with tarfile.open(layer.path) as archive:
        files = [info for info in archive if info.isreg() or info.islnk()]
    assert sum(share.files for share in found.shares) == len(files)
    assert sum(share.bytes for share in found.shares) == sum(info.size for info in files if info.isreg())
    assert files_of(found, Origin.UNEXPLAINED) == 0


@pytest.mark.shared_data
def test_what_is_passed_over_is_neither_counted_nor_missed(shared_data: Path, tmp_path: Path) -> None:
    layer = layer_of(shared_data / "images" / f"{ALPINES[2]}.tar.gz")
    over = PassedOver(folders=("lib/apk",), files=("bin/busybox", "etc/*"))
    changed = LayerBuilder().file("etc/stray", b"#!/bin/sh\n", mode=0o755).file("bin/stray", PROGRAM, mode=0o755)
    source = image([layer, built(tmp_path, changed)], [BASE, "RUN x"])
    store = FactsStore(tmp_path / "facts")
    for passed_over in (over, NOTHING_PASSED_OVER, over):
        inventory = scan_image(
            source, store=store, roster=CATALOGERS, secrets=NoSecrets(), parts=PARTS, passed_over=passed_over
        )
        found = inventory.custody
        assert found is not None
        assert inventory.passed_over == passed_over.globs
        if passed_over:
            assert {it.kind.value for it in inventory.components} == {"generic"}  # its database lies in lib/apk
            assert "bin/stray" in paths(found.unexplained)
            assert "etc/stray" not in paths(found.unexplained)
        else:
            assert paths(found.unexplained) == {"bin/stray", "etc/stray"}
            assert "apk" in {it.kind.value for it in inventory.components}
    some = scan_image(
        source,
        store=store,
        roster=CATALOGERS,
        secrets=NoSecrets(),
        parts=PARTS,
        passed_over=PassedOver(files=("bin/busybox", "etc/**")),
    ).custody
    assert some is not None
    assert paths(some.missing) == set()
    assert paths(some.modified) == set()
    assert paths(some.unexplained) == {"bin/stray"}


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real Debian root file system, as a tar."""
    for tool in ("mmdebstrap", "dpkg"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is missing: apt-get install {tool}")
    path = tmp_path_factory.mktemp("debian") / "root.tar"
    made = subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=essential", "bookworm", str(path)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("mmdebstrap cannot make a root file system here: it needs root and a package source")
    return path


@pytest.mark.tools
@pytest.mark.slow
def test_a_pristine_debian_has_nothing_to_look_at(debian: Path) -> None:
    found = custody(image([layer_of(debian)], [BASE]))
    nothing_to_look_at(found)
    assert found.modified == ()
    assert {share.origin for share in found.shares if share.files} == {Origin.DISTRO}
    census = scanned(image([layer_of(debian)], [BASE])).census
    assert census is not None
    assert "usr/bin/su" in census.setuid
    assert {"usr/bin/bash", "usr/bin/dash", "usr/bin/sh"} <= set(census.shells)
    assert "usr/bin/dpkg" in census.package_managers
    assert census.world_writable == ()


@pytest.mark.tools
@pytest.mark.slow
def test_changes_to_debian_are_told_as_dpkg_tells_them(debian: Path, tmp_path: Path) -> None:
    changes = (
        LayerBuilder()
        .file("usr/bin/ls", PROGRAM, mode=0o755)
        .file("etc/debian_version", "13\n")
        .file("usr/bin/added", PROGRAM, mode=0o755)
        .whiteout("usr/bin/cat")
        .whiteout("usr/share/doc/coreutils/copyright")
    )
    found = custody(image([layer_of(debian), built(tmp_path, changes)], [BASE, "RUN /bin/sh -c attack # buildkit"]))
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["tar", "-xf", str(debian), "-C", str(root), "--exclude=./dev"], check=True, capture_output=True)
    (root / "usr/bin/ls").write_bytes(PROGRAM)
    (root / "etc/debian_version").write_text("13\n")
    for gone in ("usr/bin/cat", "usr/share/doc/coreutils/copyright"):
        (root / gone).unlink()
    said = subprocess.run(["dpkg", f"--root={root}", "--verify"], capture_output=True, text=True, check=False).stdout
    told = {line.split()[-1].lstrip("/").replace("bin/", "usr/bin/", 1) for line in said.splitlines() if "bin/" in line}
    assert told == {"usr/bin/ls", "usr/bin/cat"}
    assert {file.path for file in found.modified} == {"usr/bin/ls", "etc/debian_version"}
    assert {file.path: file.is_configuration for file in found.modified}["etc/debian_version"]
    assert {file.path.removeprefix("usr/") for file in found.missing} == {"bin/cat"}
    assert found.left_out == 1
    assert paths(found.unexplained) == {"usr/bin/added"}


@pytest.fixture
def alpine(shared_data: Path) -> FileLayer:
    return layer_of(shared_data / "images" / f"{ALPINES[2]}.tar.gz")


@pytest.mark.shared_data
def test_each_change_is_told_exactly(alpine: FileLayer, tmp_path: Path) -> None:
    site = "usr/lib/python3.12/site-packages"
    good = b"def flow():\n    return 1\n"
    record = f"weir/__init__.py,sha256={_url64(good)},25\nweir-1.0.dist-info/METADATA,,\nweir-1.0.dist-info/RECORD,,\n"
    installed = (
        LayerBuilder()
        .file(f"{site}/weir/__init__.py", good)
        .file(f"{site}/weir/__pycache__/__init__.cpython-312.pyc", b"\xcb\x0d\x0d\x0a code")
        .file(f"{site}/weir-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: weir\nVersion: 1.0\nAuthor: W\n")
        .file(f"{site}/weir-1.0.dist-info/RECORD", record)
    )
    attacked = (
        LayerBuilder()
        .file("bin/busybox", PROGRAM, mode=0o4755)
        .file(f"{site}/weir/__init__.py", b"import os\n")
        .file("usr/bin/miner", PROGRAM, mode=0o755)
        .file("usr/bin/hook", "#!/bin/sh\n", mode=0o755)
        .file("var/lib/apk/hidden", PROGRAM, mode=0o755)
        .file("etc/ssl/openssl.cnf", "edited\n")
        .whiteout("sbin/apk")
        .symlink("lib/libz.so.1.3.1", "/tmp/libz.so")
    )
    own = (
        LayerBuilder()
        .file("app/serve", "#!/bin/sh\n", mode=0o755)
        .file("app/data", "d")
        .file("usr/bin/ours", PROGRAM, mode=0o755)
    )
    layers = [alpine, built(tmp_path, installed), built(tmp_path, attacked), built(tmp_path, own)]
    steps = [
        BASE,
        "RUN /bin/sh -c pip install weir # buildkit",
        "RUN /bin/sh -c run-me # buildkit",
        "COPY . / # buildkit",
    ]
    source = image(layers, steps)
    inventory = scanned(source)
    found, census = inventory.custody, inventory.census
    assert found is not None
    assert census is not None
    modified = {file.path: file for file in found.modified}
    assert set(modified) == {
        "bin/busybox",
        f"{site}/weir/__init__.py",
        "etc/shadow",
        "etc/ssl/openssl.cnf",
        "lib/libz.so.1.3.1",
    }
    assert modified["etc/ssl/openssl.cnf"].is_configuration
    assert modified["bin/busybox"].nature is FileNature.PROGRAM
    assert modified["bin/busybox"].layer == layers[2].descriptor.digest
    assert modified["bin/busybox"].package is not None
    assert "apk/alpine/busybox@" in modified["bin/busybox"].package
    assert modified[f"{site}/weir/__init__.py"].origin is Origin.UPSTREAM
    assert modified[f"{site}/weir/__init__.py"].package == "pkg:pypi/weir@1.0"
    assert paths(found.missing) == {"sbin/apk"}
    assert paths(found.unexplained) == {"usr/bin/miner", "usr/bin/hook", "var/lib/apk/hidden"}
    assert paths(found.in_house) == {"app/serve", "usr/bin/ours"}
    assert files_of(found, Origin.IN_HOUSE) == 3
    assert files_of(found, Origin.UPSTREAM) == 4
    assert census.setuid == ("bin/busybox",)
    _explains(source, site, layers)


def _explains(source: object, site: str, layers: list[FileLayer]) -> None:
    from tidegate.oci.image import Image

    assert isinstance(source, Image)
    told = explained(source, "/bin/busybox")
    assert told.file is not None
    assert told.file.integrity is Integrity.MODIFIED
    assert told.algorithm == "sha1"
    assert told.actual == hashlib.sha1(PROGRAM, usedforsecurity=False).hexdigest() != told.stated
    assert [event.deed for event in told.events] == [Deed.BROUGHT, Deed.REPLACED]
    assert told.layer is not None
    assert told.layer.step is not None
    assert told.layer.step.instruction == "RUN /bin/sh -c run-me"
    assert told.package is not None
    assert told.package.supplier
    through = explained(source, "bin/sh")
    assert through.path == "bin/busybox"
    assert [link.link for link in through.followed] == ["bin/sh"]
    gone = explained(source, "sbin/apk")
    assert not gone.is_there
    assert gone.deleted_by is not None
    assert gone.deleted_by.layer.digest == layers[2].descriptor.digest
    bytecode = explained(source, f"{site}/weir/__pycache__/__init__.cpython-312.pyc")
    assert bytecode.file is not None
    assert (bytecode.file.origin, bytecode.file.integrity) == (Origin.UPSTREAM, Integrity.UNCHECKED)
    assert bytecode.package is not None
    assert bytecode.package.name == "weir"
    never = explained(source, "usr/bin/mined")
    assert (never.is_there, never.events) == (False, ())
    assert never.near == ("usr/bin/miner",)


def _url64(content: bytes) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
