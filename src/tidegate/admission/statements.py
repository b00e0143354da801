# SPDX-License-Identifier: Apache-2.0
"""What tidegate itself claims of an image it examined: its bill of materials and its scan."""

from datetime import datetime

from tidegate.evidence import SBOM, SCAN, ScanReport, Statement, Subject
from tidegate.inventory import Inventory
from tidegate.sbom.cyclonedx import to_cyclonedx
from tidegate.wire import from_json, to_builtins


def sbom_statement(inventory: Inventory, *, made_at: datetime) -> Statement:
    """The CycloneDX document of an image as a statement about it."""
    document = from_json(to_cyclonedx(inventory, made_at=made_at), dict, what="CycloneDX document", max_bytes=1 << 30)
    return Statement(subjects=(_subject(inventory),), predicate_type=SBOM, predicate=document)


def scan_statement(inventory: Inventory, report: ScanReport) -> Statement:
    """The scan report of an image as a statement about it."""
    return Statement(subjects=(_subject(inventory),), predicate_type=SCAN, predicate=to_builtins(report))


def _subject(inventory: Inventory) -> Subject:
    return Subject(name=inventory.name, digest=inventory.digest)
