# SPDX-License-Identifier: Apache-2.0
"""Vocabulary: artifacts and their names. Values only; nothing here reads or writes."""

from tidegate.artifact.digest import Digest
from tidegate.artifact.image_config import ImageConfig, parse_image_config
from tidegate.artifact.manifest import Descriptor, Index, Manifest, parse_manifest
from tidegate.artifact.platform import Platform
from tidegate.artifact.reference import Reference, Repository, Tag

__all__ = [
    "Descriptor",
    "Digest",
    "ImageConfig",
    "Index",
    "Manifest",
    "Platform",
    "Reference",
    "Repository",
    "Tag",
    "parse_image_config",
    "parse_manifest",
]
