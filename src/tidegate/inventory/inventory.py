# SPDX-License-Identifier: Apache-2.0
"""Everything found in one image."""

from tidegate.artifact import Digest, ImageConfig
from tidegate.inventory.component import Component
from tidegate.inventory.layer_facts import LocatedSecret, Outcome
from tidegate.inventory.os_release import OsRelease
from tidegate.values import Struct


class Inventory(Struct, frozen=True, kw_only=True):
    """The facts of one image: its layers' facts laid over each other, sorted, without knowledge or judgement.

    Attributes:
        digest: of the image manifest (of the tree for a plain folder, made by the reader).
        layers: compressed digests, bottom first.
        os_release: None when the image names no operating system.
        config: None when there is no image around the files.
    """

    digest: Digest
    name: str
    layers: tuple[Digest, ...]
    components: tuple[Component, ...]
    os_release: OsRelease | None = None
    config: ImageConfig | None = None
    secrets: tuple[LocatedSecret, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
