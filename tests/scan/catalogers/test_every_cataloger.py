# SPDX-License-Identifier: Apache-2.0
"""Every member of the roster passes the family's acceptance; nobody is forgotten; the page that tells how is right."""

import importlib
import inspect
import pkgutil
import re
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from acceptance import Sample, accept
from installed_samples import samples_of_installed
from installer_samples import SHIM
from program_forms import elf, go_in_line, go_text, macho, pe, universal
from rpm_forms import as_berkeley_db, as_ndb, as_sqlite, rpm_header

from tidegate import scan
from tidegate.scan import cataloger as contract
from tidegate.scan.cataloger import Cataloger
from tidegate.scan.listed import Listed, itself
from tidegate.scan.roster import CATALOGERS
from tidegate.scan.source_roster import SOURCE_CATALOGERS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "add-a-cataloger.md"
SITE = "usr/lib/python3/site-packages/a-1.dist-info"
GO = go_in_line("go1.22.3", go_text("mod\texample.com/a\tv1.0.0\t", "dep\texample.com/b\tv1.2.3\th1:AAAA="))
TOLD = b'{"type":"deb","os":"debian","name":"systemd","version":"252.39-1"}\0'
NOTE = struct.pack("<3I", 4, len(TOLD), 0xCAFE1A7E) + b"FDO\0" + TOLD
CRATES = zlib.compress(b'{"packages":[{"name":"a","version":"1.0.0"},{"name":"b","version":"2.0.0","kind":"build"}]}')
STATUS = b"Package: a\nStatus: install ok installed\nVersion: 1-2\nSource: b (1-1)\nArchitecture: amd64\n\n"
INSTALLED = b"P:a\nV:1-r0\nA:x86_64\no:b\nL:MIT\nF:usr/bin\nR:a\nZ:Q1=\n\nP:b\nV:2-r1\n\n"
RPM_HEADERS = [
    rpm_header(
        {
            1000: name,
            1001: "1.0",
            1002: "2.el9",
            1003: 1,
            1014: "MIT",
            1022: "x86_64",
            1044: "source-1.0-2.el9.src.rpm",
            1116: [0, 0, 1],
            1117: ["one", "two", "three" * 400],
            1118: ["/usr/bin/", "/etc/"],
            5096: "module:1",
        }
    )
    for name in ("first", "second")
]


def samples_of(cataloger: str, folder: Path) -> list[Sample]:
    if cataloger == "rpm":
        forms = {"rpmdb.sqlite": as_sqlite(folder, RPM_HEADERS), "Packages.db": as_ndb(RPM_HEADERS)}
        if shutil.which("db_load"):
            forms["Packages"] = as_berkeley_db(folder, RPM_HEADERS, page_bytes=512)
        return [Sample(path=f"var/lib/rpm/{name}", content=content) for name, content in forms.items()]
    samples = samples_of_installed() | {
        "os-release": [
            Sample(path="etc/os-release", content=b'ID=alpine\nVERSION_ID="3.18.9"\nNAME=\'A "L"\'\n'),
            Sample(path="etc/alpine-release", content=b"3.18.9\n"),
            Sample(path="etc/debian_version", content=b"trixie/sid\n"),
            Sample(path="etc/redhat-release", content=b"CentOS release 6.10 (Final)\n"),
        ],
        "apk": [Sample(path="lib/apk/db/installed", content=INSTALLED)],
        "dpkg": [
            Sample(path="var/lib/dpkg/status", content=STATUS * 2),
            Sample(path="var/lib/dpkg/status.d/a", content=STATUS),
            Sample(path="var/lib/dpkg/info/a:amd64.list", content=b"/.\n/usr\n/usr/a\n"),
            Sample(path="var/lib/dpkg/info/a.md5sums", content=b"0" * 32 + b"  usr/a\n"),
        ],
        "copyright": [
            Sample(path="usr/share/doc/a/copyright", content=b"Format: x\n\nFiles: *\nLicense: GPL-2+\n text\n"),
            Sample(path="usr/share/doc/a/copyright", content=b"See /usr/share/common-licenses/GPL-2.\n"),
        ],
        "installer-files": [
            Sample(path="app/node_modules/.package-lock.json", content=b'{"lockfileVersion": 3, "packages": {}}'),
            Sample(path="app/node_modules/.modules.yaml", content=b"hoistPattern:\n  - '*'\nlayoutVersion: 5\n"),
            Sample(path="app/node_modules/.bin/tide", content=SHIM.encode()),
            Sample(path="venv/pyvenv.cfg", content=b"home = /usr/bin\nversion = 3.11.2\n"),
            Sample(path="venv/CACHEDIR.TAG", content=b"Signature: 8a477f597d28d172789f06886806bc55"),
        ],
        "embedded-sbom": [
            Sample(path=f"opt/{path.name}", content=path.read_bytes())
            for path in sorted((Path(__file__).parent / "embedded").iterdir())
        ],
        "go-binary": [
            Sample(path="app", content=elf({".go.buildinfo": GO})),
            Sample(path="app", content=elf({".go.buildinfo": GO}, wide=False, big=True, stripped=True)),
            Sample(path="app.exe", content=pe({".data": GO})),
            Sample(path="app", content=universal(macho({"__go_buildinfo": GO}), macho({"__go_buildinfo": GO}))),
        ],
        "program": [
            Sample(path="usr/bin/nginx", content=elf({".rodata": b"nginx version: nginx/1.22.1\0expat_2.5.0\0"})),
            Sample(path="usr/bin/tini", content=elf({".rodata": b"tini version 0.19.0", ".note.package": NOTE})),
        ],
        "rust-binary": [
            Sample(path="app", content=elf({".text": b"x", ".dep-v0": CRATES})),
            Sample(path="app.exe", content=pe({".dep-v0": CRATES})),
            Sample(path="app", content=elf({".rodata": b"/registry/src/crates.io-0123456789abcdef/a-1.0.0/lib.rs"})),
        ],
        "python": [
            Sample(path=f"{SITE}/METADATA", content=b"Name: a\nVersion: 1\nLicense: MIT\n\nlong text\n"),
            Sample(path=f"{SITE}/RECORD", content=b'a.py,sha256=x,1\n"b,c.py",,\n../../../bin/a,,\n'),
            Sample(path="x/a-1.egg-info", content=b"Name: a\nVersion: 1\n"),
            Sample(path="x/a-1.egg-info/PKG-INFO", content=b"Name: a\nVersion: 1\n"),
        ],
    }
    return samples[cataloger]


@pytest.mark.property
@pytest.mark.parametrize("cataloger", CATALOGERS, ids=lambda it: it.name)
def test_a_member_of_the_roster_holds_to_the_contract(cataloger: Cataloger, tmp_path: Path) -> None:
    accept(itself(cataloger), samples_of(cataloger.name, tmp_path))


@pytest.mark.parametrize("listed", CATALOGERS, ids=lambda it: it.name)
def test_the_roster_says_what_the_cataloger_says(listed: Cataloger) -> None:
    # Facts are kept under what the roster says: a version raised in one place only would bring old facts back.
    assert (listed.name, listed.version) == (itself(listed).name, itself(listed).version)


def test_a_known_image_imports_no_cataloger() -> None:
    code = "import sys; import tidegate.scan.roster; print([m for m in sys.modules if 'catalogers' in m])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_names_are_unique() -> None:
    assert len({cataloger.name for cataloger in SOURCE_CATALOGERS}) == len(SOURCE_CATALOGERS)


def test_no_cataloger_is_forgotten() -> None:
    found = set()
    for module in pkgutil.walk_packages(scan.__path__, "tidegate.scan."):
        members = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        found |= {member for _, member in members if _is_cataloger(member) and member.__module__ == module.name}
    assert found == {type(itself(cataloger)) for cataloger in (*CATALOGERS, *SOURCE_CATALOGERS)}


def _is_cataloger(member: type) -> bool:
    return (
        member not in {contract.Cataloger, Listed}
        and callable(getattr(member, "catalog", None))
        and hasattr(member, "wants")
    )


def test_the_page_names_only_what_exists() -> None:
    text = PAGE.read_text()
    paths = re.findall(r"`((?:src|tests)/[\w./-]+)`", text)
    assert len(paths) > 3
    root = PAGE.parents[1]
    assert [path for path in paths if not (root / path).exists()] == []
    names = re.findall(r"`(tidegate(?:\.\w+)+)`", text)
    assert len(names) > 5
    for name in names:
        module, _, member = name.rpartition(".")
        assert hasattr(importlib.import_module(module), member), name
    for attribute in ("name", "version", "wants", "accepts", "catalog"):
        assert f"`{attribute}`" in text
