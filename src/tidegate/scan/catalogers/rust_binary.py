# SPDX-License-Identifier: Apache-2.0
"""Rust programs: the crates linked into them.

cargo-auditable writes the whole list into the section `.dep-v0` (zlib over JSON, RustSec's `auditable-serde` format):
that is the builder's own record. Without it, the paths of source files that crates leave in their panic messages
(`…/registry/src/index.crates.io-1949cf8c6b5b557f/time-0.1.45/src/lib.rs`) tell of those crates that can panic: less
than is linked in, never more, and marked as recognised.
"""

import re
import zlib
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import Basis, FileFacts, Package, PackageKind, Scope, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import MAX_PACKAGES, Harvest
from tidegate.scan.executables import Executable, executables_of
from tidegate.values import Struct
from tidegate.wire import from_json

MAX_LIST_BYTES: Final = 8 * MIB
"""Bytes of the list of crates once inflated; the format's own reader stops at the same size."""

_SECTION: Final = b".dep-v0"
_REGISTRY: Final = b"registry/src/"
_CRATE: Final = re.compile(
    rb"registry[/\\]src[/\\][\w.-]{1,100}-[0-9a-f]{16}[/\\]([A-Za-z0-9][\w-]{0,63}?)"
    rb"-(\d{1,9}\.\d{1,9}\.\d{1,9}(?:-[0-9A-Za-z.-]{1,60})?(?:\+[0-9A-Za-z.-]{1,60})?)[/\\]"
)


class _Crate(Struct, frozen=True):
    name: str
    version: str
    kind: str = "runtime"
    root: bool = False


class _CrateList(Struct, frozen=True):
    packages: tuple[_Crate, ...]


class RustBinaryCataloger:
    """Reads the crates of Rust programs."""

    name = "rust-binary"
    version = 1
    wants = Wants(programs=True, max_bytes=192 * MIB)

    def accepts(self, path: str) -> bool:
        """True for every program, but for what was stripped off one: it has sections without their bytes."""
        return not path.endswith(".debug")

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one program, or each of a universal one.

        Raises:
            PartialError: a crate has no name or version.
            InvalidInputError: the list of crates is broken or hostile.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        seen: set[Package] = set()
        for package in _listed(file) or _mentioned(file.content):
            if package not in seen:
                seen.add(package)
                harvest.add(package)
        return harvest.facts()


def _listed(file: ImageFile) -> list[Package]:
    found: list[Package] = []
    for program in _programs(file):
        data = program.section(_SECTION)
        if data:
            crates = from_json(_inflated(data, file.path), _CrateList, what=file.path, max_bytes=MAX_LIST_BYTES)
            found += [_package(crate) for crate in crates.packages]
    return found


def _programs(file: ImageFile) -> list[Executable]:
    try:
        return list(executables_of(file.content, file.path))
    except InvalidInputError:
        return []  # broken headers are told of once, by the cataloger of Go programs


def _inflated(data: bytes, where: str) -> bytes:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data, MAX_LIST_BYTES + 1)
    except zlib.error as error:
        raise InvalidInputError(f"the list of crates cannot be inflated: {error}", where=where) from error
    if len(text) > MAX_LIST_BYTES:
        raise BoundExceededError("MAX_LIST_BYTES", MAX_LIST_BYTES, where=where)
    return text


def _package(crate: _Crate) -> Package:
    scope = Scope.BUILD if crate.kind == "build" else Scope.DEVELOPMENT if crate.kind == "dev" else Scope.RUNTIME
    return Package(kind=PackageKind.CARGO, name=crate.name, version=Version(crate.version), scope=scope)


def _mentioned(content: bytes) -> list[Package]:
    registry = _REGISTRY if content[:2] != b"MZ" else _REGISTRY.replace(b"/", b"\\")
    if registry not in content:  # five times as fast as the expression, and true of nearly every program
        return []
    found: dict[tuple[bytes, bytes], Package] = {}
    for match in _CRATE.finditer(content):
        name, version = match.groups()
        if match.groups() not in found:
            if len(found) == MAX_PACKAGES:
                break  # one more is refused by the harvest
            found[name, version] = Package(
                kind=PackageKind.CARGO,
                name=name.decode(),
                version=Version(version.decode()),
                basis=Basis.RECOGNISED,
            )
    return list(found.values())
