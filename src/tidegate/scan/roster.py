# SPDX-License-Identifier: Apache-2.0
"""All catalogers there are. A new one is added here and nowhere else; a test finds the one that was forgotten.

They are listed by name and version, which is all that a scan of known layers asks of them; a cataloger's module is
imported when a layer is read.
"""

from typing import Final

from tidegate.scan.cataloger import Cataloger
from tidegate.scan.listed import Listed

CATALOGERS: Final[tuple[Cataloger, ...]] = (
    Listed("os-release", 2, "os_release", "OsReleaseCataloger"),
    Listed("apk", 2, "catalogers.apk", "ApkCataloger"),
    Listed("dpkg", 2, "catalogers.dpkg", "DpkgCataloger"),
    Listed("copyright", 1, "catalogers.copyright", "CopyrightCataloger"),
    Listed("rpm", 2, "catalogers.rpm", "RpmCataloger"),
    Listed("opkg", 1, "catalogers.installed.opkg", "OpkgCataloger"),
    Listed("alpm", 1, "catalogers.installed.alpm", "AlpmCataloger"),
    Listed("python", 3, "catalogers.python", "PythonCataloger"),
    Listed("python-egg", 2, "catalogers.installed.egg", "EggCataloger"),
    Listed("conda", 1, "catalogers.installed.conda", "CondaCataloger"),
    Listed("node", 1, "catalogers.installed.node", "NodeCataloger"),
    Listed("installer-files", 1, "catalogers.installed.installer_files", "InstallerFilesCataloger"),
    Listed("gem", 1, "catalogers.installed.gem", "GemCataloger"),
    Listed("composer", 1, "catalogers.installed.composer", "ComposerCataloger"),
    Listed("java-archive", 2, "catalogers.installed.java_archive", "JavaArchiveCataloger"),
    Listed("java-runtime", 1, "catalogers.installed.java_runtime", "JavaRuntimeCataloger"),
    Listed("dotnet", 1, "catalogers.installed.dotnet", "DotnetCataloger"),
    Listed("ghc-database", 1, "catalogers.installed.ghc_database", "GhcDatabaseCataloger"),
    Listed("luarocks", 1, "catalogers.installed.luarocks", "LuaRocksCataloger"),
    Listed("pear", 1, "catalogers.installed.pear", "PearCataloger"),
    Listed("perl", 1, "catalogers.installed.perl", "PerlCataloger"),
    Listed("r-library", 1, "catalogers.installed.r_library", "RLibraryCataloger"),
    Listed("erlang-app", 1, "catalogers.installed.erlang_app", "ErlangAppCataloger"),
    Listed("wordpress", 1, "catalogers.installed.wordpress", "WordPressCataloger"),
    Listed("go-binary", 2, "catalogers.go_binary", "GoBinaryCataloger"),
    Listed("rust-binary", 1, "catalogers.rust_binary", "RustBinaryCataloger"),
    Listed("program", 2, "catalogers.program", "ProgramCataloger"),
    Listed("embedded-sbom", 1, "catalogers.embedded_sbom", "EmbeddedSbomCataloger"),
)
"""What reads an image or an unpacked root file system: that which is installed. Of folders: `scan/source_roster.py`."""
