# SPDX-License-Identifier: Apache-2.0
"""What verifying an image's signatures gave: each signature and each requirement, with reasons. Printed as it is."""

from datetime import datetime

from tidegate.artifact import Digest
from tidegate.values import Struct


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
