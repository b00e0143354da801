# SPDX-License-Identifier: Apache-2.0
"""What rpm says of changed files is what custody says, on a root file system that rpm itself installed."""

import shutil
import subprocess
from pathlib import Path

import pytest
from custody_images import PARTS, PROGRAM, NoSecrets, paths

from tidegate.inventory import Custody, Origin
from tidegate.oci.image import Folder
from tidegate.scan.image import scan_image
from tidegate.scan.roster import CATALOGERS

SPEC = """
Name: sluice
Version: 2
Release: 1
Summary: s
License: MIT
BuildArch: noarch
%global __os_install_post %{nil}
%description
d
%install
mkdir -p %{buildroot}/etc %{buildroot}/usr/bin %{buildroot}/usr/share/doc/sluice
mkdir -p %{buildroot}/var/log %{buildroot}/usr/lib/sluice
echo a > %{buildroot}/etc/sluice.conf
echo b > %{buildroot}/usr/bin/sluice
echo b2 > %{buildroot}/usr/bin/weir
echo c > %{buildroot}/usr/share/doc/sluice/README
echo d > %{buildroot}/usr/lib/sluice/one
echo e > %{buildroot}/usr/lib/sluice/two
echo f > %{buildroot}/usr/lib/sluice/grows
ln -s one %{buildroot}/usr/lib/sluice/link
touch %{buildroot}/var/log/sluice.log
chmod 755 %{buildroot}/usr/bin/sluice %{buildroot}/usr/bin/weir
%files
%config(noreplace) /etc/sluice.conf
%attr(755,root,root) /usr/bin/sluice
/usr/bin/weir
%doc /usr/share/doc/sluice/README
/usr/lib/sluice/one
/usr/lib/sluice/two
%verify(not filedigest size mtime) /usr/lib/sluice/grows
/usr/lib/sluice/link
%ghost /var/log/sluice.log
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for tool in ("rpm", "rpmbuild"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is missing: apt-get install rpm")
    top = tmp_path_factory.mktemp("sluice")
    (top / "sluice.spec").write_text(SPEC)
    build = ["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {top}", str(top / "sluice.spec")]
    subprocess.run(build, check=True, capture_output=True)
    (package,) = top.glob("RPMS/noarch/*.rpm")
    folder = top / "root"
    folder.mkdir()
    how = ["-i", "--nodeps", "--ignorearch", "--ignoreos", "--force-debian", str(package)]
    subprocess.run([*_rpm(folder), *how], check=True, capture_output=True)
    return folder


def _rpm(folder: Path) -> list[str]:
    return ["rpm", "--root", str(folder), "--dbpath", "/var/lib/rpm", "--define", "_db_backend sqlite"]


def verified(folder: Path) -> tuple[set[str], set[str]]:
    """What rpm says has another digest, and what is missing."""
    said = subprocess.run(
        [*_rpm(folder), "-Va", "--nodeps", "--noscripts"], capture_output=True, text=True, check=False
    )
    modified, missing = set(), set()
    for line in said.stdout.splitlines():
        path = line.split()[-1].lstrip("/")
        if line.startswith("missing"):
            missing.add(path)
        elif line[2] == "5":
            modified.add(path)
    return modified, missing


def custody(folder: Path) -> Custody:
    source = Folder(name="rootfs", root=folder)
    found = scan_image(source, store=None, roster=CATALOGERS, secrets=NoSecrets(), parts=PARTS).custody
    assert found is not None
    return found


@pytest.mark.tools
def test_an_installation_is_as_rpm_says_before_and_after_it_is_changed(root: Path) -> None:
    pristine = custody(root)
    assert verified(root) == (set(), set())
    assert pristine.modified == pristine.missing == pristine.unexplained == ()
    assert {share.origin for share in pristine.shares if share.files} == {Origin.DISTRO}

    (root / "usr/bin/sluice").write_bytes(PROGRAM)
    (root / "etc/sluice.conf").write_text("edited\n")
    (root / "usr/lib/sluice/grows").write_text("grown\n")
    (root / "var/log/sluice.log").unlink(missing_ok=True)
    (root / "usr/lib/sluice/one").unlink()
    (root / "usr/lib/sluice/two").unlink()
    (root / "usr/lib/sluice/two").symlink_to("/etc/passwd")
    (root / "usr/share/doc/sluice/README").unlink()
    (root / "usr/bin/added").write_bytes(PROGRAM)
    (root / "usr/bin/added").chmod(0o4755)
    found = custody(root)
    modified, missing = verified(root)
    assert modified >= {"usr/bin/sluice", "etc/sluice.conf"}
    assert missing == {"usr/lib/sluice/one", "usr/share/doc/sluice/README"}
    # rpm tells of a link in a file's place by its mode, we as another content.
    assert paths(found.modified) == modified | {"usr/lib/sluice/two"}
    assert [file.path for file in found.modified if file.is_configuration] == ["etc/sluice.conf"]
    assert paths(found.missing) == missing - {"usr/share/doc/sluice/README"}
    assert found.left_out == 1
    assert paths(found.unexplained) == {"usr/bin/added"}
