# SPDX-License-Identifier: Apache-2.0
"""conda: `environment.yml` (exact versions only) and `conda-lock.yml`; what pip brings in is Python's."""

import re
from typing import Any, Final

from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, PackageKind, Scope
from tidegate.inventory.python_name import normalised
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.checksums import hexadecimal
from tidegate.scan.catalogers.locked.form import MAX_TREE_BYTES, LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.python_names import pinned, scope_of_group
from tidegate.scan.catalogers.locked.tables import items, table, tables, text, texts
from tidegate.scan.catalogers.locked.yaml_form import read_yaml

_SPEC: Final = re.compile(r"(?:([\w./-]{1,200})::)?([\w.-]{1,200}) *(==?) *([\w.!+]{1,100})(?:=([\w.*]{1,100}))?")
_EXACT_DOTS: Final = 2
"""`name=1.2` means 1.2 and all that begins so; three numbers are as good as exact."""


def read_environment(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `dependencies`.

    Raises:
        InvalidInputError: it is not YAML.
    """
    document = table(next(iter(read_yaml(gathering.content, where=gathering.path)), None))
    for it in items(document.get("dependencies")):
        if isinstance(it, str):
            _add_spec(gathering, it)
        for requirement in texts(table(it).get("pip")):
            found = pinned(requirement)
            if found:
                name = normalised(found.name)
                gathering.add(PackageKind.PYPI, name, found.version, qualifiers=found.qualifiers)


def _add_spec(gathering: Gathering, spec: str) -> None:
    found = _SPEC.fullmatch(spec.strip())
    if found is None:
        return
    channel, name, equals, version, build = (part or "" for part in found.groups())
    if equals == "==" or build or version.count(".") >= _EXACT_DOTS:
        gathering.add(PackageKind.CONDA, name.lower(), version, qualifiers={"channel": channel, "build": build})


def read_conda_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `package`; one of several platforms is one.

    Raises:
        InvalidInputError: it is no lock file of conda-lock.
    """
    document = table(next(iter(read_yaml(gathering.content, where=gathering.path)), None))
    if "package" not in document:
        raise InvalidInputError("no lock file of conda-lock", where=gathering.path)
    for it in tables(document["package"]):
        is_python = text(it.get("manager")) == "pip"
        name = text(it.get("name"))
        gathering.add(
            PackageKind.PYPI if is_python else PackageKind.CONDA,
            normalised(name) if is_python else name,
            text(it.get("version")),
            scope=_scope(it),
            checksums=[
                sum_ for key, digits in table(it.get("hash")).items() for sum_ in hexadecimal(text(digits), key)
            ],
        )


def _scope(it: dict[str, Any]) -> Scope:
    category = text(it.get("category")) or "main"
    if category != "main":
        return scope_of_group(category)
    return Scope.OPTIONAL if text(it.get("optional")) == "true" else Scope.RUNTIME


CONDA_ENVIRONMENT: Final = LockedForm(
    name="conda-environment",
    wants=named("environment.yml", "environment.yaml", max_bytes=MAX_TREE_BYTES),
    read=read_environment,
    basis=Basis.DECLARED,
)
CONDA_LOCK: Final = LockedForm(
    name="conda-lock", wants=named("conda-lock.yml", max_bytes=MAX_TREE_BYTES), read=read_conda_lock
)
