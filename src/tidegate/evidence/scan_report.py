# SPDX-License-Identifier: Apache-2.0
"""The result of scanning one image: facts joined with knowledge. JSON form: docs/reference/scan-report.md."""

from datetime import date, datetime
from typing import Final

from tidegate.artifact import Digest, Platform
from tidegate.evidence.finding import Finding
from tidegate.evidence.misconfiguration import Misconfiguration
from tidegate.evidence.suppression import IdleWord, Suppressed, SuppressedMisconfiguration, SuppressedSecret
from tidegate.inventory import Census, Component, Custody, LocatedSecret, OsRelease, Outcome, PackageUrl
from tidegate.values import Struct, field

SCHEMA_VERSION: Final = "1.3.0"


class ScannedArtifact(Struct, frozen=True, kw_only=True):
    """What was scanned."""

    name: str
    digest: Digest
    layers: tuple[Digest, ...]
    platform: Platform | None = None
    os_release: OsRelease | None = None


class Configuration(Struct, frozen=True, kw_only=True):
    """What the image's configuration says of how it runs."""

    user: str
    runs_as_root: bool
    exposed_ports: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)


class Support(Struct, frozen=True, kw_only=True):
    """Until when somebody cares for what the image stands on (endoflife.date product and cycle).

    Attributes:
        ends: day of the last free security fix; None when not announced.
        ended: already past on the day the report speaks of.
        subject: what it is about: `distribution`, `kernel`, `runtime`, `framework`, `base`, `component`.
        purl: of the component it is about; "" for the distribution.
        days_left: from the report's day to `ends`, negative when it is past; None when not announced.
        last_fix: day of the last advisory that brought this release a fix; None when none is known.
        fixes_per_year: advisories with a fix for this release in the year before the report's day; None when unknown.
    """

    product: str
    cycle: str
    ends: date | None
    ended: bool
    latest: str = ""
    subject: str = "distribution"
    purl: str = ""
    days_left: int | None = None
    last_fix: date | None = None
    fixes_per_year: int | None = None


class Notice(Struct, frozen=True, kw_only=True):
    """What its makers or its registry say against a package: `deprecated`, `yanked`, `abandoned`."""

    kind: str
    purl: PackageUrl
    location: str
    reason: str = ""


class BaseImage(Struct, frozen=True, kw_only=True):
    """What an image was built upon.

    Attributes:
        name: reference as its annotation or the catalogue of bases tells; "" when only its layers are known.
        digest: of its manifest; None when unknown.
        layers: how many of the image's layers, from the bottom, are its.
        known_by: `annotation`, `layers`, `history`.
        part_of: repository and tag family it belongs to, such as `docker.io/library/debian`.
    """

    name: str
    layers: int
    known_by: str
    digest: Digest | None = None
    part_of: str = ""


class Advice(Struct, frozen=True, kw_only=True):
    """One step that removes findings: another base, or a newer package.

    Attributes:
        kind: `base` or `package`.
        subject: package URL, or the base's name.
        to: version, or the other base's reference.
        removes: ids of findings that would go, sorted.
        adds: ids of findings that would come, sorted.
        unknown: why `adds` cannot be told; "" when it can.
        packages: package URLs of all that are upgraded in this one step, sorted; empty for a base.
    """

    kind: str
    subject: str
    to: str
    removes: tuple[str, ...]
    adds: tuple[str, ...] = ()
    unknown: str = ""
    packages: tuple[PackageUrl, ...] = ()


class KnowledgeStamp(Struct, frozen=True, kw_only=True):
    """Which knowledge was joined: its sequence number, digest and the moment it was made."""

    sequence: int
    digest: str
    made_at: datetime


class Baseline(Struct, frozen=True, kw_only=True):
    """What a folder of sources was held against: the last commit it shares with a branch.

    Attributes:
        against: the branch, as git names it.
        commit: the merge base.
        new: identities (`tidegate.evidence.identity`) of what was not there, sorted; one that is there more often than
            it was stands here as often as it came.
        known: how many findings, secrets and misconfigurations were there already.
        gone: how many were there and are no longer.
    """

    against: str
    commit: str
    new: tuple[str, ...]
    known: int
    gone: int = 0


class ScanReport(Struct, frozen=True, kw_only=True):
    """Everything known about one image at one moment. Equal inputs give equal bytes: there is no clock in it.

    Attributes:
        at: the day support, expiries and due dates are judged for; that of the knowledge unless another was asked for.
        suppressed: findings that statements and ignore files silenced; they are not in `findings`.
        heeded: ignore files that were heeded without being named.
        idle: statements and ignore entries that silenced nothing.
        documents: what checks were asked of: Dockerfiles, Compose files, manifests, one image; empty for a scan.
        baseline: what a folder was held against; None when it was held against nothing.
        passed_over: globs of folders and files that the scan was told not to look at: silence there proves nothing.
        unmatched: ecosystems of components for which the knowledge holds no advisories at all (so silence is no proof).
    """

    artifact: ScannedArtifact
    components: tuple[Component, ...]
    findings: tuple[Finding, ...]
    secrets: tuple[LocatedSecret, ...]
    configuration: Configuration | None
    support: tuple[Support, ...]
    outcomes: tuple[Outcome, ...]
    knowledge: KnowledgeStamp | None
    unmatched: tuple[str, ...] = ()
    schema_version: str = SCHEMA_VERSION
    at: date | None = None
    custody: Custody | None = None
    census: Census | None = None
    misconfigurations: tuple[Misconfiguration, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    suppressed_secrets: tuple[SuppressedSecret, ...] = ()
    suppressed_misconfigurations: tuple[SuppressedMisconfiguration, ...] = ()
    idle: tuple[IdleWord, ...] = ()
    notices: tuple[Notice, ...] = ()
    base: BaseImage | None = None
    advice: tuple[Advice, ...] = ()
    documents: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    heeded: tuple[str, ...] = ()
    baseline: Baseline | None = None
