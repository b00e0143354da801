# SPDX-License-Identifier: Apache-2.0
"""Whether one authority vouches for one signature: the signature, then the certificate, then the proofs it brings."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tidegate.errors import RefusedError
from tidegate.evidence.predicates.signatures import Voucher
from tidegate.signing.found import Form, FoundSignature
from tidegate.signing.keys import KeyId, VerifyingKey
from tidegate.signing.transparency import Logged, TrustedRoot
from tidegate.verification.policy import Authority, CertificateAuthority, KeyAuthority

MAX_TRIES: Final = 20_000
"""Signatures tried with keys for one image, about two seconds; what is left then holds nothing."""


@dataclass(slots=True)
class Effort:
    """How much was tried for one image."""

    tries: int = 0

    def spend(self) -> None:
        """Counts one try.

        Raises:
            RefusedError: there were too many.
        """
        self.tries += 1
        if self.tries > MAX_TRIES:
            raise RefusedError(f"not tried: over the limit MAX_TRIES = {MAX_TRIES}")


def vouch(
    found: FoundSignature, authority: Authority, root: TrustedRoot | None, at: datetime, effort: Effort
) -> list[Voucher]:
    """The signers of an authority that made a signature; never empty.

    Raises:
        RefusedError: none did, or what they bring does not hold; it says which.
        InvalidInputError: what it brings is malformed.
    """
    if isinstance(authority, KeyAuthority):
        return _by_keys(found, authority, root, at, effort)
    return [_by_certificate(found, authority, root, at, effort)]


def _by_keys(
    found: FoundSignature, authority: KeyAuthority, root: TrustedRoot | None, at: datetime, effort: Effort
) -> list[Voucher]:
    keys = {key.key_id: key for key in _keys_that_hold(found, authority, effort)}
    if not keys:
        number = len(authority.keys.keys)
        raise RefusedError(f"signed by none of its {number} keys" if number > 1 else "not signed by its key")
    vouchers = []
    for key_id, key in keys.items():
        der = key.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        # A key holds whenever it signed; what a log says matters where it is asked for.
        logged = _logged(found, der, root, at, must_be_logged=True) if authority.must_be_logged else Logged()
        vouchers.append(
            Voucher(
                authority=authority.name,
                key_id=key_id,
                logged_at=logged.times[0] if logged.times else None,
                log=logged.entries,
            )
        )
    return vouchers


def _keys_that_hold(found: FoundSignature, authority: KeyAuthority, effort: Effort) -> list[VerifyingKey]:
    """A signature that names a key of the authority is tried with that one alone; one that names none with all."""
    if found.form is Form.NOTATION:
        raise RefusedError("is known by certificates, not by keys")
    holding = []
    trusted = authority.keys.keys
    for item in found.signatures:
        named = trusted.get(KeyId(item.key_id))
        for key in (named,) if named is not None else trusted.values():
            effort.spend()
            if key.verifies(item.signature, found.signed):
                holding.append(key)
    return holding


def _by_certificate(
    found: FoundSignature, authority: CertificateAuthority, root: TrustedRoot | None, at: datetime, effort: Effort
) -> Voucher:
    certificate = found.certificate
    if certificate is None:
        raise RefusedError("carries no certificate")
    if len(found.signatures) != 1:
        raise RefusedError("has several signatures beside one certificate")
    key = certificate.key if found.scheme is None else certificate.key.only(found.scheme)
    effort.spend()
    if not key.verifies(found.signatures[0].signature, found.signed):
        raise RefusedError("not signed by the key of its certificate")
    identities, issuer = certificate.identities, certificate.issuer
    named = next(filter(None, (one.names(identities, issuer) for one in authority.identities)), "")
    if not named:
        raise RefusedError(f"its certificate names {identities[0][:200]!r} by {issuer[:200]!r}, who is not asked for")
    must_be_logged = authority.must_be_logged or authority.roots is None
    logged = _logged(found, certificate.to_der(), root, at, must_be_logged=must_be_logged)
    if authority.roots is None and root is not None:
        root.verify_certificate(found, logged)
    elif authority.roots is not None:
        for moment in logged.times or (at,):
            authority.roots.verify(certificate, moment, must_say_code=found.form is not Form.NOTATION)
    return Voucher(
        authority=authority.name,
        identity=named,
        issuer=issuer,
        logged_at=logged.times[0] if logged.times else None,
        log=logged.entries,
    )


def _logged(
    found: FoundSignature, verifier: bytes, root: TrustedRoot | None, at: datetime, *, must_be_logged: bool
) -> Logged:
    """What logs prove; without a trusted root nothing is proved, and what a signature brings is not believed."""
    if root is None:
        if must_be_logged:
            raise RefusedError("a proof of a transparency log is asked for, and no trusted root is given")
        return Logged()
    logged = root.verify(found, verifier, at=at)
    if must_be_logged and not logged.entries:
        raise RefusedError("no transparency log proves it")
    return logged
