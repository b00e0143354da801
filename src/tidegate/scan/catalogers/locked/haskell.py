# SPDX-License-Identifier: Apache-2.0
"""Haskell: `stack.yaml.lock` and `cabal.project.freeze`. A stack snapshot's packages are told by the snapshot only."""

import re
from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.form import MAX_TREE_BYTES, LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.tables import table, tables, text
from tidegate.scan.catalogers.locked.yaml_form import read_yaml

_HACKAGE: Final = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9]|-(?![0-9.]+(?:@|\Z)))*)-([0-9.]+)(?:@.*)?")
_FROZEN: Final = re.compile(r"(?:^|[\s,:])any\.([A-Za-z0-9-]{1,200}) *==([0-9.]{1,100})")


def read_stack_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `packages`. The sums there are of cabal files and trees, not of archives: they are left out.

    Raises:
        InvalidInputError: it is no lock file of stack.
    """
    document = table(next(iter(read_yaml(gathering.content, where=gathering.path)), None))
    if not document.keys() & {"packages", "snapshots"}:
        raise InvalidInputError("no lock file of stack", where=gathering.path)
    for it in tables(document.get("packages")):
        completed = table(it.get("completed"))
        hackage = text(completed.get("hackage"))
        found = _HACKAGE.fullmatch(hackage) if len(hackage) < 1000 else None  # noqa: PLR2004 - name, version and a sum
        name = found[1] if found else text(completed.get("name"))
        version = found[2] if found else text(completed.get("version"))
        git, url = text(completed.get("git")), text(completed.get("url"))
        vcs = {"vcs_url": f"git+{git}@{text(completed.get('commit'))}"} if git else {"download_url": url}
        gathering.add(PackageKind.HACKAGE, name, version, qualifiers=vcs)


def read_cabal_freeze(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads constraints on exactly one version.

    Raises:
        InvalidInputError: it is no freeze file of cabal.
    """
    content = gathering.content.decode(errors="replace")
    if "constraints:" not in content:
        raise InvalidInputError("no freeze file of cabal", where=gathering.path)
    for name, version in _FROZEN.findall(content):
        gathering.add(PackageKind.HACKAGE, name, version)


STACK_LOCK: Final = LockedForm(
    name="stack-lock", wants=named("stack.yaml.lock", max_bytes=MAX_TREE_BYTES), read=read_stack_lock
)
CABAL_FREEZE: Final = LockedForm(name="cabal-freeze", wants=named("cabal.project.freeze"), read=read_cabal_freeze)
