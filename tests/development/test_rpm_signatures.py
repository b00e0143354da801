# SPDX-License-Identifier: Apache-2.0
"""Signatures of installed packages of rpm: built, signed, installed and judged by the real rpm beside ours."""

import base64
import hashlib
import json
import shutil
import sqlite3
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from git_works import GpgKeys, run
from hypothesis import given
from hypothesis import strategies as st

from tidegate.cli import main
from tidegate.development.commits.signature import SignatureFinding
from tidegate.development.origin.rpm_signatures import judge_region, verify_installed
from tidegate.development.origin.verdict import Standing, Told
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence.predicates.commits import SignatureState
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image
from tidegate.scan.catalogers.rpm_region import SignedRegion, signed_region

SPEC = """
Name: {name}
Version: 2
Release: 1
{epoch}
Summary: s
License: MIT
Vendor: The Lock Keepers
BuildArch: noarch
%description
d
%install
mkdir -p %{{buildroot}}/etc
echo a > %{{buildroot}}/etc/{name}.conf
%files
/etc/{name}.conf
"""
DATABASE = "var/lib/rpm/rpmdb.sqlite"
RSAHEADER, DSAHEADER, OPENPGP, FILESTATES, EPOCH = 268, 267, 278, 1029, 1003
missing = [it for it in ("rpm", "rpmbuild", "rpmsign", "rpmkeys", "gpg") if shutil.which(it) is None]
needs_rpm = pytest.mark.skipif(bool(missing), reason="install rpm gnupg")


class Root:
    """A root in which rpm installed `signed` (by the maker), `other` (by a stranger) and `bare` (by nobody)."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.folder = top / "root"
        self.folder.mkdir()
        self.keys = GpgKeys(top / "g")
        for who in ("maker@example.com", "stranger@example.com"):
            self.keys.gpg("--quick-generate-key", f"Who <{who}>", "rsa2048", "sign", "0")
        self.key = self.keys.fingerprint("maker@example.com")
        self.maker = self.keys.export(top / "maker.asc", "maker@example.com")
        self.everyone = self.keys.export(top / "everyone.asc")
        self.packages = {name: self._build(name) for name in ("signed", "other", "bare")}
        self._sign(self.packages["signed"], "maker@example.com")
        self._sign(self.packages["other"], "stranger@example.com")
        for package in self.packages.values():
            how = ("-i", "--nodeps", "--nosignature", "--ignorearch", "--ignoreos", "--force-debian")
            run(*self.rpm(), *how, str(package))
        self.content = (self.folder / DATABASE).read_bytes()

    def rpm(self, program: str = "rpm") -> tuple[str, ...]:
        return (program, "--root", str(self.folder), "--dbpath", "/var/lib/rpm", "--define", "_db_backend sqlite")

    def headers(self) -> dict[str, bytes]:
        with closing(sqlite3.connect(self.folder / DATABASE)) as connection:
            blobs = [row[0] for row in connection.execute("SELECT blob FROM Packages ORDER BY hnum")]
        return {name: blob for name in self.packages for blob in blobs if b"\0%s\0" % name.encode() in blob}

    def _build(self, name: str) -> Path:
        spec = self.top / f"{name}.spec"
        spec.write_text(SPEC.format(name=name, epoch="Epoch: 3" if name == "signed" else ""))
        run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {self.top}", str(spec))
        (package,) = self.top.glob(f"RPMS/noarch/{name}-*.rpm")
        return package

    def _sign(self, package: Path, who: str) -> None:
        names = ("--define", f"_gpg_name {who}", "--define", f"_gpg_path {self.keys.home}")
        run("rpmsign", *names, "--define", f"__gpg {shutil.which('gpg')}", "--addsign", str(package))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    made = Root(tmp_path_factory.mktemp("r"))
    yield made
    made.keys.close()


def database(folder: Path, *headers: bytes) -> bytes:
    path = folder / "made.sqlite"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)")
        connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(header,) for header in headers])
    return path.read_bytes()


def verified(content: bytes, keys: Path) -> Mapping[str, Told]:
    found = verify_installed({DATABASE: content}, openpgp=keys.read_bytes())
    return {name: told for (path, name, _, _), told in found.items() if path == DATABASE}


def with_entries(blob: bytes, *added: tuple[int, int, bytes]) -> bytes:
    """A header with more entries behind all others: tag, type and data, one value each."""
    (tags,) = struct.unpack_from(">I", blob)
    index, data = blob[8 : 8 + 16 * tags], blob[8 + 16 * tags :]
    for tag, kind, value in added:
        data += bytes(-len(data) % 4)
        index += struct.pack(">IIII", tag, kind, len(data), len(value) if kind == 7 else 1)
        data += value
    return struct.pack(">II", tags + len(added), len(data)) + index + data


def without(blob: bytes, *tags: int) -> bytes:
    """A header in which entries have another tag, that means nothing."""
    for place in range(8, 8 + 16 * struct.unpack_from(">I", blob)[0], 16):
        if struct.unpack_from(">I", blob, place)[0] in tags:
            blob = blob[:place] + struct.pack(">I", 99_999) + blob[place + 4 :]
    return blob


@needs_rpm
def test_what_rpm_says_of_signed_packages_is_what_is_told(root: Root) -> None:
    told = verified(root.content, root.maker)
    assert {name: it.standing for name, it in told.items()} == {
        "signed": Standing.PROVED,
        "other": Standing.CLAIMED,
        "bare": Standing.CLAIMED,
    }
    assert told["signed"].why == f"its header is signed by {root.key[:16]}"
    assert "unknown-key" in told["other"].why
    assert told["bare"].why == "the package was not signed"
    run(*root.rpm(), "--import", str(root.maker))
    for name, package in root.packages.items():
        judged = subprocess.run(
            [*root.rpm("rpmkeys"), "--checksig", package], capture_output=True, text=True, check=False
        )
        assert ("signatures OK" in judged.stdout) is (told[name].standing is Standing.PROVED), judged.stdout
        said = run(*root.rpm(), "-q", name, "--qf", "%{RSAHEADER:pgpsig}|%{SHA256HEADER}").decode()
        region = signed_region(root.headers()[name])
        assert ("(none)|" in said) is (not region.signatures)
        assert said.rpartition("|")[2] == region.sha256 == hashlib.sha256(region.signed).hexdigest()
    assert verified(root.content, root.everyone)["other"].standing is Standing.PROVED


@needs_rpm
def test_a_header_that_was_changed_is_contradicted(root: Root, tmp_path: Path) -> None:
    signed = root.headers()["signed"]
    sums = (269, 273)
    changed = signed.replace(b"The Lock Keepers", b"The Pick Lockers")
    told = verified(database(tmp_path, changed), root.maker)["signed"]
    assert told == Told(standing=Standing.CONTRADICTED, why="its header is not the one its digest is of")
    told = verified(database(tmp_path, without(changed, *sums)), root.maker)["signed"]
    assert told == Told(standing=Standing.CONTRADICTED, why="its header is not the one that was signed")
    bare = verified(database(tmp_path, without(changed, *sums, RSAHEADER)), root.maker)["signed"]
    assert bare.standing is Standing.CLAIMED
    swapped = root.headers()["bare"]
    signature = signed_region(signed).signatures[0]
    told = verified(database(tmp_path, with_entries(swapped, (RSAHEADER, 7, signature))), root.maker)["bare"]
    assert told.standing is Standing.CONTRADICTED
    for kept in ((signed, changed), (changed, signed)):
        assert verified(database(tmp_path, *kept), root.maker)["signed"].standing is Standing.CONTRADICTED


@needs_rpm
def test_a_signature_in_either_form_counts_and_every_bit_of_the_region(root: Root, tmp_path: Path) -> None:
    signed = root.headers()["signed"]
    region = signed_region(signed)
    (signature,) = region.signatures
    text = base64.b64encode(signature) + b"\0"
    for form in ((DSAHEADER, 7, signature), (OPENPGP, 8, text), (OPENPGP, 6, text)):
        moved = with_entries(without(signed, RSAHEADER), form)
        assert verified(database(tmp_path, moved), root.maker)["signed"].standing is Standing.PROVED
    for place in range(16, len(region.signed) - 16, 97):
        spoilt = bytearray(region.signed)
        spoilt[place] ^= 1
        judged = SignedRegion(signed=bytes(spoilt), signatures=(), sha256=region.sha256, sha1="", added=())
        assert judge_region(judged, []).standing is Standing.CONTRADICTED


@needs_rpm
def test_what_stands_beside_the_signed_part_is_no_part_of_the_package(root: Root, tmp_path: Path) -> None:
    """An epoch that the maker never gave would make the package look newer than it is."""
    other = root.headers()["other"]
    told = verified(database(tmp_path, with_entries(other, (EPOCH, 4, b"\0\0\0\x09"))), root.everyone)["other"]
    assert told.standing is Standing.CONTRADICTED
    assert "EPOCH" in told.why
    assert signed_region(other).added == ()


@needs_rpm
def test_the_command(root: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root.folder / "etc" / "os-release").write_text('ID=rhel\nVERSION_ID="9"\n')
    words = ("--home", str(tmp_path / "home"), "--archive-keys", str(root.maker))
    assert main(["origin", f"rootfs:{root.folder}", *words, "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    told = {it["purl"].partition("@")[0].rpartition("/")[2]: it["standing"] for it in report["components"]}
    assert told == {"signed": "proved", "other": "claimed", "bare": "claimed"}
    other = tmp_path / "other"
    shutil.copytree(root.folder / "etc", other / "etc")
    (other / DATABASE).parent.mkdir(parents=True)
    changed = root.headers()["signed"].replace(b"The Lock Keepers", b"The Pick Lockers")
    (other / DATABASE).write_bytes(database(tmp_path, changed))
    assert main(["origin", f"rootfs:{other}", *words]) == 1
    assert "contradicted" in capsys.readouterr().out
    layers = [LayerBuilder().file(DATABASE, root.content).build(), LayerBuilder().tree(other).build()]
    write_image(tmp_path / "image", "latest", layers, {})
    assert main(["origin", f"oci:{tmp_path / 'image'}:latest", *words]) == 1
    assert "contradicted" in capsys.readouterr().out
    assert main(["origin", f"rootfs:{other}", "--home", str(tmp_path / "home")]) == 0


@needs_rpm
def test_keys_in_several_files(root: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forms = {}
    for who in ("maker", "stranger"):
        forms["binary", who] = tmp_path / f"{who}.gpg"
        forms["binary", who].write_bytes(root.keys.gpg("--export", f"{who}@example.com"))
        forms["armoured", who] = root.keys.export(tmp_path / f"{who}.asc", f"{who}@example.com")
    for one, other in (("binary", "binary"), ("armoured", "armoured"), ("binary", "armoured")):
        keys = ("--archive-keys", str(forms[one, "maker"]), "--archive-keys", str(forms[other, "stranger"]))
        words = ("origin", f"rootfs:{root.folder}", *keys, "--home", str(tmp_path / "home"), "--format", "json")
        assert (main(words) == 0) is (one == other)
        out = capsys.readouterr().out
        if one == other:
            assert [it["proved"] for it in json.loads(out)["counts"] if it["origin"] == "distro"] == [2]


def finding(state: SignatureState, *, is_weak: bool = False) -> SignatureFinding:
    return SignatureFinding(state=state, form="openpgp", key="K" * 40, is_weak=is_weak)


REGION = SignedRegion(signed=b"x", signatures=(), sha256="", sha1="", added=())


@given(st.lists(st.sampled_from(SignatureState), max_size=4))
def test_only_a_good_signature_proves_and_a_bad_one_outweighs_it(states: Sequence[SignatureState]) -> None:
    told = judge_region(REGION, [finding(it) for it in states]).standing
    if SignatureState.BAD in states:
        assert told is Standing.CONTRADICTED
    else:
        assert (told is Standing.PROVED) is (SignatureState.GOOD in states)


def test_a_signature_on_a_broken_hash_proves_and_contradicts_nothing() -> None:
    assert judge_region(REGION, [finding(SignatureState.BAD, is_weak=True)]).standing is Standing.CLAIMED


def region(entries: int, offset: int, back: int, *, kind: int = 7, tag: int = 63, count: int = 16) -> bytes:
    """A header of one entry and sixteen bytes of data, the trailer."""
    return struct.pack(">IIIIiI", 1, 16, tag, kind, offset, count) + struct.pack(">IIiI", 63, 7, back * entries, 16)


def test_hostile_headers_are_refused() -> None:
    whole = region(1, 0, -16)
    assert signed_region(whole).signed == b"\x8e\xad\xe8\x01\0\0\0\0" + whole
    for blob in (
        b"",
        struct.pack(">II", 0, 0),
        region(1, 0, -16, kind=6),
        region(1, 0, -16, tag=62),
        region(1, 0, -16, count=15),
        region(1, 1, -16),
        region(1, -16, -16),
        region(2, 0, -16),
        region(1, 0, -15),
        region(1, 0, 16),
        region(0, 0, 0),
        whole[:-1],
        with_entries(whole, (OPENPGP, 6, b"not base64!\0")),
        with_entries(whole, (RSAHEADER, 7, b"x" * 40))[:-20],
    ):
        with pytest.raises(InvalidInputError):
            signed_region(blob)
    many = with_entries(whole, (OPENPGP, 8, b"eA==\0" * 5))
    many = many.replace(struct.pack(">III", OPENPGP, 8, 16) + b"\0\0\0\1", struct.pack(">IIII", OPENPGP, 8, 16, 5))
    with pytest.raises(BoundExceededError):
        signed_region(many)
