# SPDX-License-Identifier: Apache-2.0
"""`go.mod` and `go.work` (go.dev/ref/mod), with the sums of the `go.sum` beside.

From Go 1.17 on, go.mod names every module a build can need. An older one leaves out those that others bring along: for
them, go.sum's modules whose content was checked are taken. Replaced modules count as what they are replaced by, and one
replaced by a folder is the sources' own.
"""

import re
from collections.abc import Iterator
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, PackageKind
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.harvest import MAX_PACKAGES
from tidegate.scan.catalogers.locked.form import LockedForm, named, neighbour
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.values import Struct, field

STDLIB: Final = "stdlib"
"""What Go's vulnerability database calls the standard library."""

_WHOLE: Final = (1, 17)
_TOOLCHAINS: Final = (1, 21)
"""From this version on the `go` line is the least toolchain that builds the module, no longer a language version."""
_VERSION: Final = re.compile(r"(\d{1,4})\.(\d{1,4})[0-9A-Za-z.+-]{0,60}")

Module = tuple[str, str]
"""Path and version."""


class _GoMod(Struct):
    is_go: bool = False
    go: str = ""
    toolchain: str = ""
    required: list[Module] = field(default_factory=list)
    replaced: dict[Module, Module] = field(default_factory=dict)


def read_go_mod(gathering: Gathering, beside: ReadBeside) -> None:
    """Reads what is required, with its replacements.

    Raises:
        InvalidInputError: it is no file of Go's.
    """
    found = _parsed(gathering)
    sums = _sums(beside(neighbour(gathering.path, "go.sum")))
    wanted = list(found.required)
    if _number(found.go) < _WHOLE:
        known = {path for path, _ in wanted}
        wanted += [module for module in _newest(sums) if module[0] not in known]
    for module in wanted:
        path, version = found.replaced.get(module) or found.replaced.get((module[0], "")) or module
        if version:  # a folder has none
            checksum = sums.get((path, version))
            gathering.add(PackageKind.GOLANG, path, version, checksums=[checksum] if checksum else ())
    _add_toolchain(gathering, found)


def _add_toolchain(gathering: Gathering, found: _GoMod) -> None:
    chosen = found.toolchain.removeprefix("go")
    version = chosen if _VERSION.fullmatch(chosen) else found.go
    if _number(version) >= _TOOLCHAINS:
        gathering.add(PackageKind.GOLANG, STDLIB, version.partition("-")[0], basis=Basis.DECLARED)


def _parsed(gathering: Gathering) -> _GoMod:
    found = _GoMod()
    for verb, words in _directives(gathering.content.decode(errors="replace")):
        if verb in {"module", "go", "use"}:
            found.is_go = True
        if verb == "go" and words:
            found.go = words[0]
        elif verb == "toolchain" and words:
            found.toolchain = words[0]
        elif verb == "require":
            _take_required(gathering, found, words)
        elif verb == "replace":
            _take_replaced(gathering, found, words)
    if not found.is_go:
        raise InvalidInputError("no go.mod: it names no module", where=gathering.path)
    return found


def _take_required(gathering: Gathering, found: _GoMod, words: list[str]) -> None:
    if len(words) < 2:  # noqa: PLR2004 - path and version
        gathering.defect(f"require without a version: {' '.join(words)[:100]}")
    else:
        found.required.append((words[0], words[1]))


def _take_replaced(gathering: Gathering, found: _GoMod, words: list[str]) -> None:
    if "=>" not in words:
        gathering.defect(f"replace without an arrow: {' '.join(words)[:100]}")
        return
    arrow = words.index("=>")
    old, new = words[:arrow], words[arrow + 1 :]
    if old and new:
        found.replaced[old[0], old[1] if len(old) > 1 else ""] = (new[0], new[1] if len(new) > 1 else "")


def _directives(content: str) -> Iterator[tuple[str, list[str]]]:
    """Lines as a verb and its words, those of blocks included."""
    block = ""
    for line in content.splitlines():
        words = [word.strip('"`') for word in line.partition("//")[0].split()]
        if not words:
            continue
        if block:
            if words[0] == ")":
                block = ""
            else:
                yield block, words
        elif words[-1] == "(" or words[0].endswith("("):
            block = words[0].removesuffix("(")
        else:
            yield words[0], words[1:]


def _sums(content: bytes | None) -> dict[Module, str]:
    """The sums of modules' content; those of their go.mod alone are passed over."""
    sums: dict[Module, str] = {}
    for line in (content or b"").decode(errors="replace").splitlines():
        words = line.split()
        if len(words) == 3 and not words[1].endswith("/go.mod") and words[2].startswith("h1:"):  # noqa: PLR2004
            sums[words[0], words[1]] = words[2]
            if len(sums) >= MAX_PACKAGES:
                break
    return sums


def _newest(sums: dict[Module, str]) -> list[Module]:
    """The last version of each module: go.sum is sorted by it, and a build takes only one."""
    return list(dict(list(sums)).items())


def _number(version: str) -> tuple[int, int]:
    found = _VERSION.fullmatch(version) or re.fullmatch(r"(\d{1,4})\.(\d{1,4})", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


GO_MOD: Final = LockedForm(name="go-mod", wants=named("go.mod", max_bytes=4 * MIB), read=read_go_mod)
GO_WORK: Final = LockedForm(name="go-work", wants=named("go.work", max_bytes=4 * MIB), read=read_go_mod)
