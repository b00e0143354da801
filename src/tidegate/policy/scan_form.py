# SPDX-License-Identifier: Apache-2.0
"""A scan report as evidence carries it: what rules can see of a `tidegate.evidence.ScanReport`, of any 1.x version.

Lists that the first version had must be there, empty or not. What came later has a default, and `Report` tells whether
it was there, so that a rule can tell "none" from "not looked for".
"""

from datetime import date
from typing import Annotated, Final, TypeAlias

from tidegate.evidence import Severity, Urgency
from tidegate.values import Struct, field, msgspec

Int: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""CEL's integers have 64 bits."""
SCHEMA_BEFORE: Final = "1.0.0"
"""Version of a report that does not tell its own."""


class OsRelease(Struct, frozen=True, kw_only=True):
    """The operating system."""

    id: str = ""
    version_id: str = ""


class Platform(Struct, frozen=True, kw_only=True):
    """What the image runs on."""

    os: str
    architecture: str
    variant: str = ""


class Artifact(Struct, frozen=True, kw_only=True):
    """What was scanned."""

    name: str
    digest: str
    layers: list[str] = field(default_factory=list)
    platform: Platform | None = None
    os_release: OsRelease | None = None


class Configuration(Struct, frozen=True, kw_only=True):
    """How it runs."""

    user: str
    runs_as_root: bool
    exposed_ports: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)


class Exploited(Struct, frozen=True, kw_only=True):
    """An entry of the catalogue of exploited flaws."""

    due: str = ""
    ransomware: bool = False


class Why(Struct, frozen=True, kw_only=True):
    """Why an advisory matched."""

    ecosystem: str = ""
    affected: str = ""
    source: str = ""
    matched_name: str = ""
    matched_version: str = ""


class Priority(Struct, frozen=True, kw_only=True):
    """How much a finding matters."""

    score: float
    urgency: Urgency
    profile: str = ""


class Finding(Struct, frozen=True, kw_only=True):
    """A flaw."""

    id: str
    purl: str
    name: str
    version: str
    severity: Severity
    why: Why
    fixed_version: str | None
    aliases: list[str] = field(default_factory=list)
    location: str = ""
    layer: str = ""
    summary: str = ""
    score: float | None = None
    vector: str = ""
    exploited: Exploited | None = None
    epss: float | None = None
    epss_percentile: float | None = None
    malicious: bool = False
    published: str = ""
    references: list[str] = field(default_factory=list)
    fix_state: str = "unknown"
    scope: str = "runtime"
    basis: str = "installed"
    part: str = ""
    priority: Priority | None = None


class Component(Struct, frozen=True, kw_only=True):
    """A package."""

    kind: str
    name: str
    version: str
    purl: str
    ecosystem: str
    location: str = ""
    layer: str = ""
    cataloger: str = ""
    source_name: str = ""
    source_version: str = ""
    architecture: str = ""
    licenses: list[str] = field(default_factory=list)
    owner: str | None = None
    scope: str = "runtime"
    basis: str = "installed"
    checksums: list[str] = field(default_factory=list)
    deprecated: str = ""
    supplier: str = ""
    license: str = ""
    license_class: str = ""


class SecretFact(Struct, frozen=True, kw_only=True):
    """A secret; never its value."""

    rule: str
    path: str
    line: Int
    redacted: str
    fingerprint: str
    place: str = "file"
    commit: str = ""
    author: str = ""
    decoded: list[str] = field(default_factory=list)
    allowed: str = ""


class Secret(Struct, frozen=True, kw_only=True):
    """A secret and where it lies."""

    secret: SecretFact
    layer: str
    deleted: bool = False


class Support(Struct, frozen=True, kw_only=True):
    """Until when somebody cares for something."""

    product: str
    cycle: str
    ends: date | None
    ended: bool
    latest: str = ""
    subject: str = "distribution"
    purl: str = ""
    last_fix: date | None = None
    fixes_per_year: Int | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """What could not be read as it should."""

    plugin: str
    status: str
    location: str
    reason: str


class Misconfiguration(Struct, frozen=True, kw_only=True):
    """Something set up in a way it should not be."""

    id: str
    title: str
    severity: Severity
    reason: str = ""
    fix: str = ""
    references: list[str] = field(default_factory=list)
    subject: str = ""
    location: str = ""
    line: Int = 0


class Notice(Struct, frozen=True, kw_only=True):
    """What is said against a package."""

    kind: str
    purl: str
    location: str = ""
    reason: str = ""


class Word(Struct, frozen=True, kw_only=True):
    """A statement or an ignore entry."""

    said_in: str
    source: str
    id: str
    status: str
    reason: str = ""
    expires: date | None = None


class Suppressed(Struct, frozen=True, kw_only=True):
    """A finding somebody silenced."""

    finding: Finding
    by: Word


class SuppressedSecret(Struct, frozen=True, kw_only=True):
    """A secret somebody silenced."""

    secret: Secret
    by: Word


class SuppressedMisconfiguration(Struct, frozen=True, kw_only=True):
    """A misconfiguration somebody silenced."""

    misconfiguration: Misconfiguration
    by: Word


class IdleWord(Struct, frozen=True, kw_only=True):
    """A word that silenced nothing."""

    word: Word
    why: str
    detail: str = ""


class Advice(Struct, frozen=True, kw_only=True):
    """A step that removes findings."""

    kind: str
    subject: str
    to: str
    removes: list[str]
    adds: list[str] = field(default_factory=list)
    unknown: str = ""


class File(Struct, frozen=True, kw_only=True):
    """A file a person should look at."""

    path: str
    origin: str
    integrity: str
    layer: str | None = None
    package: str | None = None
    digest: str | None = None
    size: Int = 0
    mode: Int = 0
    nature: str = "data"
    is_configuration: bool = False


class Share(Struct, frozen=True, kw_only=True):
    """How much is of one origin."""

    origin: str
    files: Int
    bytes: Int
    executables: Int


class Custody(Struct, frozen=True, kw_only=True):
    """Who answers for the files."""

    shares: list[Share]
    modified: list[File] = field(default_factory=list)
    missing: list[File] = field(default_factory=list)
    unexplained: list[File] = field(default_factory=list)
    in_house: list[File] = field(default_factory=list)
    unchecked: Int = 0
    truncated: bool = False


class Census(Struct, frozen=True, kw_only=True):
    """What stands out among the files."""

    files: Int = 0
    bytes: Int = 0
    setuid: list[str] = field(default_factory=list)
    world_writable: list[str] = field(default_factory=list)
    shells: list[str] = field(default_factory=list)
    package_managers: list[str] = field(default_factory=list)


class Base(Struct, frozen=True, kw_only=True):
    """The image it was built upon."""

    name: str
    layers: Int
    known_by: str
    digest: str | None = None
    part_of: str = ""


class Knowledge(Struct, frozen=True, kw_only=True):
    """Which knowledge was joined."""

    sequence: Int
    made_at: str


class Report(Struct, frozen=True, kw_only=True):
    """The whole; `misconfigurations` is None in a report of a version that did not look for any."""

    artifact: Artifact
    components: list[Component]
    findings: list[Finding]
    secrets: list[Secret]
    support: list[Support]
    outcomes: list[Outcome]
    configuration: Configuration | None
    knowledge: Knowledge | None
    unmatched: list[str] = field(default_factory=list)
    schema_version: str = SCHEMA_BEFORE
    at: date | None = None
    custody: Custody | None = None
    census: Census | None = None
    misconfigurations: list[Misconfiguration] | None = None
    suppressed: list[Suppressed] = field(default_factory=list)
    suppressed_secrets: list[SuppressedSecret] = field(default_factory=list)
    suppressed_misconfigurations: list[SuppressedMisconfiguration] = field(default_factory=list)
    idle: list[IdleWord] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    base: Base | None = None
    advice: list[Advice] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
