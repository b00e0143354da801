# SPDX-License-Identifier: Apache-2.0
"""Everything found in one image."""

from collections.abc import Mapping

from tidegate.artifact import Digest, ImageConfig
from tidegate.inventory.component import Component
from tidegate.inventory.custody import Census, Custody
from tidegate.inventory.layer_facts import LocatedSecret, Outcome
from tidegate.inventory.os_release import OsRelease
from tidegate.values import Struct, field


class Inventory(Struct, frozen=True, kw_only=True):
    """The facts of one image: its layers' facts laid over each other, sorted, without knowledge or judgement.

    Attributes:
        digest: of the image manifest (of the tree for a plain folder, made by the reader).
        layers: compressed digests, bottom first.
        os_release: None when the image names no operating system.
        config: None when there is no image around the files.
        annotations: of the manifest.
        layers_unpacked: diff ids of the layers, bottom first; what a base image is recognised by.
        custody: None when there are no files (a bill of materials was read instead of an image).
        census: None likewise.
        passed_over: globs of folders and files that are not told of, because somebody wished so.
    """

    digest: Digest
    name: str
    layers: tuple[Digest, ...]
    components: tuple[Component, ...]
    os_release: OsRelease | None = None
    config: ImageConfig | None = None
    secrets: tuple[LocatedSecret, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    layers_unpacked: tuple[Digest, ...] = ()
    custody: Custody | None = None
    census: Census | None = None
    passed_over: tuple[str, ...] = ()
