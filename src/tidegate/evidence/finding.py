# SPDX-License-Identifier: Apache-2.0
"""Something wrong with a component: a join of facts and knowledge."""

from datetime import date
from enum import StrEnum

from tidegate.artifact import Digest
from tidegate.inventory import Basis, Ecosystem, PackageUrl, Scope, Version
from tidegate.values import Struct


class Severity(StrEnum):
    """Qualitative severity (CVSS v3.1 and v4.0, section "Qualitative Severity Rating Scale"), worst last."""

    UNKNOWN = "unknown"
    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for unknown to 5 for critical."""
        return list(Severity).index(self)


class Exploitation(Struct, frozen=True, kw_only=True):
    """An entry of CISA's catalogue of known exploited vulnerabilities."""

    cve: str
    added: date
    due: date
    ransomware: bool


class Match(Struct, frozen=True, kw_only=True):
    """Why an advisory speaks of a component, so that a person can check it.

    Attributes:
        matched_name: the name looked up: the source package for Debian, Ubuntu, Alpine and Wolfi.
        matched_version: the version compared.
        affected: the range in words, like `>= 0, < 1.2.4-r3`.
    """

    ecosystem: Ecosystem
    matched_name: str
    matched_version: Version
    affected: str
    source: str


class FixState(StrEnum):
    """Whether there is a fix, as the advisory's source tells."""

    FIXED = "fixed"
    NOT_FIXED = "not-fixed"
    WILL_NOT_FIX = "will-not-fix"
    UNKNOWN = "unknown"


class Urgency(StrEnum):
    """What to do about a finding, most urgent last."""

    NONE = "none"
    LATER = "later"
    SOON = "soon"
    NOW = "now"

    @property
    def rank(self) -> int:
        """0 for none to 3 for now."""
        return list(Urgency).index(self)


class Priority(Struct, frozen=True, kw_only=True):
    """How much a finding matters here, and why: one number that explains itself.

    Attributes:
        score: 0.0 to 100.0.
        reasons: every ground that moved the score, with how far: `+25 known to be exploited since 2021-11-03`.
        profile: name of the sector profile it was weighed with; "" for none.
    """

    score: float
    urgency: Urgency
    reasons: tuple[str, ...]
    profile: str = ""


class Finding(Struct, frozen=True, kw_only=True):
    """One advisory that affects one component.

    Attributes:
        id: the advisory's own id; `aliases` are its other names, CVE first.
        purl: of the component; `layer` (compressed digest) brought it in.
        fixed_version: the lowest that is above the component's own and fixes it; None when none is recorded.
        score: CVSS base score 0.0 to 10.0; None without a vector.
        epss: probability of exploitation in 30 days, 0 to 1; `epss_percentile` likewise.
        malicious: an OSV `MAL-` record.
        scope: of the component.
        basis: of the component.
        part: `base` when a layer of the base image brought the component in, `yours` when another did, "" when the
            base is not known.
        priority: None until it is weighed.
        line: of `location`, counted from 1, where its lock file names the component; 0 when that is not known.
        relation: `direct` when the project itself asks for the component, `transitive` when another one does, "" when
            its lock file does not tell.
        brought_by: of a transitive one the way to it, from what the project asks for to what asks for it.
    """

    id: str
    aliases: tuple[str, ...]
    purl: PackageUrl
    name: str
    version: Version
    location: str
    layer: Digest
    summary: str
    fixed_version: Version | None
    severity: Severity
    score: float | None
    vector: str
    why: Match
    exploited: Exploitation | None = None
    epss: float | None = None
    epss_percentile: float | None = None
    malicious: bool = False
    published: str = ""
    references: tuple[str, ...] = ()
    fix_state: FixState = FixState.UNKNOWN
    scope: Scope = Scope.RUNTIME
    basis: Basis = Basis.INSTALLED
    part: str = ""
    priority: Priority | None = None
    line: int = 0
    relation: str = ""
    brought_by: tuple[str, ...] = ()
