# SPDX-License-Identifier: Apache-2.0
"""What people have said of findings: statements (VEX) and ignore files, what they silenced, and which were in vain."""

from datetime import date
from enum import StrEnum

from tidegate.evidence.finding import Finding
from tidegate.evidence.misconfiguration import Misconfiguration
from tidegate.inventory import LocatedSecret
from tidegate.values import Struct


class SaidIn(StrEnum):
    """The form somebody said it in."""

    OPENVEX = "openvex"
    CSAF = "csaf"
    CYCLONEDX = "cyclonedx"
    TRIVYIGNORE = "trivyignore"
    GITLEAKSIGNORE = "gitleaksignore"
    BASELINE = "baseline"
    INLINE = "inline"
    DISTRIBUTION = "distribution"
    """In the documentation that a distribution published with a package: whatever it shows, everybody knows."""


class Word(Struct, frozen=True, kw_only=True):
    """One statement or one ignore entry, as it was written.

    Attributes:
        source: file or document id, with its line where it has one: `.trivyignore:3`.
        id: vulnerability or fingerprint it names.
        status: `not_affected`, `affected`, `fixed`, `under_investigation` (OpenVEX 0.2.0), `ignored`.
        reason: justification, impact statement or comment.
        expires: the day it no longer holds; None for never.
    """

    said_in: SaidIn
    source: str
    id: str
    status: str
    reason: str = ""
    expires: date | None = None


class Suppressed(Struct, frozen=True, kw_only=True):
    """A finding that counts no longer, and who said so."""

    finding: Finding
    by: Word


class SuppressedSecret(Struct, frozen=True, kw_only=True):
    """A secret that counts no longer, and who said so."""

    secret: LocatedSecret
    by: Word


class InVain(StrEnum):
    """Why a word silenced nothing."""

    UNMATCHED = "unmatched"
    """It names a product or package that is not in the image."""
    UNUSED = "unused"
    """What it names is there, without that finding."""
    EXPIRED = "expired"
    MALFORMED = "malformed"


class IdleWord(Struct, frozen=True, kw_only=True):
    """A word that silenced nothing, and why."""

    word: Word
    why: InVain
    detail: str = ""


class SuppressedMisconfiguration(Struct, frozen=True, kw_only=True):
    """A misconfiguration that counts no longer, and who said so."""

    misconfiguration: Misconfiguration
    by: Word
