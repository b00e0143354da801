# SPDX-License-Identifier: Apache-2.0
"""An order that remembers keys, for reading advisories: one record names the same fixed version for many packages."""

from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import VersionOrder

_MAX_REMEMBERED: Final = 20_000


class RememberingOrder:
    """Gives the keys of another order, each soon again without work. For one thread."""

    def __init__(self, order: VersionOrder) -> None:
        self._order = order
        self._keys: dict[str, bytes] = {}

    @property
    def name(self) -> str:
        """The other order's."""
        return self._order.name

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        key = self._keys.get(version)
        if key is None:
            if len(self._keys) >= _MAX_REMEMBERED:
                self._keys.clear()
            key = self._keys[version] = self._order.key(version)
        return key
