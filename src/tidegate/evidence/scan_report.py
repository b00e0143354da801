# SPDX-License-Identifier: Apache-2.0
"""The result of scanning one image: facts joined with knowledge. JSON form: docs/reference/scan-report.md."""

from datetime import date, datetime
from typing import Final

from tidegate.artifact import Digest, Platform
from tidegate.evidence.finding import Finding
from tidegate.inventory import Component, LocatedSecret, OsRelease, Outcome
from tidegate.values import Struct, field

SCHEMA_VERSION: Final = "1.0.0"


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
        ended: already past on the day of the scan.
    """

    product: str
    cycle: str
    ends: date | None
    ended: bool
    latest: str = ""


class KnowledgeStamp(Struct, frozen=True, kw_only=True):
    """Which knowledge was joined: its sequence number, digest and the moment it was made."""

    sequence: int
    digest: str
    made_at: datetime


class ScanReport(Struct, frozen=True, kw_only=True):
    """Everything known about one image at one moment. Equal inputs give equal bytes: there is no clock in it.

    Attributes:
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
