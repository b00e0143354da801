# SPDX-License-Identifier: Apache-2.0
"""Julia's `Manifest.toml`, formats 1 and 2: packages by name and UUID; those of a path are one's own."""

import re
from typing import Final

from tidegate.inventory import PackageKind
from tidegate.manifests.toml_document import read_toml
from tidegate.scan.cataloger import ReadBeside, Wants
from tidegate.scan.catalogers.locked.form import MAX_TREE_BYTES, LockedForm
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.tables import table, tables, text

_MANIFEST: Final = re.compile(r"(?:.*/)?(?:Julia)?Manifest(?:-v[0-9.]+)?\.toml")


def read_julia_manifest(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads entries with a UUID and a version; standard libraries that have no version come with Julia itself."""
    document = read_toml(gathering.content, where=gathering.path)
    for name, entries in table(document.get("deps", document)).items():
        for found in tables(entries):
            uuid, version = text(found.get("uuid")), text(found.get("version"))
            if uuid and version and "path" not in found:
                url = text(found.get("repo-url"))
                vcs = f"git+{url}@{text(found.get('git-tree-sha1'))}" if url else ""
                gathering.add(PackageKind.JULIA, name, version, qualifiers={"uuid": uuid, "vcs_url": vcs})


JULIA_MANIFEST: Final = LockedForm(
    name="julia-manifest",
    wants=Wants(suffixes=frozenset({".toml"}), max_bytes=MAX_TREE_BYTES),
    read=read_julia_manifest,
    suits=lambda path: _MANIFEST.fullmatch(path) is not None,
)
