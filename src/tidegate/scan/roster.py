# SPDX-License-Identifier: Apache-2.0
"""All catalogers there are. A new one is added here and nowhere else; a test finds the one that was forgotten."""

from typing import Final

from tidegate.scan.cataloger import Cataloger
from tidegate.scan.catalogers.apk import ApkCataloger
from tidegate.scan.catalogers.dpkg import DpkgCataloger
from tidegate.scan.catalogers.embedded_sbom import EmbeddedSbomCataloger
from tidegate.scan.catalogers.go_binary import GoBinaryCataloger
from tidegate.scan.catalogers.installed.alpm import AlpmCataloger
from tidegate.scan.catalogers.installed.composer import ComposerCataloger
from tidegate.scan.catalogers.installed.conda import CondaCataloger
from tidegate.scan.catalogers.installed.dotnet import DotnetCataloger
from tidegate.scan.catalogers.installed.egg import EggCataloger
from tidegate.scan.catalogers.installed.erlang_app import ErlangAppCataloger
from tidegate.scan.catalogers.installed.gem import GemCataloger
from tidegate.scan.catalogers.installed.ghc_database import GhcDatabaseCataloger
from tidegate.scan.catalogers.installed.java_archive import JavaArchiveCataloger
from tidegate.scan.catalogers.installed.java_runtime import JavaRuntimeCataloger
from tidegate.scan.catalogers.installed.luarocks import LuaRocksCataloger
from tidegate.scan.catalogers.installed.node import NodeCataloger
from tidegate.scan.catalogers.installed.opkg import OpkgCataloger
from tidegate.scan.catalogers.installed.pear import PearCataloger
from tidegate.scan.catalogers.installed.perl import PerlCataloger
from tidegate.scan.catalogers.installed.r_library import RLibraryCataloger
from tidegate.scan.catalogers.installed.wordpress import WordPressCataloger
from tidegate.scan.catalogers.program import ProgramCataloger
from tidegate.scan.catalogers.python import PythonCataloger
from tidegate.scan.catalogers.rpm import RpmCataloger
from tidegate.scan.catalogers.rust_binary import RustBinaryCataloger
from tidegate.scan.os_release import OsReleaseCataloger

CATALOGERS: Final[tuple[Cataloger, ...]] = (
    OsReleaseCataloger(),
    ApkCataloger(),
    DpkgCataloger(),
    RpmCataloger(),
    OpkgCataloger(),
    AlpmCataloger(),
    PythonCataloger(),
    EggCataloger(),
    CondaCataloger(),
    NodeCataloger(),
    GemCataloger(),
    ComposerCataloger(),
    JavaArchiveCataloger(),
    JavaRuntimeCataloger(),
    DotnetCataloger(),
    GhcDatabaseCataloger(),
    LuaRocksCataloger(),
    PearCataloger(),
    PerlCataloger(),
    RLibraryCataloger(),
    ErlangAppCataloger(),
    WordPressCataloger(),
    GoBinaryCataloger(),
    RustBinaryCataloger(),
    ProgramCataloger(),
    EmbeddedSbomCataloger(),
)
"""What reads an image or an unpacked root file system: that which is installed. Of folders: `scan/source_roster.py`."""
