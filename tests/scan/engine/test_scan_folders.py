# SPDX-License-Identifier: Apache-2.0
"""A folder is read like a layer, and nothing outside it is opened."""

import os
from pathlib import Path
from typing import Any

import pytest
from engine_parts import LineCataloger, WordScanner

from tidegate.errors import BoundExceededError, NotFoundError
from tidegate.inventory import Inventory
from tidegate.oci.image import Folder
from tidegate.scan.image import scan_image
from tidegate.scan.limits import ScanLimits
from tidegate.scan.os_release import OsReleaseCataloger


def scanned(root: Path, limits: ScanLimits | None = None) -> Inventory:
    roster = (LineCataloger(), OsReleaseCataloger())
    return scan_image(Folder(name="folder", root=root), store=None, roster=roster, secrets=WordScanner(), limits=limits)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "var/db").mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "var/db/packages").write_text("a 1\n")
    (root / "etc/os-release").write_text("ID=debian\nVERSION_ID=12\n")
    (root / "etc/token").write_text("HUSH")
    (root / "etc/.wh.token").write_text("an ordinary name here")
    return root


def test_components_secrets_and_release_are_found(root: Path) -> None:
    found = scanned(root)
    assert [(it.name, it.location, it.layer) for it in found.components] == [("a", "var/db/packages", found.digest)]
    assert [(it.secret.path, it.deleted) for it in found.secrets] == [("etc/token", False)]
    assert found.os_release is not None
    assert found.outcomes == ()


def test_the_digest_is_of_the_tree_and_not_of_its_place(root: Path, tmp_path: Path) -> None:
    before = scanned(root)
    moved = tmp_path / "moved"
    root.rename(moved)
    assert scanned(moved) == before
    (moved / "var/db/packages").write_text("a 2\n")
    assert scanned(moved).digest != before.digest
    (moved / "var/db/packages").write_text("a 1\n")
    assert scanned(moved).digest == before.digest
    (moved / "etc/token").chmod(0o600)
    assert scanned(moved).digest != before.digest


def test_links_out_of_the_folder_are_not_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "db").mkdir(parents=True)
    (outside / "db/packages").write_text("outside 1\n")
    (outside / "PACKAGES").write_text("outside 1\nHUSH 2\n")
    (root / "var/db/packages").unlink()
    (root / "var/db").rmdir()
    (root / "var/db").symlink_to(outside / "db")
    (root / "PACKAGES").symlink_to("../outside/PACKAGES")
    (root / "etc/token").unlink()
    found = scanned(root)
    assert found.components == ()
    assert found.secrets == ()


def test_links_within_the_folder_are_followed(root: Path) -> None:
    (root / "opt").mkdir()
    (root / "var/db/packages").rename(root / "opt/real")
    (root / "var/db/packages").symlink_to("/opt/real")
    assert [(it.name, it.location) for it in scanned(root).components] == [("a", "var/db/packages")]


def test_pipes_and_devices_are_not_opened(root: Path) -> None:
    os.mkfifo(root / "etc/PACKAGES")
    assert [it.name for it in scanned(root).components] == ["a"]


def test_bounds_hold_for_folders_too(root: Path) -> None:
    for bound, limits in (
        ("max_entries", ScanLimits(max_entries=3)),
        ("max_unpacked_bytes", ScanLimits(max_unpacked_bytes=10)),
        ("max_path_depth", ScanLimits(max_path_depth=2)),
    ):
        with pytest.raises(BoundExceededError) as caught:
            scanned(root, limits)
        assert caught.value.bound == bound


def test_a_missing_folder_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="not a folder"):
        scanned(tmp_path / "none")


def test_a_folder_that_cannot_be_opened_leaves_an_outcome(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: object, flags: int, *rest: int, **named: int) -> int:
        if path == b"etc":
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *rest, **named)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(os, "open", refuse)
    found = scanned(root)
    assert [(it.plugin, it.location, it.reason) for it in found.outcomes] == [("folder", "etc", "Permission denied")]
    assert [it.name for it in found.components] == ["a"]


@pytest.mark.parametrize("swapped", ["etc", "etc/token"])
def test_a_link_put_in_place_while_the_walk_runs_leads_nowhere(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swapped: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "token").write_text("HUSH from outside")
    (root / "etc/token").write_text("nothing here yet....")
    real = os.stat

    def swap(path: Any, **named: Any) -> os.stat_result:
        status = real(path, **named)
        if path == Path(swapped).name.encode() and not (root / swapped).is_symlink():
            (root / swapped).rename(tmp_path / "aside")
            (root / swapped).symlink_to(outside if swapped == "etc" else outside / "token")
        return status

    monkeypatch.setattr(os, "stat", swap)
    found = scanned(root)
    assert (root / swapped).is_symlink()
    assert found.secrets == ()
    assert [(it.plugin, it.location) for it in found.outcomes] == [("folder", swapped)]
