# SPDX-License-Identifier: Apache-2.0
"""What verifying an image's signatures gave: each signature and each requirement, with reasons. Printed as it is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.values import Struct, replace
from tidegate.wire import from_builtins, to_builtins


class Voucher(Struct, frozen=True, kw_only=True):
    """One signer whom the policy trusts, and by what it is known.

    Attributes:
        authority: the authority's name.
        key_id: of its key; "" for a certificate.
        identity: of its certificate; "" for a key.
        logged_at: when somebody trusted says it signed; None when nobody does.
        log: `LOG_ID:INDEX` of each log entry that proves it.
    """

    authority: str
    key_id: str = ""
    identity: str = ""
    issuer: str = ""
    logged_at: datetime | None = None
    log: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        """The signer, the same for the same one, whatever it signed."""
        return self.key_id or f"{self.issuer} {self.identity}"


class SignatureResult(Struct, frozen=True, kw_only=True):
    """One signature: who made it, or why it counts for nothing.

    Attributes:
        where: manifest and layer it lies in.
        form: `simple`, `dsse`, `bundle`, `notation`, or "" where it could not be told.
        holds: somebody trusted made it, of this image.
        reasons: why not; for one authority each where several were asked.
    """

    where: str
    form: str
    holds: bool
    digest: Digest | None = None
    predicate_type: str = ""
    vouchers: tuple[Voucher, ...] = ()
    reasons: tuple[str, ...] = ()


class RequirementResult(Struct, frozen=True, kw_only=True):
    """One requirement: met by whom, or what it lacks.

    Attributes:
        signers: names of those that count, sorted.
        reasons: what is missing, and which signature failed it and why.
    """

    name: str
    met: bool
    threshold: int
    signers: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class Verification(Struct, frozen=True, kw_only=True):
    """The whole: verified when every requirement for the image is met, and there is one.

    Attributes:
        repository: `registry/name` it was judged for; "" for an image that lies in none.
        reasons: what no requirement says: that none is for this image.
    """

    subject: Digest
    repository: str
    policy: str
    policy_digest: Digest
    verified: bool
    at: datetime
    requirements: tuple[RequirementResult, ...]
    signatures: tuple[SignatureResult, ...]
    reasons: tuple[str, ...] = ()


MAX_SIGNATURES_TOLD: Final = 200
"""Signatures a predicate tells one by one; those that hold come first, and the rest is left out."""


def signatures_predicate(found: Verification) -> dict[str, Any]:
    """The predicate that puts a verification on record."""
    told = sorted(found.signatures, key=lambda one: not one.holds)[:MAX_SIGNATURES_TOLD]
    predicate: dict[str, Any] = to_builtins(replace(found, signatures=tuple(told)))
    return predicate


def read_signatures(predicate: Mapping[str, Any], *, where: str = "signatures") -> Verification:
    """Reads a predicate back.

    Raises:
        BoundExceededError: it tells more signatures than are ever written.
        InvalidInputError: it is of another form, or says that all is verified where it is not.
    """
    found = from_builtins(predicate, Verification, what=where)
    if len(found.signatures) > MAX_SIGNATURES_TOLD:
        raise BoundExceededError("MAX_SIGNATURES_TOLD", MAX_SIGNATURES_TOLD, where=where)
    if found.verified and not (found.requirements and all(one.met for one in found.requirements)):
        raise InvalidInputError("says that it is verified, and a requirement is not met", where=where)
    return found
