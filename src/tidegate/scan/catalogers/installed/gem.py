# SPDX-License-Identifier: Apache-2.0
"""Installed Ruby gems: the specifications RubyGems and Bundler keep, which are Ruby code that is read, never run.

RubyGems writes them in one form (`s.name = "rake".freeze`), which is read exactly; of one written by hand, plain
literals are. A version that only a program could work out leaves the specification out, unless the name of its folder
or file tells (`gems/rake-13.0.6`). A specification inside an installed gem is passed over: RubyGems has its own.
"""

import re
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import note, notes

MAX_SPECIFICATION_BYTES: Final = 4 * MIB
MAX_LINE_CHARS: Final = 65_536
MAX_TEXTS: Final = 100
"""Texts of one list: licences, authors."""

_SUFFIX: Final = ".gemspec"
_ASSIGNMENT: Final = re.compile(
    r"[ \t]*[a-z_]\w{0,40}\.(name|version|platform|licen[sc]e|licenses|author|authors|email)[ \t]*=(?!=)[ \t]*(.*)"
)
_TEXT: Final = re.compile(r'"([^"\\\n]{0,512})"|\'([^\'\\\n]{0,512})\'')
_WORDS: Final = re.compile(r"%w[\[({<]([^\])}>\n]{0,512})[\])}>]")
_CALL: Final = re.compile(r"(?:Gem::)?Version\.new[ (]?[ (]*")
_STUB: Final = re.compile(r"# stub: (\S{1,200}) (\S{1,200}) (\S{1,200}) ")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
_VERSION: Final = re.compile(r"\d+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z.]+)?")
_PLAIN_PLATFORM: Final = "ruby"


class GemCataloger:
    """Reads `*.gemspec`: of installed gems, of gems Bundler took from git, and of a gem in the making."""

    name = "gem"
    version = 1
    wants = Wants(suffixes=frozenset({_SUFFIX}), max_bytes=MAX_SPECIFICATION_BYTES)

    def accepts(self, path: str) -> bool:
        """True for RubyGems' own specifications and for those outside of installed gems."""
        if not path.endswith(_SUFFIX):
            return False
        return _is_installed(path) or "/bundler/gems/" in path or "/gems/" not in path

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one specification.

        Raises:
            InvalidInputError: RubyGems' own specification tells no name or no version.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        package = _package(file)
        if package is not None:
            harvest.add(package)
        elif _is_installed(file.path):
            raise InvalidInputError("no name or no version in a gem's specification", where=file.path)
        return harvest.facts()


def _is_installed(path: str) -> bool:
    folder = path.rpartition("/")[0]
    return folder.endswith(("/specifications", "/specifications/default")) or folder == "specifications"


def _package(file: ImageFile) -> Package | None:
    told = _assignments(file.content.decode(errors="replace"))
    installed = _is_installed(file.path)
    stem = file.path.rpartition("/")[2].removesuffix(_SUFFIX)
    name = _first(told, "name") or ("" if installed else stem)
    version, platform = _first(told, "version"), _first(told, "platform")
    if installed and not version:
        version = stem.removeprefix(f"{name}-") if name and stem.startswith(f"{name}-") else ""
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        return None
    return Package(
        kind=PackageKind.GEM,
        name=name,
        version=Version(version),
        licenses=notes((*told.get("license", ()), *told.get("licence", ()), *told.get("licenses", ()))),
        supplier=note(", ".join((*told.get("authors", ()), *told.get("author", ())))),
        qualifiers=(("platform", platform),) if platform != _PLAIN_PLATFORM and _NAME.fullmatch(platform) else (),
        basis=Basis.INSTALLED if installed or "/bundler/gems/" in file.path else Basis.DECLARED,
    )


def _assignments(text: str) -> dict[str, list[str]]:
    """Literals assigned to the fields that are wanted; the first assignment of a field counts."""
    told: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("# stub: "):
            found = _STUB.match(line)
            if found and "name" not in told:  # a second one names extensions
                told |= {"name": [found[1]], "version": [found[2]], "platform": [found[3]]}
            continue
        assigned = _ASSIGNMENT.match(line[:MAX_LINE_CHARS]) if "=" in line else None
        if assigned is not None and assigned[1] not in told:
            literals = _literals(assigned[2])
            if literals:
                told[assigned[1]] = literals
    return told


def _literals(value: str) -> list[str]:
    """Texts of a literal or a list of literals; none where anything else stands before the first."""
    called = _CALL.match(value)
    rest = value[called.end() :] if called else value.removeprefix("[").lstrip()
    if rest.startswith("%w"):
        words = _WORDS.match(rest)
        return words[1].split()[:MAX_TEXTS] if words else []
    if not _TEXT.match(rest):
        return []
    whole = rest if value.startswith("[") else rest[: MAX_LINE_CHARS if called else 600]
    found = [double or single for double, single in _TEXT.findall(whole)]
    return found[:MAX_TEXTS] if value.startswith("[") else found[:1]


def _first(told: dict[str, list[str]], field: str) -> str:
    return next(iter(told.get(field, ())), "").strip()
