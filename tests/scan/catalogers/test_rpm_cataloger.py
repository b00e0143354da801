# SPDX-License-Identifier: Apache-2.0
"""All forms of rpm's database tell what `rpm -qa` tells, and damage to one entry costs that entry."""

import shutil
import sqlite3
import struct
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from rpm_forms import as_berkeley_db, as_ndb, as_sqlite, headers_of, rpm_header

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import FileFacts
from tidegate.scan.cataloger import ImageFile, PartialError
from tidegate.scan.catalogers import rpm_sqlite
from tidegate.scan.catalogers.rpm import RpmCataloger

RPM = RpmCataloger()
FORMAT = (
    r"%{NAME}|%|EPOCH?{%{EPOCH}}:{0}||%{VERSION}-%{RELEASE}|%{ARCH}|%{LICENSE}|"
    r"%|MODULARITYLABEL?{%{MODULARITYLABEL}}|\n"
)

SPEC = """
Name: alpha
Epoch: 1
Version: 1.1.1k
Release: 5.el8_5
Summary: a
License: MIT and ASL 2.0
BuildArch: noarch
%description
a
%package libs
Summary: without an epoch that counts
Epoch: 0
Version: 2.0~rc1
%description libs
l
%package -n big
Summary: more files than one page of any database holds
%description -n big
b
%package -n gpg-pubkey
Summary: what imported keys look like
%description -n gpg-pubkey
k
%install
mkdir -p %{buildroot}/usr/share/alpha/empty %{buildroot}/opt/big
cd %{buildroot}/usr && touch share/alpha/one share/alpha/two lib-alpha
for i in $(seq 1 1500); do : > ../opt/big/a-rather-long-name-of-a-file-$i; done
%files
/usr/share/alpha
%files libs
/usr/lib-alpha
%files -n big
/opt/big
%files -n gpg-pubkey
"""


@pytest.fixture(scope="session")
def rpm_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`rpmdb.sqlite` in a folder of its own."""
    for tool in ("rpm", "rpmbuild"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is missing: apt-get install rpm")
    top = tmp_path_factory.mktemp("rpm")
    (top / "alpha.spec").write_text(SPEC)
    build = ["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {top}", "--define", "modularitylabel nodejs:18:1:abc"]
    subprocess.run([*build, str(top / "alpha.spec")], check=True, capture_output=True)
    database = top / "db" / "rpmdb.sqlite"
    rpm = ["rpm", "--dbpath", str(database.parent), "--define", "_db_backend sqlite"]
    packages = [str(path) for path in sorted(top.glob("RPMS/noarch/*.rpm"))]
    install = ["-i", "--nodeps", "--justdb", "--ignorearch", "--ignoreos", "--force-debian"]
    subprocess.run([*rpm, *install, *packages], check=True, capture_output=True)
    return database


def read(content: bytes, path: str = "var/lib/rpm/Packages") -> FileFacts:
    return RPM.catalog(ImageFile(path=path, content=content))


def told(facts: FileFacts) -> list[str]:
    lines = []
    for package in facts.packages:
        epoch, _, release = package.version.rpartition(":")
        parts = [package.name, epoch or "0", release, package.architecture, *package.licenses, package.modularity]
        lines.append("|".join(parts))
    return sorted(lines)


def asked(folder: Path, backend: str) -> list[str]:
    """What rpm itself says, keys left out."""
    query = ["rpm", "--dbpath", str(folder), "--define", f"_db_backend {backend}", "-qa", "--qf", FORMAT]
    lines = subprocess.run(query, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(line for line in lines if not line.startswith("gpg-pubkey|"))


@pytest.mark.tools
def test_sqlite_tells_what_rpm_tells(rpm_database: Path) -> None:
    facts = read(rpm_database.read_bytes())
    assert told(facts) == asked(rpm_database.parent, "sqlite")
    assert {package.name: package.version for package in facts.packages} == {
        "alpha": "1:1.1.1k-5.el8_5",
        "alpha-libs": "2.0~rc1-5.el8_5",
        "big": "1:1.1.1k-5.el8_5",
    }
    assert {(p.name, p.source_name, p.source_version) for p in facts.packages} == {
        ("alpha", "", ""),
        ("alpha-libs", "alpha", "1.1.1k-5.el8_5"),
        ("big", "alpha", ""),
    }
    assert {p.modularity for p in facts.packages} == {"nodejs:18:1:abc"}


@pytest.mark.tools
def test_ownership_is_of_files_not_of_folders(rpm_database: Path) -> None:
    owned = {ownership.package: ownership.paths for ownership in read(rpm_database.read_bytes()).ownership}
    assert owned["alpha"] == ("usr/share/alpha/one", "usr/share/alpha/two")
    assert len(owned["big"]) == 1500
    assert "gpg-pubkey" not in owned


@pytest.mark.tools
def test_ndb_tells_the_same(rpm_database: Path) -> None:
    headers = headers_of(rpm_database)
    assert read(as_ndb(headers)).packages == read(rpm_database.read_bytes()).packages
    assert len(read(as_ndb(headers * 100)).packages) == 300  # more slots than one page of them holds


@pytest.mark.tools
@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("page_bytes", [512, 4096, 65536])
def test_berkeley_db_tells_the_same(rpm_database: Path, tmp_path: Path, order: str, page_bytes: int) -> None:
    if shutil.which("db_load") is None:
        pytest.skip("db_load is missing: apt-get install db-util")
    headers = headers_of(rpm_database)
    facts = read(as_berkeley_db(tmp_path, headers, order=order, page_bytes=page_bytes))
    wanted = read(rpm_database.read_bytes())
    assert told(facts) == told(wanted)
    assert sorted(facts.ownership, key=str) == sorted(wanted.ownership, key=str)
    if page_bytes == 4096 and order == "little":
        assert told(facts) == asked(tmp_path, "bdb_ro")


@pytest.mark.tools
def test_many_packages_in_berkeley_db(rpm_database: Path, tmp_path: Path) -> None:
    if shutil.which("db_load") is None:
        pytest.skip("db_load is missing: apt-get install db-util")
    assert len(read(as_berkeley_db(tmp_path, headers_of(rpm_database) * 50)).packages) == 150


GOOD = rpm_header({1000: "good", 1001: "1", 1002: "2.el9", 1022: "x86_64", 1044: "source-3-4.src.rpm"})


def test_a_header_made_by_hand_reads_the_same_in_two_forms(tmp_path: Path) -> None:
    for content in (as_sqlite(tmp_path, [GOOD]), as_ndb([GOOD])):
        (package,) = read(content).packages
        assert (package.name, package.version, package.architecture) == ("good", "1-2.el9", "x86_64")
        assert (package.source_name, package.source_version) == ("source", "3-4")


BROKEN = {
    "empty": b"",
    "counts only": struct.pack(">II", 1, 1),
    "too many tags": struct.pack(">II", 1 << 20, 0),
    "too much data": struct.pack(">II", 0, 1 << 30),
    "no name": rpm_header({1001: "1", 1002: "2"}),
    "control characters": rpm_header({1000: "a\x1b[2J", 1001: "1", 1002: "2"}),
    "a count over the end": struct.pack(">II", 1, 4) + struct.pack(">IIII", 1003, 4, 0, 1 << 29) + b"abcd",
    "strings over the end": struct.pack(">II", 1, 4) + struct.pack(">IIII", 1000, 6, 1 << 29, 1) + b"abcd",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_header_costs_that_package_only(tmp_path: Path, broken: bytes) -> None:
    for content in (as_sqlite(tmp_path, [GOOD, broken, GOOD]), as_ndb([GOOD, broken, GOOD])):
        with pytest.raises(PartialError, match="1 entries could not be read") as caught:
            read(content)
        assert [package.name for package in caught.value.facts.packages] == ["good", "good"]
        with pytest.raises(InvalidInputError):
            read(as_ndb([broken]))


def test_a_damaged_blob_of_ndb_costs_that_package_only() -> None:
    content = as_ndb([GOOD, GOOD])
    place = content.rindex(b"good")
    with pytest.raises(PartialError, match="sum"):
        read(content[:place] + b"evil" + content[place + 4 :])


def test_file_lists_that_do_not_fit_together_are_cut() -> None:
    header = rpm_header(
        {1000: "a", 1001: "1", 1002: "2", 1117: ["x", "y", "z"], 1118: ["/usr/", "/etc/"], 1116: [1, 7]}
    )
    (ownership,) = read(as_ndb([header])).ownership
    assert ownership.paths == ("etc/x",)


ENDLESS = (
    "CREATE VIEW Packages AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) "
    "SELECT i AS hnum, x'00' AS blob FROM n"
)


@pytest.mark.parametrize(
    "schema",
    [
        ENDLESS,
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob AS (zeroblob(50000000)))",
        "CREATE TABLE Other (a)",
    ],
)
def test_only_rpms_own_table_is_asked(tmp_path: Path, schema: str) -> None:
    path = tmp_path / "hostile.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(schema)
    with pytest.raises(InvalidInputError, match="table of packages"):
        read(path.read_bytes())


def test_rows_that_share_pages_are_refused(tmp_path: Path) -> None:
    # Four rows on one leaf, each with a chain of two pages; all are made to share the first chain, the rest is cut off.
    rows = [bytes([65 + i]) * 9000 for i in range(4)]
    content = bytearray(as_sqlite(tmp_path, rows))
    page_size = int.from_bytes(content[16:18], "big")
    leaf_end = content.index(rows[0][:64]) // page_size * page_size + page_size
    chains = [content.index(row[:64], leaf_end) // page_size + 1 for row in rows]
    for chain in chains:
        at = content.index(chain.to_bytes(4, "big"), page_size, leaf_end)
        content[at : at + 4] = chains[0].to_bytes(4, "big")
    content[28:32] = (chains[0] + 1).to_bytes(4, "big")
    with pytest.raises(InvalidInputError, match="share pages"):
        read(bytes(content[: (chains[0] + 1) * page_size]))


def test_the_work_sqlite_may_do_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpm_sqlite, "MAX_STEPS", 20_000)
    content = as_sqlite(tmp_path, [GOOD] * 20_000)
    with pytest.raises(PartialError, match="interrupted"):
        read(content)


def test_the_number_of_packages_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rpm_sqlite, "MAX_PACKAGES", 10)
    with pytest.raises(BoundExceededError, match="MAX_PACKAGES"):
        read(as_sqlite(tmp_path, [GOOD] * 11))


def test_where_a_database_may_lie() -> None:
    for folder in ("var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm", "srv/root/var/lib/rpm"):
        assert all(RPM.accepts(f"{folder}/{name}") for name in ("Packages", "Packages.db", "rpmdb.sqlite"))
    assert not RPM.accepts("srv/Packages")
    assert not RPM.accepts("xvar/lib/rpm/Packages")
    assert read(b"").packages == ()
    with pytest.raises(InvalidInputError, match="not a database of rpm"):
        read(b"not one at all")
