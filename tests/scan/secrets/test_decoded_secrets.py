# SPDX-License-Identifier: Apache-2.0
"""Secrets that are encoded or packed, at every place in their group, in archives in archives; large files in chunks."""

import base64
import gzip
import io
import marshal
import tarfile
import zipfile
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from secret_samples import made

from tidegate.clock import system_clock
from tidegate.scan.secrets import chunks as chunks_module
from tidegate.scan.secrets.archives import Budget, members
from tidegate.scan.secrets.detector import SecretDetector

DETECTOR = SecretDetector()
TOKEN = made("github_pat_<22:alnum>_<59:alnum>")


def told(content: bytes, path: str = "f") -> list[tuple[str, tuple[str, ...]]]:
    return [(fact.rule, fact.decoded) for fact in DETECTOR.scan_batch([(path, content)])]


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes])
def test_base64_is_read_at_every_place(before: bytes, encode: object) -> None:
    content = b"x: 1\ndata: " + encode(before + b" token=" + TOKEN + b"\n") + b"\n"  # type: ignore[operator] # one of three
    facts = DETECTOR.scan_batch([("f", content)])
    assert [(fact.rule, fact.decoded) for fact in facts] == [("github-fine-grained-token", ("base64",))]
    assert facts[0].line == 2


def test_encodings_in_encodings() -> None:
    once = base64.b64encode(b"the token: " + TOKEN)
    assert told(b"a: " + base64.b64encode(b"password " + once)) == [("github-fine-grained-token", ("base64", "base64"))]
    assert told(b"key " + TOKEN.hex().encode()) == [("github-fine-grained-token", ("hex",))]
    assert told(b"x?t=" + quote(b'{"t":"' + TOKEN + b'"}').encode()) == [("github-fine-grained-token", ())]
    url = quote(b"postgres://app:" + made("<20:alnum>") + b"@db.internal/x", safe="").encode()
    assert told(b"DSN=" + url) == [("url-credentials", ("percent",))]


def test_utf16_is_text() -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        content = ("line one\r\n" + "x" * 80 + "\r\ntoken: " + TOKEN.decode() + "\r\n").encode(encoding)
        facts = DETECTOR.scan_batch([("a.reg", content)])
        assert [(it.rule, it.decoded, it.line) for it in facts] == [("github-fine-grained-token", ("utf-16",), 3)]


def test_archives_in_archives() -> None:
    inner = zipped({"app/config.yml": b"a: 1\nt: " + TOKEN + b"\n"})
    expected = ("zip:lib/inner.jar", "zip:app/config.yml")
    assert told(zipped({"lib/inner.jar": inner}), "app.war") == [("github-fine-grained-token", expected)]
    assert (
        told(zipped({"a": TOKEN}, zipfile.ZIP_STORED), "a.zip") == [("github-fine-grained-token", ("zip:a",))]
        or told(zipped({"a": TOKEN}, zipfile.ZIP_STORED), "a.zip")[0][0] == "github-fine-grained-token"
    )
    assert ("github-fine-grained-token", ("gzip", "tar:etc/t")) in told(
        gzip.compress(tarred({"etc/t": TOKEN})), "b.tgz"
    )
    assert told(b"data: " + base64.b64encode(gzip.compress(b"a long enough text, and " + TOKEN, mtime=0))) == [
        ("github-fine-grained-token", ("base64", "gzip"))
    ]


def test_compiled_python_is_what_its_author_wrote() -> None:
    code = compile(f"T = {TOKEN.decode()!r}\nK = {made('AIza<35:alnum>').decode()!r}", "a.py", "exec")
    content = bytes(16) + marshal.dumps(code)
    assert set(told(content, "a.pyc")) == {("github-fine-grained-token", ("pyc",)), ("google-api-key", ("pyc",))}


def test_a_bomb_ends_at_the_budget() -> None:
    bomb = zipped({str(i): bytes(8 << 20) for i in range(20)})
    budget = Budget()
    assert sum(len(member.content) for member in members(bomb, budget)) <= 72 << 20
    assert told(bomb, "bomb.zip") == []


@pytest.mark.property
@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([zipped({"a": b"text" * 30, "b/c": TOKEN}), tarred({"a": TOKEN}), gzip.compress(TOKEN * 9)]),
    st.data(),
)
def test_damaged_archives_never_raise(archive: bytes, data: st.DataObject) -> None:
    content = bytearray(archive[: data.draw(st.integers(5, len(archive)))])
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    DETECTOR.scan_batch([("f", bytes(content))])
    list(members(bytes(content), Budget()))


@pytest.mark.property
@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=400),
    st.sampled_from(
        [b"", b"\x1f\x8b\x08", b"PK\x03\x04", b"\xfe\xed\xfe\xed", b"0\x82", b"\xff\xfe", b"%7B", b"cGFzc3dvcmQ"]
    ),
)
def test_any_bytes_are_looked_at(tail: bytes, head: bytes) -> None:
    DETECTOR.scan_batch([("f", head + tail)])
    DETECTOR.scan_chunks("f", iter([head, tail]))


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_chunks_give_what_the_whole_gives(data: st.DataObject) -> None:
    pieces = [
        TOKEN,
        made("AKIA<16:base32>"),
        base64.b64encode(b"my token is " + made("npm_<36:alnum>")),
        b"\n",
        b"filler text " * 40_000,
    ]
    drawing = data.draw(st.lists(st.sampled_from(pieces), min_size=1, max_size=24))
    content = b" ".join(drawing)[: 8 << 20]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6)))
    parts = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    assert DETECTOR.scan_chunks("f", iter(parts)) == DETECTOR.scan_batch([("f", content)])


def test_nothing_is_lost_where_windows_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks_module, "_WINDOW_BYTES", 20_000)
    monkeypatch.setattr(chunks_module, "MARGIN_BYTES", 5_000)
    tokens = [made("glpat-<20:alnum>", str(i)) for i in range(400)]
    content = b"".join(token + b"\n" * (i % 7 + 1) + b"." * (i * 37 % 200) + b" " for i, token in enumerate(tokens))
    facts = DETECTOR.scan_chunks("f", (content[i : i + 777] for i in range(0, len(content), 777)))
    assert facts == DETECTOR.scan_batch([("f", content)])
    assert len(facts) == 400


def test_a_secret_behind_the_first_eight_megabytes_is_found() -> None:
    filler = b"nothing to see in here, really nothing\n" * 30_000
    chunks = [filler] * 12 + [b"t: " + TOKEN + b"\n"]
    facts = DETECTOR.scan_chunks("big", iter(chunks))
    assert [(fact.rule, fact.line, fact.column) for fact in facts] == [("github-fine-grained-token", 360_001, 4)]
    packed = gzip.compress(b"".join(chunks), 1)
    facts = DETECTOR.scan_chunks("big.gz", (packed[i : i + 5_000] for i in range(0, len(packed), 5_000)))
    assert [(fact.rule, fact.line, fact.decoded) for fact in facts] == [
        ("github-fine-grained-token", 360_001, ("gzip",))
    ]


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    now = system_clock().replace(microsecond=0)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    return (
        builder.serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now.replace(year=now.year + 1))
        .sign(key, hashes.SHA256())
    )


def test_key_stores_are_told_from_stores_of_certificates() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key)
    guard = BestAvailableEncryption(b"correct horse")
    assert told(pkcs12.serialize_key_and_certificates(b"a", key, certificate, None, guard), "a.p12") == [
        ("key-store", ())
    ]
    assert told(pkcs12.serialize_key_and_certificates(b"a", key, certificate, None, NoEncryption()), "a.p12") == [
        ("private-key", ())
    ]
    assert told(pkcs12.serialize_key_and_certificates(None, None, None, [certificate], guard), "trust.p12") == []


def test_keys_in_der_are_keys() -> None:
    for key in (
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ):
        assert told(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), "k.der") == [
            ("private-key", ())
        ]
        guarded = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"p"))
        assert told(guarded, "k.der") == [("encrypted-private-key", ())]
