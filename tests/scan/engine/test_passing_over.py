# SPDX-License-Identifier: Apache-2.0
"""What a scan is told to pass over is not told of; what version control keeps is not of the sources."""

import json
import subprocess
from pathlib import Path

import pytest
from engine_parts import LineCataloger, WordScanner

from tidegate.inventory import Inventory, Origin
from tidegate.oci.image import Folder
from tidegate.scan.image import scan_image
from tidegate.scan.passing_over import NOTHING_PASSED_OVER, PassedOver
from tidegate.scan.source_roster import SOURCE_CATALOGERS


def scanned(root: Path, over: PassedOver = NOTHING_PASSED_OVER, *, is_source: bool = False) -> Inventory:
    folder = Folder(name="folder", root=root, is_source=is_source)
    return scan_image(folder, store=None, roster=(LineCataloger(),), secrets=WordScanner(), passed_over=over)


def places_of(found: Inventory) -> set[str]:
    return {it.secret.path for it in found.secrets}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for place in ("app/var/db", "app/docs"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "app/var/db/packages").write_text("a 1\n")
    (tmp_path / "app/var/PACKAGES").write_text("b 1\n")
    (tmp_path / "app/docs/token.md").write_text("HUSH")
    (tmp_path / "app/token.txt").write_text("HUSH")
    return tmp_path


def test_folders_and_files_of_a_folder(root: Path) -> None:
    whole = scanned(root)
    less = scanned(root, PassedOver(folders=("**/docs",)))
    assert places_of(whole) - places_of(less) == {"app/docs/token.md"}
    assert less.passed_over == ("**/docs",)
    assert less.census is not None
    assert whole.census is not None
    assert less.census.files == whole.census.files - 1
    assert places_of(scanned(root, PassedOver(files=("app/*.txt",)))) == {"app/docs/token.md"}
    assert places_of(scanned(root, PassedOver(files=("app/**",)))) == set()


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True)


def test_what_git_keeps_is_not_of_the_sources(root: Path) -> None:
    before = scanned(root, is_source=True)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    (root / "app/inner").mkdir()
    (root / "app/inner/.git").write_text("gitdir: ../../.git/modules/inner\n")
    (root / "app/inner/.git").rename(root / "app/.git")
    (root / "app/inner").rmdir()
    after = scanned(root, is_source=True)
    assert after.digest == before.digest
    assert after.custody == before.custody
    assert after.components == before.components
    assert after.outcomes == ()
    shares = {share.origin: share.files for share in after.custody.shares} if after.custody else {}
    assert shares[Origin.IN_HOUSE] == 4
    with_git = scanned(root)  # a root file system has what it has
    assert with_git.census is not None
    assert with_git.census.files > 20


def test_a_login_in_the_settings_of_git_is_told_all_the_same(root: Path) -> None:
    git(root, "init", "-q")
    git(root, "config", "remote.origin.url", "https://HUSH@example.com/x.git")
    assert ".git/config" in places_of(scanned(root, is_source=True))
    (root / ".git/config").unlink()
    (root / ".git/config").symlink_to("../app/token.txt")
    assert ".git/config" not in places_of(scanned(root, is_source=True))


def test_a_bill_of_materials_among_the_sources_makes_them_no_operating_system(root: Path) -> None:
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [{"type": "library", "name": "a", "version": "1", "purl": "pkg:deb/debian/a@1?distro=debian-12"}],
    }
    (root / "app/bom.json").write_text(json.dumps(bill))
    folder = Folder(name="folder", root=root, is_source=True)
    found = scan_image(folder, store=None, roster=SOURCE_CATALOGERS, secrets=WordScanner())
    assert [it.kind.value for it in found.components] == ["deb"]
    shares = {share.origin: share.files for share in found.custody.shares} if found.custody else {}
    assert shares[Origin.UNEXPLAINED] == 0
    assert shares[Origin.IN_HOUSE] == 5
