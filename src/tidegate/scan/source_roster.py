# SPDX-License-Identifier: Apache-2.0
"""What reads a folder of sources (`dir:`): that which is installed there, and lock files and manifests as well.

Apart from the roster of images, because a scan of an image should not wait for the import of what it never uses.
"""

from typing import Final

from tidegate.scan.cataloger import Cataloger
from tidegate.scan.catalogers.locked.roster import LOCKED
from tidegate.scan.listed import Listed
from tidegate.scan.roster import CATALOGERS

_NODE: Final = Listed("node", 1, "catalogers.installed.node", "SourceNodeCataloger")

SOURCE_CATALOGERS: Final[tuple[Cataloger, ...]] = (*(_NODE if it.name == "node" else it for it in CATALOGERS), *LOCKED)
