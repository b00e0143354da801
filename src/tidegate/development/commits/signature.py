# SPDX-License-Identifier: Apache-2.0
"""What was found of one signature."""

from typing import Final

from tidegate.evidence.predicates.commits import SignatureState
from tidegate.values import Struct

FORMS: Final = ("ssh", "openpgp", "x509")
MAX_SIGNATURE_BYTES: Final = 256 * 1024


class SignatureFinding(Struct, frozen=True, kw_only=True):
    """One signature, looked at.

    Attributes:
        form: one of `FORMS`; "" for none, or one that is not known.
        signers: addresses or other names the key is of, as whoever trusts it wrote them; empty unless it is known.
        are_patterns: whoever trusts it wrote signers as patterns; else they are the key's or certificate's own words,
            in which a `*` is a star.
        key: fingerprint, in the words of its own world.
        detail: more for people.
        is_weak: it is bad only because it stands on a broken hash.
    """

    state: SignatureState
    form: str = ""
    signers: tuple[str, ...] = ()
    are_patterns: bool = False
    key: str = ""
    detail: str = ""
    is_weak: bool = False


NO_SIGNATURE: Final = SignatureFinding(state=SignatureState.NONE)


def form_of(signature: bytes) -> str:
    """Which form an armoured signature is in; "" when nobody knows."""
    first = signature.lstrip().split(b"\n", 1)[0].strip()
    return {
        b"-----BEGIN SSH SIGNATURE-----": "ssh",
        b"-----BEGIN PGP SIGNATURE-----": "openpgp",
        b"-----BEGIN PGP MESSAGE-----": "openpgp",
        b"-----BEGIN SIGNED MESSAGE-----": "x509",
    }.get(first, "")
