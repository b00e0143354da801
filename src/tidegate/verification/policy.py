# SPDX-License-Identifier: Apache-2.0
"""A trust policy as values: who is trusted (authorities), and what images need of them (requirements)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tidegate.artifact import Digest
from tidegate.rules.condition import Condition, Pattern
from tidegate.signing.certificate import Roots
from tidegate.signing.keys import TrustedKeys
from tidegate.signing.transparency import TrustedRoot


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAuthority:
    """Signers known by their keys.

    Attributes:
        must_be_logged: a proof that a transparency log has the signature is demanded as well.
    """

    name: str
    keys: TrustedKeys
    must_be_logged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom a certificate must name; exact text or a pattern, and neither means anybody.

    Attributes:
        name: one of its alternative names, or its subject (RFC 4514).
        issuer: who vouched for that: Fulcio's OIDC issuer, else the name of the authority.
    """

    name: str | Pattern
    issuer: str | Pattern | None = None

    def names(self, identities: tuple[str, ...], issuer: str) -> str:
        """The identity of a certificate that is named; "" when none is."""
        if self.issuer is not None and not _is(self.issuer, issuer):
            return ""
        return next((one for one in identities if _is(self.name, one)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateAuthority:
    """Signers known by what a certificate says of them.

    Attributes:
        identities: one of them must be named.
        roots: who may vouch for certificates; None for the trusted root's own authorities, where certificates live for
            minutes and a log or a timestamp must tell that they held when they signed.
        must_be_logged: as with keys; always so without `roots`.
    """

    name: str
    identities: tuple[Identity, ...]
    roots: Roots | None = None
    must_be_logged: bool = False


Authority = KeyAuthority | CertificateAuthority


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One thing that is asked of an image.

    Attributes:
        images: patterns of `registry/repository`; it is asked of images that match one.
        by: names of authorities whose signers count.
        threshold: how many different signers of them there must be, at least 1.
        predicate_type: of the statement; "" for a signature, which says no more than that.
        annotations: what signers must have written beside it.
        condition: must hold of the statement's predicate.
    """

    name: str
    by: tuple[str, ...]
    images: tuple[str, ...] = ("*",)
    threshold: int = 1
    predicate_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    condition: Condition | None = None

    def is_for(self, repository: str) -> bool:
        """True when it is asked of images in a repository; of one that lies in none, everything is asked."""
        return not repository or any(fnmatchcase(repository, pattern) for pattern in self.images)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPolicy:
    """Who is trusted, and for what.

    Attributes:
        digest: of the document's bytes.
        authorities: by name.
        requirements: never empty; all that are for an image must be met, and one must be for it.
        root: proves what logs and timestamps say; None when no proof can be checked.
    """

    name: str
    digest: Digest
    authorities: Mapping[str, Authority]
    requirements: tuple[Requirement, ...]
    root: TrustedRoot | None = None


def _is(wanted: str | Pattern, text: str) -> bool:
    return wanted.matches(text) if isinstance(wanted, Pattern) else wanted == text
