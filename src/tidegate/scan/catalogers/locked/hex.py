# SPDX-License-Identifier: Apache-2.0
"""Elixir's `mix.lock` and Erlang's `rebar.lock`: terms of those languages, read by the shape of their entries."""

import re
from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.checksums import hexadecimal
from tidegate.scan.catalogers.locked.form import LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering

_MIX: Final = re.compile(r'\s*"([^"\s]{1,200})":\s*\{:(hex|git|path),\s*(.*)')
_MIX_HEX: Final = re.compile(r':"?([A-Za-z0-9_]+)"?,\s*"([^"]+)"')
_MIX_GIT: Final = re.compile(r'"([^"]+)",\s*"([0-9a-f]{7,64})"')
_LAST_SUM: Final = re.compile(r'"([0-9a-f]{64})"\s*\},?\s*\Z')
_REBAR_PACKAGE: Final = re.compile(r'\{pkg,\s*<<"([^"]{1,200})">>,\s*<<"([^"]{1,200})">>')
_REBAR_GIT: Final = re.compile(r'<<"([^"]{1,200})">>,\s*\{git,\s*"([^"]{1,500})",\s*\{(?:ref|tag),\s*"([^"]{1,200})"')
_REBAR_SUM: Final = re.compile(r'<<"([^"]{1,200})">>,\s*<<"([0-9A-F]{64})">>')


def read_mix_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads one entry a line; the last sum of an entry is that of the archive, and a path is one's own.

    Raises:
        InvalidInputError: it is no lock file of mix.
    """
    content = gathering.content.decode(errors="replace").strip()
    if not content.startswith("%{"):
        raise InvalidInputError("no lock file of mix", where=gathering.path)
    for line in content.removeprefix("%{").removesuffix("}").splitlines():
        head = _MIX.match(line)
        if head and head[2] == "path":
            continue
        form = (_MIX_HEX if head[2] == "hex" else _MIX_GIT).match(head[3]) if head else None
        if head and form and head[2] == "hex":
            last = _LAST_SUM.search(line)
            sums = hexadecimal(last[1], "sha256") if last else ()
            gathering.add(PackageKind.HEX, form[1], form[2], checksums=sums)
        elif head and form:
            gathering.add(PackageKind.HEX, head[1], form[2], qualifiers={"vcs_url": f"git+{form[1]}@{form[2]}"})
        elif line.strip():
            gathering.defect(f"not a locked dependency: {line.strip()[:80]}")


def read_rebar_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads packages, repositories, and the sums of the packages' archives (`pkg_hash_ext`).

    Raises:
        InvalidInputError: it is no lock file of rebar3.
    """
    content = gathering.content.decode(errors="replace")
    if not content.lstrip().startswith(("{", "[")) or not content.rstrip().endswith("."):
        raise InvalidInputError("no lock file of rebar3", where=gathering.path)
    sums = dict(_REBAR_SUM.findall(content.partition("pkg_hash_ext")[2]))
    for name, version in _REBAR_PACKAGE.findall(content):
        gathering.add(PackageKind.HEX, name, version, checksums=hexadecimal(sums.get(name, ""), "sha256"))
    for name, url, commit in _REBAR_GIT.findall(content):
        gathering.add(PackageKind.HEX, name, commit, qualifiers={"vcs_url": f"git+{url}@{commit}"})


MIX_LOCK: Final = LockedForm(name="mix-lock", wants=named("mix.lock"), read=read_mix_lock)
REBAR_LOCK: Final = LockedForm(name="rebar-lock", wants=named("rebar.lock"), read=read_rebar_lock)
