# SPDX-License-Identifier: Apache-2.0
"""What a folder of sources holds, before anybody says what is known of it."""

from tidegate.development.folder.brought_by import Asked
from tidegate.evidence import IdleWord, Misconfiguration, SuppressedMisconfiguration
from tidegate.inventory import Inventory, Outcome
from tidegate.values import Struct, field


class FolderFacts(Struct, frozen=True, kw_only=True):
    """Found in a tree once; the same tree gives the same.

    Attributes:
        inventory: components and secrets.
        documents: Dockerfiles, Compose files and manifests that were checked.
        asked: who asks for components, by lock file.
        lines: where lock files name components, by `tidegate.development.folder.locked_places.key_of`.
    """

    inventory: Inventory
    documents: tuple[str, ...] = ()
    misconfigurations: tuple[Misconfiguration, ...] = ()
    suppressed: tuple[SuppressedMisconfiguration, ...] = ()
    idle: tuple[IdleWord, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    asked: dict[str, Asked] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
