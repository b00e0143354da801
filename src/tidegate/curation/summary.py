# SPDX-License-Identifier: Apache-2.0
"""What a catalogue says of one image: kept beside its evidence, so that searching reads no reports."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from tidegate.artifact import Manifest
from tidegate.bounds import printable
from tidegate.clock import rfc3339
from tidegate.evidence import ScanReport, Severity
from tidegate.evidence.flaw import flaws_of
from tidegate.inventory import Inventory
from tidegate.licences.license_class import LicenseClass
from tidegate.storage.insert import insert_or_update
from tidegate.storage.vending_schema import image_summary

_MAX_CHARS: Final = 500
_OCI: Final = "org.opencontainers.image."
_OWNERS: Final = ("tidegate.dev/owner", "owner", "maintainer", f"{_OCI}vendor", f"{_OCI}authors")


def remember_summary(
    connection: Connection, manifest: Manifest, inventory: Inventory, report: ScanReport, *, at: datetime
) -> None:
    """Keeps it, in the place of an earlier one."""
    said = {**(report.configuration.labels if report.configuration else {}), **manifest.annotations}
    flaws = flaws_of(report.findings)
    counts = Counter(finding.severity for finding in flaws)
    title, description = _said(said, f"{_OCI}title"), _said(said, f"{_OCI}description")
    owner = next((text for name in _OWNERS if (text := _said(said, name))), "")
    base = _plain(report.base.name or report.base.part_of) if report.base else ""
    system = f"{inventory.os_release.id} {inventory.os_release.version_id}".strip() if inventory.os_release else ""
    licences = [LicenseClass(one.license_class) for one in report.components if one.license_class]
    ends, what = _support(report)
    row: dict[str, Any] = {
        "title": title,
        "description": description,
        "source": _said(said, f"{_OCI}source") or _said(said, f"{_OCI}url"),
        "version": _said(said, f"{_OCI}version"),
        "owner": owner,
        "base": base,
        "system": _plain(system),
        "platform": str(report.artifact.platform or ""),
        "licence": max(licences, key=lambda one: one.rank).value if licences else "",
        "size": sum(part.size for part in (manifest.config, *manifest.layers)),
        "components": len(report.components),
        "critical": counts[Severity.CRITICAL],
        "high": counts[Severity.HIGH],
        "medium": counts[Severity.MEDIUM],
        "low": counts[Severity.LOW] + counts[Severity.NONE] + counts[Severity.UNKNOWN],
        "exploited": sum(1 for finding in flaws if finding.exploited is not None),
        "fixable": sum(1 for finding in flaws if finding.fixed_version is not None),
        "is_known": int(report.knowledge is not None),
        "support_ends": ends,
        "support_of": what,
        "made_at": rfc3339(at),
    }
    row["words"] = " ".join((title, description, owner, base, row["system"], row["version"])).lower()
    insert_or_update(connection, image_summary, digest=inventory.digest, **row)


def _support(report: ScanReport) -> tuple[str, str]:
    """The day the first thing that the image stands on is no longer supported, and what that is; "" for neither."""
    known = [(one.ends.isoformat(), one) for one in report.support if one.ends is not None]
    if not known:
        return "", ""
    day, first = min(known, key=lambda pair: pair[0])
    return day, _plain(f"{first.product} {first.cycle}")


def _said(annotations: Mapping[str, str], name: str) -> str:
    return _plain(annotations.get(name, ""))


def _plain(text: str) -> str:
    """Whatever an image says of itself is hostile to terminals and pages."""
    return printable(" ".join(text.split()))[:_MAX_CHARS]
