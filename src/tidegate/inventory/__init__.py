# SPDX-License-Identifier: Apache-2.0
"""Vocabulary: what software is in an image. Values only; nothing here reads or writes."""

from tidegate.inventory.component import (
    Basis,
    Component,
    Ecosystem,
    Ownership,
    Package,
    PackageKind,
    PackageUrl,
    Scope,
    Version,
)
from tidegate.inventory.custody import Census, Custody, FileCustody, FileNature, Integrity, Origin, Share
from tidegate.inventory.inventory import Inventory
from tidegate.inventory.layer_facts import (
    Diversion,
    FileFacts,
    InstallerFile,
    LayerFacts,
    Link,
    LinkKind,
    LocatedSecret,
    Outcome,
    OutcomeStatus,
    PackageLicenses,
    SecretFact,
)
from tidegate.inventory.os_release import OsRelease

__all__ = [
    "Basis",
    "Census",
    "Component",
    "Custody",
    "Diversion",
    "Ecosystem",
    "FileCustody",
    "FileFacts",
    "FileNature",
    "InstallerFile",
    "Integrity",
    "Inventory",
    "LayerFacts",
    "Link",
    "LinkKind",
    "LocatedSecret",
    "Origin",
    "OsRelease",
    "Outcome",
    "OutcomeStatus",
    "Ownership",
    "Package",
    "PackageKind",
    "PackageLicenses",
    "PackageUrl",
    "Scope",
    "SecretFact",
    "Share",
    "Version",
]
