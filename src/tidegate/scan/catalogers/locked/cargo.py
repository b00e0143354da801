# SPDX-License-Identifier: Apache-2.0
"""`Cargo.lock`, versions 1 to 4 (doc.rust-lang.org/cargo): a package without a source is the sources' own."""

from typing import Any, Final

from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind
from tidegate.manifests.toml_document import read_toml
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.checksums import hexadecimal
from tidegate.scan.catalogers.locked.form import MAX_TREE_BYTES, LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.tables import table, tables, text


def read_cargo_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `[[package]]`; the lock file does not tell what is for tests or builds alone.

    Raises:
        InvalidInputError: it is no lock file of cargo.
    """
    document = read_toml(gathering.content, where=gathering.path)
    if not document.keys() & {"package", "version", "root"}:
        raise InvalidInputError("no lock file of cargo", where=gathering.path)
    sums = table(document.get("metadata"))
    for package in tables(document.get("package")):
        source = text(package.get("source"))
        if source or "source" in package:
            gathering.add(
                PackageKind.CARGO,
                text(package.get("name")),
                text(package.get("version")),
                checksums=hexadecimal(_sum(package, sums), "sha256"),
                qualifiers={"vcs_url": source} if source.startswith("git+") else {},
            )


def _sum(package: dict[str, Any], sums: dict[str, Any]) -> str:
    """The checksum beside the package, or, in version 1, in one table for all."""
    key = f"checksum {package.get('name')} {package.get('version')} ({package.get('source')})"
    return text(package.get("checksum")) or text(sums.get(key))


CARGO_LOCK: Final = LockedForm(
    name="cargo-lock", wants=named("Cargo.lock", max_bytes=MAX_TREE_BYTES), read=read_cargo_lock
)
