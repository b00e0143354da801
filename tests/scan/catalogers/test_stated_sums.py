# SPDX-License-Identifier: Apache-2.0
"""What package databases say of their files is what the files are: recomputed over files that real tools installed."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from alpine_images import NAMES, member
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import BoundExceededError
from tidegate.inventory import Diversion, FileFacts, Ownership
from tidegate.scan.cataloger import ImageFile
from tidegate.scan.catalogers import harvest
from tidegate.scan.catalogers.apk import ApkCataloger
from tidegate.scan.catalogers.dpkg import DpkgCataloger
from tidegate.scan.catalogers.python import PythonCataloger
from tidegate.scan.catalogers.rpm import RpmCataloger
from tidegate.scan.catalogers.stated_sums import DIGEST_BYTES, of_base64, packed_hex, text_lines
from tidegate.scan.catalogers.supplier import supplier_of
from tidegate.scan.entry import path_text

ROOT = Path("/")
SPEC = """
Name: gauge
Version: 1
Release: 1
Summary: s
License: MIT
Vendor: The Lock Keepers
BuildArch: noarch
%description
d
%install
mkdir -p %{buildroot}/etc %{buildroot}/usr/share/gauge %{buildroot}/var/log
echo changed by people > %{buildroot}/etc/gauge.conf
echo read me > %{buildroot}/usr/share/gauge/README
echo data > %{buildroot}/usr/share/gauge/data
echo grows > %{buildroot}/usr/share/gauge/grows
ln -s data %{buildroot}/usr/share/gauge/link
touch %{buildroot}/var/log/gauge.log
%files
%config(noreplace) /etc/gauge.conf
%doc /usr/share/gauge/README
/usr/share/gauge/data
/usr/share/gauge/link
%verify(not filedigest) /usr/share/gauge/grows
%ghost /var/log/gauge.log
"""


def stated(owned: Ownership) -> dict[str, bytes]:
    """The stated digest of each path that has one."""
    if not owned.algorithm:
        return {}
    width = DIGEST_BYTES[owned.algorithm]
    assert len(owned.checksums) == width * len(owned.paths)
    sums = {path: owned.checksums[i * width : (i + 1) * width] for i, path in enumerate(owned.paths)}
    return {path: digest for path, digest in sums.items() if any(digest)}


def needs(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is missing: apt-get install {tool.removesuffix('build')}")


@pytest.mark.shared_data
@pytest.mark.parametrize("image", NAMES)
def test_alpine_says_of_every_file_what_it_is(shared_data: Path, image: str) -> None:
    path, content = member(shared_data, image, "lib/apk/db/installed")
    facts = ApkCataloger().catalog(ImageFile(path=path, content=content))
    sums = {path: digest for owned in facts.ownership for path, digest in stated(owned).items()}
    with tarfile.open(shared_data / "images" / f"{image}.tar.gz") as archive:
        checked = 0
        for info in archive:
            name = info.name.removeprefix("./")
            source = archive.extractfile(info) if info.isreg() else None
            data = info.linkname.encode() if info.issym() else source.read() if source else b""
            if name in sums and not name.startswith("etc/"):
                assert hashlib.sha1(data, usedforsecurity=False).digest() == sums[name], name
                checked += 1
    assert checked > 20
    assert sum(bool(package.supplier) for package in facts.packages) >= len(facts.packages) - 2


@pytest.mark.tools
def test_dpkg_says_of_its_files_what_they_are() -> None:
    needs("dpkg-query")
    if not (ROOT / "var/lib/dpkg/info/coreutils.md5sums").is_file():
        pytest.skip("no Debian machine: this test reads its package database")
    for name in ("coreutils", "base-files", "dpkg"):
        path = f"var/lib/dpkg/info/{name}.md5sums"
        (owned,) = dpkg(path, (ROOT / path).read_bytes()).ownership
        sums = stated(owned)
        assert set(sums) == set(owned.paths)
        for file, digest in sums.items():
            if (ROOT / file).is_file() and not file.startswith(("etc/", "usr/share/doc")):
                assert hashlib.md5((ROOT / file).read_bytes(), usedforsecurity=False).digest() == digest, file
    form = "${Conffiles}\n"
    said = subprocess.run(["dpkg-query", "-W", "-f", form, "base-files"], check=True, capture_output=True, text=True)
    told = dpkg("var/lib/dpkg/status", (ROOT / "var/lib/dpkg/status").read_bytes())
    (conffiles,) = [owned for owned in told.ownership if owned.package == "base-files"]
    assert conffiles.configuration == conffiles.paths
    for line in said.stdout.split("\n"):
        parts = line.split()
        if len(parts) == 2:
            assert stated(conffiles)[parts[0].lstrip("/")].hex() == parts[1]
    assert all(package.supplier for package in told.packages)


def dpkg(path: str, content: bytes) -> FileFacts:
    return DpkgCataloger().catalog(ImageFile(path=path, content=content))


def test_configuration_of_dpkg_has_a_sum_unless_it_is_obsolete() -> None:
    status = (
        b"Package: weir\nStatus: install ok installed\nVersion: 1\nMaintainer: Weir Team <w@example.invalid>\n"
        b"Conffiles:\n /etc/weir.conf d41d8cd98f00b204e9800998ecf8427e\n"
        b" /etc/two words 00ff00ff00ff00ff00ff00ff00ff00ff\n"
        b" /etc/gone 10ff00ff00ff00ff00ff00ff00ff00ff obsolete\n /etc/new newconffile\n"
        b"Description: x\n /etc/not 10ff00ff00ff00ff00ff00ff00ff00ff\n"
    )
    facts = dpkg("var/lib/dpkg/status", status)
    (owned,) = facts.ownership
    assert owned.paths == owned.configuration == ("etc/weir.conf", "etc/two words", "etc/gone", "etc/new")
    assert set(stated(owned)) == {"etc/weir.conf", "etc/two words"}
    assert facts.packages[0].supplier == "Weir Team <w@example.invalid>"


def test_diversions_and_what_is_left_out_are_read() -> None:
    lines = b"/usr/bin/a\n/usr/bin/a.real\nother\n/bin/sh\n/bin/sh.distrib\n:\n"
    assert dpkg("var/lib/dpkg/diversions", lines).diversions == (
        Diversion(path="usr/bin/a", moved_to="usr/bin/a.real", package="other"),
        Diversion(path="bin/sh", moved_to="bin/sh.distrib"),
    )
    settings = b"# slim\npath-exclude=/usr/share/doc/*\npath-include /usr/share/doc/*/copyright\nno-debsig\n"
    facts = dpkg("etc/dpkg/dpkg.cfg.d/slim", settings)
    assert facts.left_out == ("usr/share/doc/*", "!usr/share/doc/*/copyright")


@pytest.mark.tools
def test_rpm_says_what_its_files_are_and_which_may_differ(tmp_path: Path) -> None:
    needs("rpm", "rpmbuild")
    (tmp_path / "gauge.spec").write_text(SPEC)
    build = ["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {tmp_path}"]
    for number, algorithm in ((8, "sha256"), (1, "md5")):
        digest = ["--define", f"_binary_filedigest_algorithm {number}"]
        subprocess.run([*build, *digest, str(tmp_path / "gauge.spec")], check=True, capture_output=True)
        (package,) = tmp_path.glob("RPMS/noarch/*.rpm")
        for excluding in ((), ("--excludedocs",)):
            root = tmp_path / f"{algorithm}{len(excluding)}"
            root.mkdir()
            rpm = ["rpm", "--root", str(root), "--dbpath", "/var/lib/rpm", "--define", "_db_backend sqlite"]
            how = ["-i", "--nodeps", "--ignorearch", "--ignoreos", "--force-debian", *excluding]
            subprocess.run([*rpm, *how, str(package)], check=True, capture_output=True)
            content = (root / "var/lib/rpm/rpmdb.sqlite").read_bytes()
            facts = RpmCataloger().catalog(ImageFile(path="var/lib/rpm/rpmdb.sqlite", content=content))
            (owned,) = facts.ownership
            assert owned.algorithm == algorithm
            assert ("usr/share/gauge/README" in owned.paths) is not bool(excluding)
            assert set(owned.paths) >= {"var/log/gauge.log", "usr/share/gauge/link", "usr/share/gauge/grows"}
            assert owned.configuration == ("etc/gauge.conf",)
            sums = stated(owned)
            assert set(sums) == {"etc/gauge.conf", "usr/share/gauge/data"} | (
                set() if excluding else {"usr/share/gauge/README"}
            )
            for path, value in sums.items():
                assert hashlib.new(algorithm, (root / path).read_bytes(), usedforsecurity=False).digest() == value
            assert facts.packages[0].supplier == "The Lock Keepers"


@pytest.mark.parametrize("name", ["pytest", "msgspec", "packaging"])
def test_a_record_says_of_every_file_what_it_is(name: str) -> None:
    dist = distribution(name)
    files = dist.files or []
    (record,) = [file for file in files if file.name == "RECORD"]
    site = Path(str(dist.locate_file("")))
    path = f"usr/lib/python3/site-packages/{record.parent.name}/RECORD"
    content = (site / str(record)).read_bytes()
    (owned,) = PythonCataloger().catalog(ImageFile(path=path, content=content)).ownership
    sums = stated(owned)
    assert len(sums) > 5
    for file, digest in sums.items():
        if file.startswith("usr/lib/python3/site-packages/"):
            local = site / file.removeprefix("usr/lib/python3/site-packages/")
            assert hashlib.sha256(local.read_bytes()).digest() == digest, file
    assert path not in sums


@pytest.mark.property
@given(st.lists(st.binary(min_size=16, max_size=16)), st.text(max_size=40))
def test_sums_are_of_one_length_whatever_is_written(raw: list[bytes], odd: str) -> None:
    texts = [it.hex() for it in raw]
    assert packed_hex(texts, "md5") == b"".join(raw)
    assert len(packed_hex([*texts, odd], "md5")) == 16 * (len(raw) + 1)
    assert packed_hex([*texts, odd], "md5")[: 16 * len(raw)] == b"".join(raw)
    assert len(of_base64(odd, "sha1")) == 20
    for digest in raw:
        sha1 = hashlib.sha1(digest, usedforsecurity=False).digest()
        assert of_base64(base64.b64encode(sha1).decode(), "sha1") == sha1
        sha256 = hashlib.sha256(digest).digest()
        text = base64.urlsafe_b64encode(sha256).decode().rstrip("=")
        assert of_base64(text, "sha256", is_for_urls=True) == sha256


@pytest.mark.property
@given(st.binary(max_size=200))
def test_paths_are_told_as_the_tree_tells_them(content: bytes) -> None:
    assert text_lines(content) == [path_text(line) for line in content.split(b"\n")]


@pytest.mark.property
@given(st.text(max_size=400))
def test_a_supplier_is_one_printable_line(text: str) -> None:
    line = supplier_of(text)
    assert line.isprintable()
    assert len(line) <= 256
    assert supplier_of("UNKNOWN", " ", "A\n B") == "A B"


def test_a_few_bytes_cannot_ask_for_many_long_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harvest, "MAX_PATHS_CHARS", 100_000)
    folder = "d" * 3000
    record = f"{folder}/x-1.dist-info/RECORD"
    with pytest.raises(BoundExceededError, match="MAX_PATHS_CHARS"):
        PythonCataloger().catalog(ImageFile(path=record, content=b"a,,\n" * 100))
