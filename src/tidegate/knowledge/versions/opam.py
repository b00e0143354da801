# SPDX-License-Identifier: Apache-2.0
"""The order of opam packages: Debian's rule for one part, over the whole version (opam manual, "Version ordering")."""

import re
from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.deb import upstream_part
from tidegate.knowledge.versions.order import InvalidVersionError, checked

_FORM: Final = re.compile(r"[A-Za-z0-9.+~:_-]+")


class OpamOrder:
    """Orders versions as `opam` does: `1.0~beta < 1.0 < 1.0a < 1.0-1`."""

    name: Final = "opam"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        text = checked(self.name, version)
        if not _FORM.fullmatch(text):
            raise InvalidVersionError(self.name, version, "it has characters outside A-Za-z0-9.+~:_-")
        return upstream_part(text)
