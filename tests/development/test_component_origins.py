# SPDX-License-Identifier: Apache-2.0
"""Where components come from: real and own archives, attestations in the forms of npm and PyPI, and the command."""

import base64
import gzip
import hashlib
import io
import json
import lzma
import subprocess
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from git_works import GpgKeys, needs_programs

from tidegate.artifact import Digest
from tidegate.cli import main
from tidegate.development.origin.archives import Published, read_archives
from tidegate.development.origin.attestations import attested, read_attestations
from tidegate.development.origin.direct_url import MAX_DIRECT_URL_BYTES, read_direct_url
from tidegate.errors import InvalidInputError, RefusedError, TidegateError
from tidegate.evidence import PAYLOAD_TYPE
from tidegate.signing.bundle import write_bundle
from tidegate.signing.keys import SigningKey
from tidegate.verification.document import load_trust_policy

AT = datetime(2026, 6, 1, tzinfo=UTC)
PACKAGES = (
    b"Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\n\nPackage: tzdata\nVersion: 2026a-0\nArchitecture: all\n"
)
LISTS = Path("/var/lib/apt/lists")
STATUS = """Package: {name}
Status: install ok installed
Version: {version}
Architecture: amd64
Maintainer: Debian <d@debian.org>

"""


@pytest.fixture
def gpg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GpgKeys]:
    found = GpgKeys(tmp_path_factory.mktemp("g") / "h")
    yield found
    found.close()


def in_release(gpg: GpgKeys, key: str, *files: bytes, until: str | None = None) -> bytes:
    sums = "".join(f" {hashlib.sha256(it).hexdigest()} {len(it)} main/binary-amd64/Packages\n" for it in files)
    ends = "" if until is None else f"Valid-Until: {until}\n"
    text = f"Origin: Ours\nCodename: tide\n{ends}SHA256:\n{sums}"
    return gpg.gpg("--local-user", key, "--clearsign", given=text.encode())


@needs_programs
def test_a_signed_index_of_debian_s_form(gpg: GpgKeys, tmp_path: Path) -> None:
    key = gpg.make("Archive <archive@example.com>")
    keys = gpg.export(tmp_path / "keys.asc").read_bytes()
    packed = lzma.compress(PACKAGES)
    signed = in_release(gpg, key, PACKAGES, packed)
    for content in (PACKAGES, packed):
        found = read_archives([("InRelease", signed), ("Packages", content)], openpgp=keys, rsa_keys=[], at=AT)
        assert found.by("deb", ("libc6", "2.36-9", "amd64")) == f"Ours tide, signed by {key[:16]}"
        assert found.by("deb", ("tzdata", "2026a-0", "amd64"))
        assert not found.by("deb", ("libc6", "2.36-8", "amd64"))
        assert not found.by("apk", ("libc6", "2.36-9", "amd64"))
    with pytest.raises(RefusedError, match="no signed InRelease lists it"):
        read_archives([("InRelease", signed), ("Packages", PACKAGES + b"\n")], openpgp=keys, rsa_keys=[], at=AT)
    with pytest.raises(RefusedError, match="no signed InRelease lists it"):
        read_archives([("Packages", PACKAGES)], openpgp=keys, rsa_keys=[], at=AT)
    with pytest.raises(RefusedError, match="no key of an archive"):
        read_archives([("InRelease", signed)], openpgp=b"", rsa_keys=[], at=AT)
    changed = signed.replace(b"Codename: tide", b"Codename: ebb!")
    with pytest.raises(RefusedError, match="signed by nobody trusted"):
        read_archives([("InRelease", changed)], openpgp=keys, rsa_keys=[], at=AT)
    before = b"-----BEGIN PGP SIGNED MESSAGE-----\n\n" + PACKAGES + signed
    with pytest.raises(RefusedError):
        read_archives([("InRelease", before)], openpgp=keys, rsa_keys=[], at=AT)


@needs_programs
def test_an_index_of_a_stranger_is_refused(gpg: GpgKeys, tmp_path: Path) -> None:
    gpg.make("Archive <archive@example.com>")
    stranger = gpg.make("Stranger <stranger@example.com>")
    keys = gpg.export(tmp_path / "keys.asc", "archive@example.com").read_bytes()
    with pytest.raises(RefusedError, match="signed by nobody trusted"):
        read_archives([("InRelease", in_release(gpg, stranger, PACKAGES))], openpgp=keys, rsa_keys=[], at=AT)


@needs_programs
def test_the_archive_of_this_machine() -> None:
    helper, keys = Path("/usr/lib/apt/apt-helper"), Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    lists = [it for it in LISTS.glob("*_Packages*") if "_main_binary-" in it.name] if LISTS.is_dir() else []
    if not (helper.exists() and keys.exists() and lists):
        pytest.skip("no index of Debian's archive is here; apt-get update fetches one")
    smallest = min(lists, key=lambda it: it.stat().st_size)
    release = next(LISTS.glob(f"{smallest.name.partition('_main_')[0]}_InRelease"))
    content = subprocess.run([helper, "cat-file", smallest], capture_output=True, check=True).stdout
    files = [("InRelease", release.read_bytes()), ("Packages", content)]
    found = read_archives(files, openpgp=keys.read_bytes(), rsa_keys=[], at=None)
    assert len(found.of["deb"]) == content.count(b"\nPackage: ") + content.startswith(b"Package: ")
    assert all(who.startswith("Debian ") for who in found.of["deb"].values())


def apk_index(key: rsa.RSAPrivateKey, text: bytes, name: str = ".SIGN.RSA256.alpine.rsa.pub") -> bytes:
    def packed(*members: tuple[str, bytes]) -> bytes:
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for member, content in members:
                info = tarfile.TarInfo(member)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return gzip.compress(raw.getvalue())

    index = packed(("DESCRIPTION", b"v3.20"), ("APKINDEX", text))
    digest = hashes.SHA256() if "256" in name else hashes.SHA1()  # noqa: S303 - as Alpine's older indexes are signed
    return packed((name, key.sign(index, padding.PKCS1v15(), digest))) + index


@pytest.mark.parametrize("name", [".SIGN.RSA256.alpine.rsa.pub", ".SIGN.RSA.alpine.rsa.pub"])
def test_a_signed_index_of_alpine_s_form(name: str) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    other = rsa.generate_private_key(65537, 2048).public_key()
    stranger = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    index = apk_index(key, b"C:Q1x\nP:musl\nV:1.2.5-r0\nA:x86_64\n\nP:busybox\nV:1.36.1-r29\nA:x86_64\n", name)
    found = read_archives([("APKINDEX.tar.gz", index)], openpgp=b"", rsa_keys=[stranger, pem], at=AT)
    assert found.by("apk", ("musl", "1.2.5-r0", "x86_64")) == "Alpine's archive, signed by alpine.rsa.pub"
    assert not found.by("apk", ("musl", "1.2.5-r0", "aarch64"))
    with pytest.raises(RefusedError, match="signed by no trusted key"):
        read_archives([("APKINDEX.tar.gz", index)], openpgp=b"", rsa_keys=[stranger], at=AT)
    spoilt = bytearray(index)
    spoilt[-20] ^= 1
    with pytest.raises(RefusedError, match="signed by no trusted key"):
        read_archives([("APKINDEX.tar.gz", bytes(spoilt))], openpgp=b"", rsa_keys=[pem], at=AT)


def test_what_is_no_index_is_refused() -> None:
    for content in (b"Package: x\nVersion: 1\n", gzip.compress(b"Package: x\n"), b""):
        with pytest.raises(RefusedError):
            read_archives([("file", content)], openpgp=b"", rsa_keys=[], at=AT)
    with pytest.raises(InvalidInputError):
        read_archives([("file", b"\x1f\x8bxx")], openpgp=b"", rsa_keys=[], at=AT)


@pytest.mark.parametrize(
    ("said", "is_past"),
    [
        ("Mon, 01 Jun 2026 00:00:00 UTC", False),
        ("Sun, 31 May 2026 23:59:59 UTC", True),
        ("Sat, 30 May 2026 00:00:00 +0000", True),
    ],
)
@needs_programs
def test_an_index_past_its_valid_until_is_refused(gpg: GpgKeys, tmp_path: Path, said: str, is_past: bool) -> None:
    key = gpg.make("Archive <archive@example.com>")
    keys = gpg.export(tmp_path / "keys.asc").read_bytes()
    files = [("InRelease", in_release(gpg, key, PACKAGES, until=said)), ("Packages", PACKAGES)]
    if is_past:
        with pytest.raises(RefusedError, match="was valid until 2026-05-3"):
            read_archives(files, openpgp=keys, rsa_keys=[], at=AT)
    else:
        assert read_archives(files, openpgp=keys, rsa_keys=[], at=AT).of["deb"]
    assert read_archives(files, openpgp=keys, rsa_keys=[], at=None).of["deb"]


@needs_programs
def test_a_valid_until_that_is_no_date_is_refused(gpg: GpgKeys, tmp_path: Path) -> None:
    key = gpg.make("Archive <archive@example.com>")
    keys = gpg.export(tmp_path / "keys.asc").read_bytes()
    for said in ("soon", "", "Mon, 99 Jun 2026 00:00:00 UTC", "ümlaut"):
        with pytest.raises(InvalidInputError, match="no date"):
            read_archives([("f", in_release(gpg, key, PACKAGES, until=said))], openpgp=keys, rsa_keys=[], at=AT)


@pytest.mark.parametrize(
    ("stated", "standing"),
    [
        ("C:Q1abc=\n", "proved"),
        ("C:Q1xyz=\n", "contradicted"),
        ("", "claimed"),
        ("C:Q1abc=\n\n{}C:Q1xyz=\n", "contradicted"),
    ],
)
def test_a_package_of_alpine_is_the_build_that_the_index_lists(
    stated: str, standing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    package = "P:musl\nV:1.2.5-r0\nA:x86_64\n"
    (tmp_path / "index").write_bytes(apk_index(key, f"C:Q1abc=\n{package}".encode()))
    database = tmp_path / "root" / "lib" / "apk" / "db" / "installed"
    database.parent.mkdir(parents=True)
    database.write_text(f"{package}{stated.format(package)}\n")
    words = ("--archive", str(tmp_path / "index"), "--archive-keys", str(tmp_path / "key.pem"))
    status = main(["origin", f"rootfs:{tmp_path / 'root'}", *words, "--home", str(tmp_path / "h"), "--format", "json"])
    found = json.loads(capsys.readouterr().out)
    assert [it["standing"] for it in found["components"]] == [standing]
    assert status == (1 if standing == "contradicted" else 0)
    assert found["counts"][0][standing] == 1


SHA512 = "ab" * 64
ARCHIVE = Digest(f"sha512:{SHA512}")


def statement() -> bytes:
    said = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "pkg:npm/left-pad@1.3.0", "digest": {"sha512": SHA512}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {"buildType": "t"}, "runDetails": {"builder": {"id": "b"}}},
    }
    return json.dumps(said).encode()


def trusting(key: SigningKey, folder: Path) -> Path:
    (folder / "npm.pub").write_bytes(key.verifying.to_pem())
    policy = folder / "trust.yaml"
    policy.write_text(
        "apiVersion: tidegate.dev/v1\nkind: TrustPolicy\nmetadata: {name: registries}\nspec:\n"
        "  authorities: [{name: npm, keys: [npm.pub]}]\n  requirements: [{name: signed, by: [npm]}]\n"
    )
    return policy


def test_an_attestation_of_npm_s_form(tmp_path: Path) -> None:
    key = SigningKey.generate()
    answer = {
        "attestations": [{"predicateType": "x", "bundle": json.loads(write_bundle(statement(), key))}, {"bundle": 5}]
    }
    found = read_attestations(json.dumps(answer).encode(), where="npm.json")
    policy = load_trust_policy(trusting(key, tmp_path))
    assert attested(found, policy, AT) == {ARCHIVE: (key.key_id,)}
    assert attested(found, None, AT) == {ARCHIVE: ()}
    other = load_trust_policy(trusting(SigningKey.generate(), tmp_path))
    assert attested(found, other, AT) == {ARCHIVE: ()}


def test_an_attestation_of_pypi_s_form() -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, AT, datetime(2027, 1, 1, tzinfo=UTC))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    one = {
        "version": 1,
        "verification_material": {"certificate": base64.b64encode(certificate).decode(), "transparency_entries": []},
        "envelope": {"statement": base64.b64encode(statement()).decode(), "signature": base64.b64encode(b"x").decode()},
    }
    answer = {"version": 1, "attestation_bundles": [{"publisher": {}, "attestations": [one]}]}
    (found,) = read_attestations(json.dumps(answer).encode(), where="pypi.json")
    assert (found.claim.subjects, PAYLOAD_TYPE in found.signed.decode(errors="replace")) == ((ARCHIVE,), True)
    assert attested([found], None, AT) == {ARCHIVE: ()}


@pytest.mark.parametrize(
    "content", [b"{}", b"[]", b"x", b'{"attestations":[{"bundle":{}}]}', b'{"attestation_bundles":5}']
)
def test_other_answers_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read_attestations(content, where="x")


def test_nothing_is_published_by_nobody() -> None:
    assert Published(of={}).by("deb", ("a", "1", "amd64")) == ""


@needs_programs
def test_the_command_tells_proved_claimed_and_unknown(
    gpg: GpgKeys, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    (root / "var" / "lib" / "dpkg").mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "etc" / "os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    status = "".join(STATUS.format(name=name, version=version) for name, version in (("libc6", "2.36-9"), ("odd", "1")))
    (root / "var" / "lib" / "dpkg" / "status").write_text(status)
    key = gpg.make("Archive <archive@example.com>")
    gpg.export(tmp_path / "keys.asc")
    (tmp_path / "InRelease").write_bytes(in_release(gpg, key, PACKAGES))
    (tmp_path / "Packages").write_bytes(PACKAGES)
    home = ("--home", str(tmp_path / "home"), "--format", "json")
    assert main(["origin", f"rootfs:{root}", *home]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert {it["standing"] for it in plain["components"]} == {"claimed"}
    files = ("--archive", str(tmp_path / "InRelease"), "--archive", str(tmp_path / "Packages"))
    words = (*files, "--archive-keys", str(tmp_path / "keys.asc"))
    assert main(["origin", f"rootfs:{root}", *words, *home]) == 0
    found = json.loads(capsys.readouterr().out)
    told = {it["purl"].partition("@")[0]: it["standing"] for it in found["components"]}
    assert told == {"pkg:deb/debian/libc6": "proved", "pkg:deb/debian/odd": "unknown"}
    assert found["inHouse"]["standing"] == "unknown"
    assert main(["origin", f"rootfs:{root}", *words, "--fail-on-unknown", "--home", str(tmp_path / "home")]) == 1
    assert "unknown      pkg:deb/debian/odd" in capsys.readouterr().out


def test_a_package_that_a_registry_attested(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "source"
    source.mkdir()
    integrity = "sha512-" + base64.b64encode(bytes.fromhex(SHA512)).decode()
    lock = {
        "name": "app",
        "lockfileVersion": 3,
        "packages": {
            "": {"name": "app", "dependencies": {"left-pad": "1.3.0"}},
            "node_modules/left-pad": {"version": "1.3.0", "integrity": integrity},
        },
    }
    (source / "package-lock.json").write_text(json.dumps(lock))
    key = SigningKey.generate()
    (tmp_path / "npm.json").write_bytes(write_bundle(statement(), key))
    policy = trusting(key, tmp_path)
    words = ("--attestation", str(tmp_path / "npm.json"), "--home", str(tmp_path / "home"), "--format", "json")

    def standing(*more: str) -> Any:
        assert main(["origin", f"dir:{source}", *words, *more]) == 0
        (one,) = json.loads(capsys.readouterr().out)["components"]
        return one["standing"], one["origin"]

    assert standing("--policy", str(policy)) == ("proved", "upstream")
    assert standing() == ("claimed", "upstream")


def test_the_digests_of_a_direct_url() -> None:
    older = {"url": "u", "archive_info": {"hash": f"sha512={SHA512}", "hashes": {"sha512": SHA512, "md5": "x", "a": 5}}}
    assert read_direct_url(json.dumps(older).encode(), where="f") == (ARCHIVE,)
    for other in ({}, {"archive_info": 5}, {"archive_info": {"hash": 5, "hashes": []}}, {"vcs_info": {"vcs": "git"}}):
        assert read_direct_url(json.dumps(other).encode(), where="f") == ()
    for broken in (b"[]", b"x", b" " * MAX_DIRECT_URL_BYTES + b"{}"):
        with pytest.raises(TidegateError):
            read_direct_url(broken, where="f")


@pytest.mark.parametrize(
    ("stated", "standing"),
    [
        (json.dumps({"url": "u", "archive_info": {"hashes": {"sha512": SHA512}}}), "proved"),
        (json.dumps({"url": "u", "archive_info": {"hashes": {"sha512": "cd" * 64}}}), "claimed"),
        (json.dumps({"url": "u", "dir_info": {}}), "claimed"),
        ("broken", "claimed"),
        ("", "claimed"),
    ],
)
def test_an_installed_wheel_is_tied_to_an_attested_archive_by_its_direct_url(
    stated: str, standing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "root" / "usr" / "lib" / "python3" / "site-packages" / "weir-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: weir\nVersion: 1.0\n")
    if stated:
        (folder / "direct_url.json").write_text(stated)
    key = SigningKey.generate()
    (tmp_path / "pypi.json").write_bytes(write_bundle(statement(), key))
    words = ("--attestation", str(tmp_path / "pypi.json"), "--policy", str(trusting(key, tmp_path)))
    home = ("--home", str(tmp_path / "home"), "--format", "json")
    assert main(["origin", f"rootfs:{tmp_path / 'root'}", *words, *home]) == 0
    (one,) = json.loads(capsys.readouterr().out)["components"]
    assert one["standing"] == standing
