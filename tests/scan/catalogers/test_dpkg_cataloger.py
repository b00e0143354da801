# SPDX-License-Identifier: Apache-2.0
"""dpkg's database: this machine's own against dpkg-query, minimal images' form, made ones by their defects."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts
from tidegate.scan.cataloger import ImageFile, PartialError
from tidegate.scan.catalogers.dpkg import DpkgCataloger

DPKG = DpkgCataloger()
STATUS = "var/lib/dpkg/status"
ROOT = Path("/")


def read(content: bytes, path: str = STATUS) -> FileFacts:
    return DPKG.catalog(ImageFile(path=path, content=content))


def entry(name: str, state: str = "install ok installed", **fields: str) -> bytes:
    lines = [f"Package: {name}", f"Status: {state}", "Version: 1:2.0-3", "Architecture: amd64"]
    lines += [f"{key}: {value}" for key, value in fields.items()]
    return "\n".join([*lines, "Description: short", " long", " .", " Version: 9", "", ""]).encode()


def needs_dpkg() -> None:
    if shutil.which("dpkg-query") is None or not (ROOT / STATUS).is_file():
        pytest.skip("dpkg is missing: this test reads the database of a Debian machine")


@pytest.mark.tools
def test_this_machine_is_told_as_dpkg_query_tells_it() -> None:
    needs_dpkg()
    form = "${db:Status-Status}|${Package}|${Version}|${Architecture}|${source:Package}|${source:Version}\n"
    said = subprocess.run(["dpkg-query", "-W", "-f", form], check=True, capture_output=True, text=True).stdout
    wanted = {line.partition("|")[2] for line in said.splitlines() if line.startswith("installed|")}
    told = {
        "|".join([p.name, p.version, p.architecture, p.source_name or p.name, p.source_version or p.version])
        for p in read((ROOT / STATUS).read_bytes()).packages
    }
    assert told == wanted


@pytest.mark.tools
def test_files_are_owned_as_dpkg_says() -> None:
    needs_dpkg()
    for name in ("bash", "dpkg", "coreutils"):
        path = f"var/lib/dpkg/info/{name}.list"
        (owned,) = read((ROOT / path).read_bytes(), path).ownership
        listed = subprocess.run(["dpkg", "-L", name], check=True, capture_output=True, text=True).stdout.splitlines()
        files = {line[1:] for line in listed if line.startswith("/") and not Path(line).is_dir()}
        assert files <= set(owned.paths)
        assert owned.package == name
        sums = path.replace(".list", ".md5sums")
        (summed,) = read((ROOT / sums).read_bytes(), sums).ownership
        assert set(summed.paths) <= set(owned.paths)


@pytest.mark.parametrize(
    ("state", "is_there"),
    [
        ("install ok installed", True),
        ("hold ok installed", True),
        ("deinstall ok installed", True),
        ("install ok unpacked", True),
        ("install ok half-configured", True),
        ("install ok triggers-awaited", True),
        ("deinstall ok config-files", False),
        ("purge ok not-installed", False),
        ("unknown ok not-installed", False),
    ],
)
def test_only_packages_with_files_on_the_disk_count(state: str, is_there: bool) -> None:
    facts = read(entry("other") + entry("subject", state))
    assert ("subject" in {package.name for package in facts.packages}) is is_there


@pytest.mark.parametrize(
    ("written", "name", "version"),
    [
        ("openssl", "openssl", ""),
        ("openssl (1:1.9-1)", "openssl", "1:1.9-1"),
        ("openssl (1:2.0-3)", "openssl", ""),
        ("subject (1:1.9-1)", "", "1:1.9-1"),
    ],
)
def test_the_source_package_is_read(written: str, name: str, version: str) -> None:
    (package,) = read(entry("subject", Source=written)).packages
    assert (package.source_name, package.source_version) == (name, version)
    assert package.version == "1:2.0-3"


def test_a_minimal_image_keeps_a_paragraph_a_package() -> None:
    path = "var/lib/dpkg/status.d/tzdata"
    (package,) = read(b"Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\n", path).packages
    assert (package.name, package.version) == ("tzdata", "2024a-0+deb12u1")
    sums = b"00000000000000000000000000000000  usr/share/a b\n00000000000000000000000000000000  ./usr/share/c\n"
    (owned,) = read(sums, "var/lib/dpkg/status.d/tzdata.md5sums").ownership
    assert (owned.package, owned.paths) == ("tzdata", ("usr/share/a b", "usr/share/c"))


def test_an_architecture_in_a_list_name_is_not_the_package_name() -> None:
    listed = b"/.\n/usr\n/usr/lib\n/usr/lib/libc.so.6\n/usr/lib/libc.so.6.1\n/usr/lib2\n"
    (owned,) = read(listed, "var/lib/dpkg/info/libc6:amd64.list").ownership
    assert (owned.package, owned.paths) == ("libc6", ("usr/lib/libc.so.6", "usr/lib/libc.so.6.1", "usr/lib2"))


def test_which_files_are_taken() -> None:
    taken = ["status", "status.d/base", "status.d/base.md5sums", "info/bash.list", "info/bash.md5sums"]
    left = ["info/bash.postinst", "info/bash.conffiles", "status-old", "info/format"]
    assert all(DPKG.accepts(f"var/lib/dpkg/{path}") for path in taken)
    assert not any(DPKG.accepts(f"var/lib/dpkg/{path}") for path in left)


def test_a_broken_entry_costs_that_entry_only() -> None:
    with pytest.raises(PartialError) as caught:
        read(entry("good") + b"Package: bad\nStatus: install ok installed\n\n" + entry("fine"))
    assert [package.name for package in caught.value.facts.packages] == ["good", "fine"]
    with pytest.raises(InvalidInputError, match="no deb822"):
        read(b"\x7fELF and so on")
