# SPDX-License-Identifier: Apache-2.0
"""Java runtimes: the `release` file on top of a JDK or JRE (JEP 223, JEP 322), with its maker and its version."""

import re
from typing import Final

from tidegate.bounds import KIB
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import note

MAX_RELEASE_BYTES: Final = 64 * KIB

_LINE: Final = re.compile(r'([A-Z_]{1,40})="?([^"\n]{0,4000})"?')
_BUILD: Final = re.compile(r"\d[A-Za-z0-9.+_-]{0,60}")
_VERSIONS: Final = ("JAVA_RUNTIME_VERSION", "JAVA_VERSION")


class JavaRuntimeCataloger:
    """Reads the `release` file of Java runtimes; files of that name without a Java version are nobody's."""

    name = "java-runtime"
    version = 1
    wants = Wants(names=frozenset({"release"}), max_bytes=MAX_RELEASE_BYTES)

    def accepts(self, path: str) -> bool:
        """True for a file `release` in any folder but the root."""
        return path.endswith("/release")

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one runtime, `pkg:generic/openjdk@17.0.9+9`; an older one (`1.8.0_392`) as it writes itself."""
        harvest = Harvest(path=file.path, cataloger=self.name)
        lines = file.content.decode(errors="replace").splitlines()
        told = {found[1]: found[2].strip() for line in lines if (found := _LINE.fullmatch(line.strip()))}
        version = next((told[key] for key in _VERSIONS if _BUILD.fullmatch(told.get(key, ""))), "")
        if "JAVA_VERSION" in told and version:
            harvest.add(
                Package(
                    kind=PackageKind.GENERIC,
                    name="graalvm" if "GRAALVM_VERSION" in told else "openjdk",
                    version=Version(version),
                    supplier=note(told.get("IMPLEMENTOR", "")),
                )
            )
        return harvest.facts()
