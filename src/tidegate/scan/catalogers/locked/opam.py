# SPDX-License-Identifier: Apache-2.0
"""OCaml's `*.opam.locked`: dependencies with exactly one version."""

import re
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind, Scope
from tidegate.scan.cataloger import ReadBeside, Wants
from tidegate.scan.catalogers.locked.form import LockedForm
from tidegate.scan.catalogers.locked.gathering import Gathering

_LOCKED: Final = re.compile(r'"([A-Za-z0-9_+-]{1,200})"\s{0,100}\{([^{}]{0,500})\}')
_VERSION: Final = re.compile(r'(?<![<>!])= *"([^"\s]{1,200})"')
_SCOPES: Final = (
    ("with-test", Scope.TEST),
    ("with-doc", Scope.DEVELOPMENT),
    ("with-dev-setup", Scope.DEVELOPMENT),
    ("build", Scope.BUILD),
)


def read_opam_locked(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `depends`.

    Raises:
        InvalidInputError: it is no file of opam's.
    """
    content = gathering.content.decode(errors="replace")
    if "opam-version:" not in content:
        raise InvalidInputError("no file of opam's", where=gathering.path)
    block = content.partition("\ndepends:")[2].partition("\n]")[0]
    for name, conditions in _LOCKED.findall(block):
        version = _VERSION.search(conditions)
        if version:
            scope = next((it for word, it in _SCOPES if word in conditions), Scope.RUNTIME)
            gathering.add(PackageKind.OPAM, name, version[1], scope=scope)


OPAM_LOCKED: Final = LockedForm(
    name="opam-locked",
    wants=Wants(suffixes=frozenset({".locked"}), max_bytes=4 * MIB),
    read=read_opam_locked,
    suits=lambda path: path.endswith(".opam.locked"),
)
