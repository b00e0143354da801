# SPDX-License-Identifier: Apache-2.0
"""pacman and opkg: packages, the paths they own and how these should be."""

import gzip
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from installed_forms import packages, read, refusal, takers_of
from installed_samples import DESC, MTREE

from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts, OsRelease, PackageKind
from tidegate.scan.catalogers.installed import alpm
from tidegate.scan.purl import component_purl

LOCAL = "var/lib/pacman/local/bash-5.2.026-2"
ARCH = OsRelease(id="arch", version_id="")


def test_a_description_of_pacmans() -> None:
    (package,) = packages(f"{LOCAL}/desc", DESC)
    assert (package.kind, package.name, package.version) == (PackageKind.ALPM, "bash", "5.2.026-2")
    assert package.architecture == "x86_64"
    assert package.licenses == ("GPL-3.0-or-later", "MIT")
    assert package.supplier == "Ann <a@example.org>"
    assert component_purl(package, ARCH) == "pkg:alpm/arch/bash@5.2.026-2?arch=x86_64&distro=arch"


def test_an_mtree_tells_paths_and_their_sums() -> None:
    facts, reason = read(f"{LOCAL}/mtree", gzip.compress(MTREE))
    assert reason == ""
    (owned,) = facts.ownership
    assert (owned.package, owned.algorithm) == ("bash", "sha256")
    assert owned.paths == ("usr/bin/a b", "usr/lib/x")
    assert owned.checksums == bytes.fromhex("2" * 64) + bytes(32)
    facts, _ = read(f"{LOCAL}/mtree", gzip.compress(MTREE.replace(b"sha256digest", b"other")))
    assert facts.ownership[0].algorithm == "md5"
    assert facts.ownership[0].checksums == bytes.fromhex("1" * 32) + bytes(16)


def test_files_people_are_meant_to_change() -> None:
    facts, _ = read(
        f"{LOCAL}/files", b"%FILES%\netc/\netc/bash.bashrc\nusr/bin/bash\n\n%BACKUP%\netc/bash.bashrc\t0a1b\n"
    )
    (owned,) = facts.ownership
    assert owned.configuration == ("etc/bash.bashrc",)
    facts, _ = read(f"{LOCAL}/files", b"%BACKUP%\n/etc/x\t0\n../../y\t0\n\t0\n")
    assert facts.ownership[0].configuration == ("etc/x", "y")


def test_damaged_and_endless_mtrees_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "damaged" in refusal(f"{LOCAL}/mtree", b"\x1f\x8bxx")
    assert "cut short" in refusal(f"{LOCAL}/mtree", gzip.compress(MTREE)[:-12])
    monkeypatch.setattr(alpm, "MAX_MTREE_BYTES", 1000)
    assert "MAX_MTREE_BYTES = 1000" in refusal(f"{LOCAL}/mtree", gzip.compress(bytes(100_000)))


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        (f"{LOCAL}/desc", True),
        ("var/lib/pacman/local/ALPM_DB_VERSION", False),
        ("home/desc", False),
        ("var/lib/pacman/local/desc", False),
        ("usr/lib/opkg/status", True),
        ("usr/lib/opkg/info/a.list", True),
        ("usr/lib/opkg/info/a.control", False),
        ("usr/lib/other/status", False),
    ],
)
def test_only_the_databases_are_taken(path: str, taken: bool) -> None:
    assert bool(takers_of(path)) == taken


def test_opkg_writes_as_dpkg_does() -> None:
    text = (
        b"Package: busybox\nVersion: 1.36.1-1\nDepends: libc\nStatus: install user installed\nArchitecture: x86_64\n"
        b"License: GPL-2.0\n\nPackage: gone\nVersion: 1\nStatus: deinstall ok not-installed\n\n"
    )
    (package,) = packages("usr/lib/opkg/status", text)
    assert (package.name, package.version, package.licenses) == ("busybox", "1.36.1-1", ("GPL-2.0",))
    assert component_purl(package, OsRelease(id="openwrt", version_id="23.05")) == (
        "pkg:opkg/openwrt/busybox@1.36.1-1?arch=x86_64&distro=openwrt-23.05"
    )
    facts, _ = read("usr/lib/opkg/info/busybox.list", b"/bin/busybox\n/etc/x\t0644\n\n")
    assert [(it.package, it.paths) for it in facts.ownership] == [("busybox", ("bin/busybox", "etc/x"))]


@pytest.mark.property
@given(
    st.lists(
        st.sampled_from([b"/set type=dir", b"./a", b"./b\\040", b" type=file", b" sha256digest=", b"0" * 64, b"\n"])
    )
)
@settings(deadline=None)
def test_mtrees_of_any_kind_are_survived(pieces: list[bytes]) -> None:
    try:
        facts, _ = read(f"{LOCAL}/mtree", b"".join(pieces))
    except InvalidInputError:
        return
    _sums_fit(facts)


def _sums_fit(facts: FileFacts) -> None:
    for owned in facts.ownership:
        assert len(owned.checksums) in {0, 32 * len(owned.paths), 16 * len(owned.paths)}


@pytest.mark.tools
def test_what_the_real_pacman_installs_is_what_is_read(tmp_path: Path) -> None:
    pacman, bsdtar = shutil.which("pacman"), shutil.which("bsdtar")
    if pacman is None or bsdtar is None:
        pytest.skip("pacman or bsdtar is missing; install pacman-package-manager and libarchive-tools")
    stage, root = tmp_path / "stage", tmp_path / "root"
    (stage / "usr" / "bin").mkdir(parents=True)
    (stage / "etc").mkdir()
    (stage / "usr" / "bin" / "ti de").write_bytes(b"program")
    (stage / "usr" / "bin" / "link").symlink_to("ti de")
    (stage / "etc" / "tide.conf").write_bytes(b"a=1\n")
    (stage / ".PKGINFO").write_text(
        "pkgname = tide\npkgbase = tides\npkgver = 1:2.0-3\npkgdesc = x\nsize = 9\narch = any\nlicense = MIT\n"
        "packager = Ann <a@example.org>\nbackup = etc/tide.conf\n"
    )
    options = "--options=!all,use-set,type,uid,gid,mode,time,size,md5,sha256,link"
    subprocess.run(
        [bsdtar, "-czf", ".MTREE", "--format=mtree", options, ".PKGINFO", "etc", "usr"], cwd=stage, check=True
    )
    subprocess.run(
        [bsdtar, "-czf", tmp_path / "tide.pkg.tar.gz", ".MTREE", ".PKGINFO", "etc", "usr"], cwd=stage, check=True
    )
    (tmp_path / "conf").write_text("[options]\nSigLevel = Never\nArchitecture = auto\n")
    (root / "var" / "lib" / "pacman").mkdir(parents=True)
    shared: list[str | Path] = [pacman, "--root", root, "--dbpath", root / "var/lib/pacman"]
    shared += ["--config", tmp_path / "conf"]
    shared += ["--logfile", tmp_path / "log", "--cachedir", tmp_path / "cache", "--gpgdir", tmp_path / "gpg"]
    done = subprocess.run(
        [*shared, "-U", "--noconfirm", tmp_path / "tide.pkg.tar.gz"], check=False, capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"pacman cannot install here: {done.stderr.strip().splitlines()[-1]}")
    shown = subprocess.run([*shared, "-Q"], check=True, capture_output=True, text=True).stdout.split()
    listed = subprocess.run([*shared, "-Qlq"], check=True, capture_output=True, text=True).stdout.splitlines()
    folder = f"var/lib/pacman/local/{shown[0]}-{shown[1]}"
    (package,) = packages(f"{folder}/desc", (root / folder / "desc").read_bytes())
    assert [package.name, package.version] == shown
    assert (package.source_name, package.licenses, package.supplier) == ("tides", ("MIT",), "Ann <a@example.org>")
    facts, _ = read(f"{folder}/mtree", (root / folder / "mtree").read_bytes())
    (owned,) = facts.ownership
    assert {f"{root}/{path}" for path in owned.paths} == {line for line in listed if not line.endswith("/")}
    assert owned.package == shown[0]
    sums = dict(
        zip(owned.paths, (owned.checksums[at : at + 32] for at in range(0, len(owned.checksums), 32)), strict=True)
    )
    assert sums["usr/bin/ti de"] == hashlib.sha256(b"program").digest()
    assert sums["usr/bin/link"] == bytes(32)
    facts, _ = read(f"{folder}/files", (root / folder / "files").read_bytes())
    assert facts.ownership[0].configuration == ("etc/tide.conf",)
