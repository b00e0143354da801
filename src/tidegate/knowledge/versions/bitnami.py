# SPDX-License-Identifier: Apache-2.0
"""The order of Bitnami packages: Semantic Versioning, but a number after `-` is a later build, not an earlier."""

import re
from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import checked, number
from tidegate.knowledge.versions.semver import SemverOrder

_REVISION: Final = re.compile(r"(.*?)-(?:r|debian-[0-9]+-r)?([0-9]+)")
_SEMVER: Final = SemverOrder()


class BitnamiOrder:
    """Orders versions as Bitnami's vulnerability database means them."""

    name: Final = "bitnami"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        text = checked(self.name, version)
        found = _REVISION.fullmatch(text)
        head, revision = (found[1], found[2]) if found else (text, "")
        return _SEMVER.key(Version(head)) + number(revision)
