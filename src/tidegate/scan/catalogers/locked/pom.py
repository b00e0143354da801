# SPDX-License-Identifier: Apache-2.0
"""Maven's `pom.xml`: dependencies with properties, management and parents, as far as the sources themselves tell.

A parent, or a bill of materials, that only a repository has is not asked for: what it decides is left open.
"""

import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element  # the type only

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, PackageKind, Scope
from tidegate.manifests.xml_document import child, children, read_xml, said, tag
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.form import LockedForm, named, neighbour
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.values import Struct, field

MAX_PARENTS: Final = 16
MAX_REPLACEMENTS: Final = 64
"""Properties put into one text, those of properties included."""
MAX_TEXT_CHARS: Final = 1024

_SCOPES: Final = {"test": Scope.TEST, "provided": Scope.BUILD}
_PROPERTY: Final = re.compile(r"\$\{([^${}]{1,200})\}")
_EXACT: Final = re.compile(r"\[([^,\[\]()]+)\]")
_OWN_VERSION: Final = frozenset({"${project.version}", "${pom.version}", "${version}", "${revision}"})


class _Project(Struct):
    """A project with what it inherits.

    Attributes:
        managed: `group:artifact` → version and scope, as `dependencyManagement` decides.
    """

    properties: dict[str, str] = field(default_factory=dict)
    managed: dict[str, tuple[str, str]] = field(default_factory=dict)
    dependencies: list[Element] = field(default_factory=list)

    def filled(self, text: str) -> str:
        """A text with its properties put in; "" when one is unknown, or there is no end to them."""
        for _ in range(MAX_REPLACEMENTS):
            found = _PROPERTY.search(text)
            if found is None:
                return text if "${" not in text else ""
            if found[1] not in self.properties:
                return ""
            text = text[: found.start()] + self.properties[found[1]] + text[found.end() :]
            if len(text) > MAX_TEXT_CHARS:
                return ""
        return ""


def read_pom(gathering: Gathering, beside: ReadBeside) -> None:
    """Reads the dependencies of one project, and those its parents in the same sources give it.

    Raises:
        InvalidInputError: it is no project of Maven's.
    """
    root = read_xml(gathering.content, where=gathering.path)
    if tag(root) != "project":
        raise InvalidInputError("no project of Maven's", where=gathering.path)
    project = _inherited(list(_lineage(root, gathering.path, beside)))
    group = project.properties.get("project.groupId", "")
    for dependency in project.dependencies:
        _add(gathering, dependency, project, group)


def _add(gathering: Gathering, dependency: Element, project: _Project, own_group: str) -> None:
    name = project.filled(f"{said(dependency, 'groupId')}:{said(dependency, 'artifactId')}")
    written = said(dependency, "version")
    if name.partition(":")[0] == own_group and written in _OWN_VERSION:
        return  # another module of the same sources
    managed_version, managed_scope = project.managed.get(name, ("", ""))
    version = project.filled(written or managed_version)
    exact = _EXACT.fullmatch(version)
    version = exact[1].strip() if exact else version
    if not name or not version:
        gathering.left_open(name or said(dependency, "artifactId"))
    elif version[0] not in "[(":
        scope = said(dependency, "scope") or managed_scope
        is_optional = said(dependency, "optional") == "true"
        gathering.add(
            PackageKind.MAVEN,
            name,
            version,
            scope=_SCOPES.get(scope, Scope.OPTIONAL if is_optional else Scope.RUNTIME),
        )


def _lineage(root: Element, path: str, beside: ReadBeside) -> Iterator[Element]:
    """The project, its parent and so on, while they lie in the same sources and are who they are said to be."""
    for _ in range(MAX_PARENTS):
        yield root
        parent = child(root, "parent")
        if parent is None:
            return
        place = child(parent, "relativePath")
        path = neighbour(path, "../pom.xml" if place is None else (place.text or "").strip())
        if path and not path.endswith(".xml"):
            path += "/pom.xml"
        content = beside(path) if path else None
        if content is None or len(content) > POM.wants.max_bytes:
            return
        try:
            root = read_xml(content, where=path)
        except InvalidInputError:
            return
        if said(root, "artifactId") != said(parent, "artifactId"):
            return


def _inherited(lineage: list[Element]) -> _Project:
    project = _Project()
    seen: set[str] = set()
    for root in lineage:
        parent = child(root, "parent")
        own = {
            **_coordinates(root, parent),
            **{tag(it): (it.text or "").strip() for it in child(root, "properties") or ()},
        }
        project.properties = {**own, **project.properties}
        for dependency in children(child(root, "dependencies"), "dependency"):
            name = f"{said(dependency, 'groupId')}:{said(dependency, 'artifactId')}:{said(dependency, 'classifier')}"
            if name not in seen:
                seen.add(name)
                project.dependencies.append(dependency)
    for root in lineage:
        for it in children(child(child(root, "dependencyManagement"), "dependencies"), "dependency"):
            name = project.filled(f"{said(it, 'groupId')}:{said(it, 'artifactId')}")
            project.managed.setdefault(name, (said(it, "version"), said(it, "scope")))
    return project


def _coordinates(root: Element, parent: Element | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for key in ("groupId", "version", "artifactId"):
        above = said(parent, key)
        value = said(root, key) or ("" if key == "artifactId" else above)
        found.update({f"project.{key}": value, f"pom.{key}": value, f"project.parent.{key}": above})
    return {key: value for key, value in found.items() if value}


POM: Final = LockedForm(name="pom", wants=named("pom.xml", max_bytes=8 * MIB), read=read_pom, basis=Basis.DECLARED)
