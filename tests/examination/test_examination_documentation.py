# SPDX-License-Identifier: Apache-2.0
"""What a distribution's documentation shows as an example is told apart, as long as it is that documentation."""

import hashlib
from pathlib import Path

import pytest

from tidegate.evidence import SaidIn, ScanReport
from tidegate.examination.report import full_report
from tidegate.inventory import LocatedSecret
from tidegate.oci.image import Folder
from tidegate.scan.image import scan_image
from tidegate.scan.parts import ALL_PARTS, ScanParts
from tidegate.scan.roster import CATALOGERS
from tidegate.scan.secrets.detector import SecretDetector

README = "usr/share/doc/weir/README"
SHOWN = b"password = 'Kw7xPq29fLm3Rt8Z'\n"
STATUS = "Package: weir\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0-1\nMaintainer: A <a@b>\n\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text("ID=debian\nVERSION_ID=12\n")
    (tmp_path / "var/lib/dpkg/status").write_text(STATUS)
    (tmp_path / README).parent.mkdir(parents=True)
    (tmp_path / README).write_bytes(SHOWN)
    (tmp_path / "etc/weir.conf").write_bytes(SHOWN)
    (info / "weir.list").write_text(f"/.\n/{README}\n/etc/weir.conf\n")
    sums = [f"{hashlib.md5(SHOWN, usedforsecurity=False).hexdigest()}  {path}" for path in (README, "etc/weir.conf")]
    (info / "weir.md5sums").write_text("\n".join(sums) + "\n")
    return tmp_path


def report_of(root: Path, parts: ScanParts = ALL_PARTS) -> ScanReport:
    folder = Folder(name="x", root=root)
    inventory = scan_image(folder, store=None, roster=CATALOGERS, secrets=SecretDetector(), parts=parts)
    return full_report(inventory, None)


def places(secrets: tuple[LocatedSecret, ...]) -> set[str]:
    return {one.secret.path for one in secrets}


def test_an_example_in_the_documentation_of_a_package_is_told_apart(root: Path) -> None:
    report = report_of(root)
    assert places(report.secrets) == {"etc/weir.conf"}  # a package's other files count: it may be one's own
    (shown,) = report.suppressed_secrets
    assert shown.secret.secret.path == README
    assert (shown.by.said_in, shown.by.source) == (
        SaidIn.DISTRIBUTION,
        "pkg:deb/debian/weir@1.0-1?arch=all&distro=debian-12",
    )


def test_a_changed_file_and_one_nobody_owns_count(root: Path) -> None:
    (root / README).write_bytes(SHOWN + b"# changed\n")
    (root / "usr/share/doc/weir/notes").write_bytes(SHOWN)
    report = report_of(root)
    assert {README, "usr/share/doc/weir/notes"} <= places(report.secrets)
    assert report.suppressed_secrets == ()


def test_without_custody_nobody_can_say_that_it_is_unchanged(root: Path) -> None:
    assert README in places(report_of(root, ScanParts(custody=False)).secrets)
