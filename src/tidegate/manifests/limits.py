# SPDX-License-Identifier: Apache-2.0
"""How much of a manifest is read."""

from dataclasses import dataclass

from tidegate.bounds import MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestLimits:
    """Bounds of Kubernetes manifests. The API server itself takes objects of up to 3 MiB.

    Attributes:
        max_bytes: of all documents together.
        max_documents: documents in one stream, items of lists among them.
        max_nodes: maps, lists and scalars in one stream; what an alias points at counts each time.
        max_depth: nesting of maps and lists.
        max_containers: of one pod, init and ephemeral ones among them.
    """

    max_bytes: int = 16 * MIB
    max_documents: int = 2000
    max_nodes: int = 500_000
    max_depth: int = 64
    max_containers: int = 256


DEFAULT_LIMITS = ManifestLimits()
