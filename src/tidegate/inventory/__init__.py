# SPDX-License-Identifier: Apache-2.0
"""Vocabulary: what software is in an image. Values only; nothing here reads or writes."""

from tidegate.inventory.component import Component, Ecosystem, Ownership, Package, PackageKind, PackageUrl, Version
from tidegate.inventory.inventory import Inventory
from tidegate.inventory.layer_facts import (
    FileFacts,
    LayerFacts,
    Link,
    LinkKind,
    LocatedSecret,
    Outcome,
    OutcomeStatus,
    SecretFact,
)
from tidegate.inventory.os_release import OsRelease

__all__ = [
    "Component",
    "Ecosystem",
    "FileFacts",
    "Inventory",
    "LayerFacts",
    "Link",
    "LinkKind",
    "LocatedSecret",
    "OsRelease",
    "Outcome",
    "OutcomeStatus",
    "Ownership",
    "Package",
    "PackageKind",
    "PackageUrl",
    "SecretFact",
    "Version",
]
