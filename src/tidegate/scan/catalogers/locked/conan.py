# SPDX-License-Identifier: Apache-2.0
"""Conan: `conan.lock` of versions 1 (a graph) and 2 (lists), and `conanfile.txt`."""

import re
from typing import Final

from tidegate.inventory import Basis, PackageKind, Scope
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.form import LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.json_form import Raw, decoded, entry
from tidegate.values import Struct, field

_REFERENCE: Final = re.compile(
    r"([^/@#\s]{1,200})/([^/@#\s\[]{1,200})(?:@(?:([^/@#\s]{0,100})/([^/@#%\s]{0,100}))?)?(?:#([^%:\s]{0,100}))?[%:]?.*"
)
_SECTIONS: Final = {
    "requires": Scope.RUNTIME,
    "build_requires": Scope.BUILD,
    "tool_requires": Scope.BUILD,
    "test_requires": Scope.TEST,
}


class _Node(Struct, frozen=True):
    ref: str = ""
    path: str | None = None
    context: str = "host"


class _Graph(Struct, frozen=True):
    nodes: dict[str, Raw] = field(default_factory=dict)


class _Document(Struct, frozen=True):
    version: str
    graph: _Graph | None = field(default=None, name="graph_lock")
    requires: list[str] | None = None
    build: list[str] | None = field(default=None, name="build_requires")
    python: list[str] | None = field(default=None, name="python_requires")


def read_conan_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads the graph's nodes, or the lists.

    Raises:
        InvalidInputError: it is no lock file of Conan.
    """
    document = decoded(gathering.content, _Document, where=gathering.path)
    for key, raw in (document.graph.nodes if document.graph else {}).items():
        node = entry(gathering, f"node {key}", raw, _Node)
        if node and node.ref and not node.path:
            _add(gathering, node.ref, Scope.BUILD if node.context == "build" else Scope.RUNTIME)
    for references, scope in (
        (document.requires, Scope.RUNTIME),
        (document.build, Scope.BUILD),
        (document.python, Scope.BUILD),
    ):
        for reference in references or ():
            _add(gathering, reference, scope)


def read_conanfile(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads references without a range."""
    scope: Scope | None = None
    for line in gathering.content.decode(errors="replace").splitlines():
        written = line.partition(" #")[0].strip()
        if written.startswith("["):
            scope = _SECTIONS.get(written.strip("[]"))
        elif scope and written and "[" not in written and not written.startswith("#"):
            _add(gathering, written, scope)


def _add(gathering: Gathering, reference: str, scope: Scope) -> None:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        gathering.defect(f"not a reference of Conan's: {reference[:80]}")
        return
    name, version, user, channel, revision = (part or "" for part in found.groups())
    qualifiers = {"user": user.strip("_"), "channel": channel.strip("_"), "rrev": "" if revision == "0" else revision}
    gathering.add(PackageKind.CONAN, name, version, scope=scope, qualifiers=qualifiers)


CONAN_LOCK: Final = LockedForm(name="conan-lock", wants=named("conan.lock"), read=read_conan_lock)
CONANFILE: Final = LockedForm(name="conanfile", wants=named("conanfile.txt"), read=read_conanfile, basis=Basis.DECLARED)
