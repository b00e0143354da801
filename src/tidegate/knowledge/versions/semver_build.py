# SPDX-License-Identifier: Apache-2.0
"""Semantic Versioning where build metadata decides among equals: Dart's pub (pub_semver) and Julia (`VersionNumber`).

`1.0.0 < 1.0.0+1 < 1.0.0+1.1 < 1.0.0+a`: identifiers are compared like those of a pre-release.
"""

from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import InvalidVersionError, checked
from tidegate.knowledge.versions.semver import SemverOrder, identifiers

_SEMVER: Final = SemverOrder()
_PLAIN, _BUILT = b"\x00", b"\x01"


class SemverBuildOrder:
    """Orders versions by Semantic Versioning, then by build."""

    name: Final = "semver-build"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        text = checked(self.name, version)
        head, plus, build = text.partition("+")
        key = _SEMVER.key(Version(head))
        if not plus:
            return key + _PLAIN
        if not build.isascii() or not build.replace(".", "").replace("-", "").isalnum():
            raise InvalidVersionError(self.name, version, "its build is not of 0-9A-Za-z-.")
        return key + _BUILT + identifiers(build)
