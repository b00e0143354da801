# SPDX-License-Identifier: Apache-2.0
"""Pins that a Python project declares itself: `pyproject.toml` (PEP 621, 735, poetry's own), `setup.py`, `setup.cfg`.

`setup.py` is a program: it is not run, only the requirements that stand in it as texts are read.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from tidegate.bounds import MIB
from tidegate.inventory import Basis, PackageKind, Scope
from tidegate.inventory.python_name import normalised
from tidegate.manifests.toml_document import read_toml
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.form import LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.python_names import pinned, scope_of_group
from tidegate.scan.catalogers.locked.tables import table, text, texts

_QUOTED: Final = re.compile(
    r"""["'] {0,8}([A-Za-z0-9][\w.-]{0,200} {0,8}(?:\[[^\]"'\n]{0,200}\])?"""
    r""" {0,8}={2,3} {0,8}v?[0-9][^"'\n;,]{0,100})["';,]"""
)
_VERSION: Final = re.compile(r"={0,3}\s*([0-9][0-9A-Za-z.!+_-]*)\Z")
_SECTION: Final = re.compile(r"\[([^\]]{1,200})\]\s*\Z")


def read_pyproject(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads dependencies, extras, groups and what the build needs."""
    document = read_toml(gathering.content, where=gathering.path)
    project = table(document.get("project"))
    _add(gathering, texts(project.get("dependencies")), Scope.RUNTIME)
    for extra, wanted in table(project.get("optional-dependencies")).items():
        _add(gathering, texts(wanted), scope_of_group(extra))
    for group, wanted in table(document.get("dependency-groups")).items():
        _add(gathering, texts(wanted), _group_scope(group))
    _add(gathering, texts(table(document.get("build-system")).get("requires")), Scope.BUILD)
    _read_poetry(gathering, table(table(document.get("tool")).get("poetry")))


def _read_poetry(gathering: Gathering, poetry: dict[str, Any]) -> None:
    _add(gathering, _of_poetry(poetry.get("dependencies")), Scope.RUNTIME)
    _add(gathering, _of_poetry(poetry.get("dev-dependencies")), Scope.DEVELOPMENT)
    for group, body in table(poetry.get("group")).items():
        _add(gathering, _of_poetry(table(body).get("dependencies")), _group_scope(group))


def _of_poetry(wanted: Any) -> Iterator[str]:
    """Poetry means "at least" by a bare version; only `==1.0` is a pin."""
    for name, it in table(wanted).items():
        version = text(it) or text(table(it).get("version"))
        if name != "python" and version.startswith("=") and _VERSION.match(version):
            yield f"{name}=={version.lstrip('= ')}"


def read_setup_py(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads quoted requirements with a pin."""
    found = _QUOTED.finditer(gathering.content.decode(errors="replace"))
    _add(gathering, (it[1] for it in found), Scope.RUNTIME)


def read_setup_cfg(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads pinned lines of `install_requires`, `setup_requires`, `tests_require` and extras."""
    section, key = "", ""
    for line in gathering.content.decode(errors="replace").splitlines():
        head = _SECTION.match(line.strip())
        if head and not line[:1].isspace():
            section, key = head[1], ""
            continue
        if line and not line[0].isspace():
            key, equals, line = line.partition("=")  # noqa: PLW2901 - what follows on the same line is its first value
            key = key.strip() if equals else ""
        scope = _setup_scope(section, key)
        if scope is not None:
            _add(gathering, (line.strip(),), scope)


def _setup_scope(section: str, key: str) -> Scope | None:
    if section == "options.extras_require":
        return scope_of_group(key)
    if section != "options":
        return None
    return {"install_requires": Scope.RUNTIME, "setup_requires": Scope.BUILD, "tests_require": Scope.TEST}.get(key)


def _group_scope(name: str) -> Scope:
    scope = scope_of_group(name)
    return Scope.DEVELOPMENT if scope is Scope.OPTIONAL else scope


def _add(gathering: Gathering, requirements: Iterable[str], scope: Scope) -> None:
    for requirement in requirements:
        found = pinned(requirement)
        if found:
            gathering.add(
                PackageKind.PYPI, normalised(found.name), found.version, scope=scope, qualifiers=found.qualifiers
            )


PYPROJECT: Final = LockedForm(
    name="pyproject", wants=named("pyproject.toml", max_bytes=4 * MIB), read=read_pyproject, basis=Basis.DECLARED
)
SETUP_PY: Final = LockedForm(
    name="setup-py", wants=named("setup.py", max_bytes=MIB), read=read_setup_py, basis=Basis.DECLARED
)
SETUP_CFG: Final = LockedForm(
    name="setup-cfg", wants=named("setup.cfg", max_bytes=4 * MIB), read=read_setup_cfg, basis=Basis.DECLARED
)
