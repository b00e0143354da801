# SPDX-License-Identifier: Apache-2.0
"""What the newest scan of an image says in two words: how bad it is, and what it was built upon."""

from datetime import datetime

from sqlalchemy import Connection, select

from tidegate.artifact import Digest, Repository
from tidegate.clock import rfc3339
from tidegate.curation.keeping.protected import children_in
from tidegate.evidence import ScanReport, Severity
from tidegate.storage.insert import insert_or_update
from tidegate.storage.keeping_schema import image_scan


def remember_scan(connection: Connection, digest: Digest, report: ScanReport, *, at: datetime) -> None:
    """Keeps it, in the place of an earlier one."""
    worst = max((finding.severity for finding in report.findings), key=lambda severity: severity.rank, default=None)
    base = report.base.digest if report.base and report.base.digest else ""
    insert_or_update(
        connection, image_scan, digest=digest, base=base, worst=worst or Severity.NONE, scanned_at=rfc3339(at)
    )


def worst_of(connection: Connection, repository: Repository, digest: Digest) -> Severity | None:
    """The worst severity found, of an index in any image of it; None when none was scanned since this is kept."""
    digests = [digest, *children_in(connection, repository, digest)]
    found = connection.scalars(select(image_scan.c.worst).where(image_scan.c.digest.in_(digests)))
    return max((Severity(text) for text in found), key=lambda severity: severity.rank, default=None)
