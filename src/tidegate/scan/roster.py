# SPDX-License-Identifier: Apache-2.0
"""All catalogers there are. A new one is added here and nowhere else; a test finds the one that was forgotten."""

from typing import Final

from tidegate.scan.cataloger import Cataloger
from tidegate.scan.catalogers.apk import ApkCataloger
from tidegate.scan.catalogers.dpkg import DpkgCataloger
from tidegate.scan.catalogers.go_binary import GoBinaryCataloger
from tidegate.scan.catalogers.python import PythonCataloger
from tidegate.scan.catalogers.rpm import RpmCataloger
from tidegate.scan.catalogers.rust_binary import RustBinaryCataloger
from tidegate.scan.os_release import OsReleaseCataloger

CATALOGERS: Final[tuple[Cataloger, ...]] = (
    OsReleaseCataloger(),
    ApkCataloger(),
    DpkgCataloger(),
    RpmCataloger(),
    PythonCataloger(),
    GoBinaryCataloger(),
    RustBinaryCataloger(),
)
"""What reads an image or an unpacked root file system: that which is installed. Of folders: `scan/source_roster.py`."""
