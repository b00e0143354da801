# SPDX-License-Identifier: Apache-2.0
"""Certificates of signers: who they name, who vouches for them, and each way in which they do not hold."""

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from signing_authority import DURING, END, START, Authority
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, RefusedError
from tidegate.signing.certificate import Roots, SignerCertificate, load_certificates

CA = Authority()
ANNA = CA.middle.issue("anna")


def test_a_chain_to_a_root() -> None:
    found = CA.chain(ANNA)
    assert len(CA.roots.verify(found, DURING)) == 3
    assert found.identities == ("anna@acme.example", "CN=anna")
    assert found.issuer == "CN=middle"
    direct = CA.root.issue("ben")
    assert CA.roots.verify(SignerCertificate(direct.certificate), DURING)


@pytest.mark.parametrize(
    ("issued", "why"),
    [
        (CA.middle.issue("a", code=False), "not for signing code"),
        (CA.middle.issue("a", digital=False), "not for signatures"),
        (CA.middle.issue("a", end=START + timedelta(days=5)), "expired at 2027-01-06"),
        (CA.middle.issue("a", start=DURING + timedelta(days=1)), "not valid before 2027-01-12"),
        (CA.middle.issue("a", ca=True), "does not say that it is for signing code"),
        (Authority().middle.issue("anna"), "no trusted root vouches"),
        (ANNA.issue("a"), "no trusted root vouches"),
        (CA.root.issue("a", issuer="somebody"), "no trusted root vouches"),
    ],
    ids=["purpose", "usage", "expired", "early", "authority", "stranger", "signer as authority", "issuer"],
)
def test_certificates_that_do_not_hold(issued: object, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        CA.roots.verify(CA.chain(issued), DURING)  # type: ignore[arg-type] # of this folder's own kind


def below(*more: tuple[x509.ExtensionType, bool]) -> SignerCertificate:
    """A signer under an authority that says something of itself."""
    middle = CA.root.issue("middle", ca=True, more=more)
    return SignerCertificate(middle.issue("anna").certificate, (middle.certificate,))


def purposes(*named: x509.ObjectIdentifier) -> tuple[x509.ExtensionType, bool]:
    return x509.ExtendedKeyUsage(named), False


def test_an_authority_binds_what_it_issues() -> None:
    """Who may issue for web servers alone cannot make signers, and names stay where the root put them."""
    for code in (ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE):
        assert CA.roots.verify(below(purposes(ExtendedKeyUsageOID.SERVER_AUTH, code)), DURING)
    with pytest.raises(RefusedError, match="vouches"):
        CA.roots.verify(below(purposes(ExtendedKeyUsageOID.SERVER_AUTH)), DURING)
    ours, theirs = (x509.RFC822Name(f"{name}.example") for name in ("acme", "other"))
    assert CA.roots.verify(below((x509.NameConstraints([ours], None), True)), DURING)
    with pytest.raises(RefusedError, match="vouches"):
        CA.roots.verify(below((x509.NameConstraints([theirs], None), True)), DURING)
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    with pytest.raises(RefusedError, match="vouches"):
        CA.roots.verify(below((unknown, True)), DURING)


def test_the_moment_counts() -> None:
    assert CA.roots.verify(CA.chain(ANNA), START)
    with pytest.raises(RefusedError, match="expired"):
        CA.roots.verify(CA.chain(ANNA), END + timedelta(seconds=1))
    with pytest.raises(RefusedError, match="vouches"):
        CA.roots.verify(SignerCertificate(ANNA.certificate), DURING)  # without its intermediate
    with pytest.raises(RefusedError, match="vouches"):
        Roots(()).verify(CA.chain(ANNA), DURING)


@pytest.mark.tools
def test_openssl_agrees(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing; apt-get install openssl")
    for name, one in (("root", CA.root), ("middle", CA.middle), ("anna", ANNA)):
        (tmp_path / name).write_bytes(one.certificate.public_bytes(Encoding.PEM))
    at = str(int(DURING.timestamp()))
    words: list[str | Path] = ["openssl", "verify", "-attime", at, "-CAfile", tmp_path / "root"]
    words += ["-untrusted", tmp_path / "middle", tmp_path / "anna"]
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    roots = Roots.load([tmp_path / "root"])
    assert roots.verify(CA.chain(ANNA), DURING)


def test_files_that_hold_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        load_certificates(tmp_path / "absent")
    (tmp_path / "empty").write_bytes(b"nothing")
    with pytest.raises(InvalidInputError, match="no certificate"):
        load_certificates(tmp_path / "empty")
    der = ANNA.certificate.public_bytes(Encoding.DER)
    with pytest.raises(BoundExceededError, match="MAX_CHAIN"):
        SignerCertificate.from_der([der] * 11)
    for broken in ([], [der[:-3]], [b""]):
        with pytest.raises(InvalidInputError):
            SignerCertificate.from_der(broken)
