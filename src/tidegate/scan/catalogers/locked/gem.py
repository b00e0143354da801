# SPDX-License-Identifier: Apache-2.0
"""`Gemfile.lock` and `gems.locked` of Bundler: gems of servers and repositories; those of paths are one's own."""

import re
from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.checksums import hexadecimal
from tidegate.scan.catalogers.locked.form import LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering

_SPEC: Final = re.compile(r" {4}([^\s()]+) \(([^\s()]+)\)(?: |\Z)")
_SUM: Final = re.compile(r" {2}([^\s()]+) \(([^\s()]+)\) (sha256)=([0-9a-f]+)")
_PLATFORM: Final = re.compile(r"-(?:x86|x64|arm|aarch64|universal|java|jruby|mswin|mingw|ruby|linux|darwin|powerpc)")
_SOURCES: Final = frozenset({"GEM", "GIT", "PLUGIN SOURCE"})
_SECTION: Final = re.compile(r"[A-Z][A-Z ]+")


def read_gemfile_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads the `specs` of each source; gems of several platforms are one.

    Raises:
        InvalidInputError: it is no lock file of Bundler.
    """
    lines = gathering.content.decode("utf-8-sig", errors="replace").splitlines()
    sums: dict[tuple[str, str], list[str]] = {}
    for found in filter(None, map(_SUM.match, lines)):
        sums.setdefault((found[1], _version(found[2])), []).extend(hexadecimal(found[4], found[3]))
    section, remote, revision, has_sections = "", "", "", False
    for line in lines:
        if _SECTION.fullmatch(line):
            section, remote, revision, has_sections = line, "", "", True
        elif line.startswith("  remote: "):
            remote = line.removeprefix("  remote: ").strip()
        elif line.startswith("  revision: "):
            revision = line.removeprefix("  revision: ").strip()
        elif section in _SOURCES and (spec := _SPEC.match(line)):
            version = _version(spec[2])
            vcs = {"vcs_url": f"git+{remote}@{revision}"} if section == "GIT" and remote else {}
            gathering.add(PackageKind.GEM, spec[1], version, checksums=sums.get((spec[1], version), ()), qualifiers=vcs)
    if not has_sections:
        raise InvalidInputError("no lock file of Bundler", where=gathering.path)


def _version(text: str) -> str:
    """A version without the platform that its archive was built for."""
    found = _PLATFORM.search(text)
    return text[: found.start()] if found else text


GEMFILE_LOCK: Final = LockedForm(
    name="gemfile-lock", wants=named("Gemfile.lock", "gems.locked"), read=read_gemfile_lock
)
