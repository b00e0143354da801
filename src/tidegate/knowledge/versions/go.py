# SPDX-License-Identifier: Apache-2.0
"""The order of Go modules (golang.org/ref/mod, "Versions") and of Go itself (go.dev/doc/toolchain, "Go versions").

Modules follow Semantic Versioning; a pseudo-version (`v0.0.0-20230101120000-abcdef123456`) is a pre-release of it, and
`+incompatible` does not take part. The toolchain writes `go1.21rc2` where the vulnerability database writes
`1.21.0-rc.2`, and a builder's tail after `-` or a space says nothing of its place.
"""

import re
from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import checked
from tidegate.knowledge.versions.semver import SemverOrder

_TOOLCHAIN: Final = re.compile(r"(?:go)?([0-9]+(?:\.[0-9]+){0,2})(?:(alpha|beta|rc)([0-9]+))?(?:[ -].*)?")
_SEMVER: Final = SemverOrder()


class GoOrder:
    """Orders versions of modules as `go` does, and of Go itself."""

    name: Final = "go"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        text = checked(self.name, version)
        found = _TOOLCHAIN.fullmatch(text)
        if found and (text.startswith("go") or found[2]):
            dots = ".0" * (2 - found[1].count("."))
            text = f"{found[1]}{dots}-{found[2]}.{found[3]}" if found[2] else found[1]
        return _SEMVER.key(Version(text))
