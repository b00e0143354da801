# SPDX-License-Identifier: Apache-2.0
"""Installed packages of Debian, Ubuntu and their kin: dpkg's status database (deb822(5), dpkg-query(1)).

Whole distributions keep one `status` file, and for each package a list of paths and the sums of its files; minimal
images (distroless) keep one status paragraph a package in `status.d`, with the sums beside it. Sums of configuration
files stand in the status. What dpkg lays elsewhere (dpkg-divert(1)) or leaves out (dpkg(1), `path-exclude`) is read
too: without it a file would seem foreign or missing.
"""

from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError
from tidegate.inventory import Diversion, FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.fields import paragraphs
from tidegate.scan.catalogers.harvest import MAX_PATHS, Harvest
from tidegate.scan.catalogers.stated_sums import packed_hex, text_lines
from tidegate.scan.catalogers.supplier import supplier_of
from tidegate.values import replace

MAX_PATTERNS: Final = 1_000
"""Patterns of paths that are left out, in one file."""
MAX_PATTERN_CHARS: Final = 1_024

_STATUS: Final = "var/lib/dpkg/status"
_DIVERSIONS: Final = "var/lib/dpkg/diversions"
_SETTINGS: Final = "etc/dpkg/dpkg.cfg"
_SETTINGS_FOLDER: Final = "etc/dpkg/dpkg.cfg.d"
_STATUS_FOLDER: Final = "var/lib/dpkg/status.d"
_INFO_FOLDER: Final = "var/lib/dpkg/info"
_LIST: Final = ".list"
_SUMS: Final = ".md5sums"
_CONFFILES: Final = b"conffiles"
_FIELDS: Final = frozenset({b"package", b"status", b"version", b"source", b"architecture", b"maintainer", _CONFFILES})
_GONE: Final = frozenset({"not-installed", "config-files"})
"""States in which none of a package's programs is left; every other state has files on the disk."""
_SUM_CHARS: Final = 32
_PATH_AT: Final = 34
_ADMINISTRATOR: Final = ":"


class DpkgCataloger:
    """Reads `var/lib/dpkg`: status, status.d, the path lists and sums in info, diversions; and dpkg's settings."""

    name = "dpkg"
    version = 2
    wants = Wants(
        paths=frozenset({_STATUS, _DIVERSIONS, _SETTINGS}),
        folders=frozenset({_STATUS_FOLDER, _INFO_FOLDER, _SETTINGS_FOLDER}),
        max_bytes=32 * MIB,
    )

    def accepts(self, path: str) -> bool:
        """True for the status files, the path lists and what changes them; not for the scripts beside them."""
        folder, _, base = path.rpartition("/")
        if folder == _INFO_FOLDER:
            return base.endswith((_LIST, _SUMS))
        return path in self.wants.paths or (folder in {_STATUS_FOLDER, _SETTINGS_FOLDER} and bool(base))

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads packages of a status file, or the paths of one package, or where paths are otherwise.

        Raises:
            PartialError: an entry has no name or no version.
            InvalidInputError: no entry could be read, or a bound is exceeded.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        folder, _, base = file.path.rpartition("/")
        if file.path == _DIVERSIONS:
            return replace(harvest.facts(), diversions=_diversions(_lines(file)))
        if file.path == _SETTINGS or folder == _SETTINGS_FOLDER:
            return replace(harvest.facts(), left_out=_left_out(_lines(file)))
        if file.path != _STATUS and base.endswith(_LIST):
            harvest.own(_package_of(base, _LIST), _listed(_lines(file)))
        elif file.path != _STATUS and base.endswith(_SUMS):
            _own_summed(_package_of(base, _SUMS), _lines(file), harvest)
        else:
            _read_status(file.content, harvest)
        return harvest.facts()


def _lines(file: ImageFile) -> list[str]:
    if file.content.count(b"\n") > MAX_PATHS:
        raise BoundExceededError("MAX_PATHS", MAX_PATHS, where=file.path)
    return text_lines(file.content)


def _read_status(content: bytes, harvest: Harvest) -> None:
    found = False
    for fields in paragraphs(content, _FIELDS, whole={_CONFFILES}):
        found = True
        if fields.get("status", "").rpartition(" ")[2] not in _GONE:
            harvest.add(_package(fields))
            _own_configuration(fields, harvest)
    if not found and not content.isspace() and content:
        harvest.defect("no deb822 paragraph in it")


def _package(fields: dict[str, str]) -> Package:
    name, version = fields.get("package", ""), fields.get("version", "")
    source, _, rest = fields.get("source", "").partition(" ")
    source_version = rest.strip("() ")
    return Package(
        kind=PackageKind.DEB,
        name=name,
        version=Version(version),
        source_name="" if source == name else source,
        source_version="" if source_version == version else source_version,
        architecture=fields.get("architecture", ""),
        supplier=supplier_of(fields.get("maintainer", "")),
    )


def _own_configuration(fields: dict[str, str], harvest: Harvest) -> None:
    """Takes lines of a path, its MD5, and perhaps a flag such as `obsolete`: then it need not be there."""
    paths: list[str] = []
    sums: list[str] = []
    for line in fields.get("conffiles", "").split("\n"):
        path, _, last = line.rpartition(" ")
        while last in {"obsolete", "remove-on-upgrade"}:
            path, last = path.rpartition(" ")[0], ""
        if path.startswith("/"):
            paths.append(path.lstrip("/"))
            sums.append(last)
    checksums = packed_hex(sums, "md5")
    harvest.own(fields.get("package", ""), paths, algorithm="md5", checksums=checksums, configuration=paths)


def _package_of(base: str, suffix: str) -> str:
    return base.removesuffix(suffix).partition(":")[0]  # libc6:amd64.list


def _listed(lines: list[str]) -> list[str]:
    paths = [line.lstrip("/") for line in lines if line[:1] == "/" and line != "/."]
    # A folder is followed by what it holds; that is the only mark of a folder in this format.
    following = [*paths[1:], ""]
    return [path for path, after in zip(paths, following, strict=False) if not after.startswith(path + "/")]


def _own_summed(package: str, lines: list[str], harvest: Harvest) -> None:
    # An MD5 in hex, two columns of space, a path without its leading slash (some builders write one, or "./").
    paths: list[str] = []
    sums: list[str] = []
    for line in lines:
        path = line[_PATH_AT:] if line[_SUM_CHARS:_PATH_AT] == "  " else line.partition(" ")[2]
        if path[:1] in {".", "/", " "}:
            path = path.strip(" ").removeprefix("./").lstrip("/")
        if path:
            paths.append(path)
            sums.append(line[:_SUM_CHARS])
    harvest.own(package, paths, algorithm="md5", checksums=packed_hex(sums, "md5"))


def _diversions(lines: list[str]) -> tuple[Diversion, ...]:
    """Reads three lines for each: where it is said to be, where it is, and the package that asked for it."""
    rows = zip(lines[0::3], lines[1::3], lines[2::3], strict=False)
    return tuple(
        Diversion(path=old.lstrip("/"), moved_to=new.lstrip("/"), package="" if by == _ADMINISTRATOR else by)
        for old, new, by in rows
        if old.startswith("/") and new.startswith("/")
    )


def _left_out(lines: list[str]) -> tuple[str, ...]:
    patterns: list[str] = []
    for line in lines:
        name, value = _option(line)
        if name in {"path-exclude", "path-include"} and value.startswith("/") and len(value) <= MAX_PATTERN_CHARS:
            patterns.append(("!" if name == "path-include" else "") + value.lstrip("/"))
    if len(patterns) > MAX_PATTERNS:
        raise BoundExceededError("MAX_PATTERNS", MAX_PATTERNS, where="dpkg's settings")
    return tuple(patterns)


def _option(line: str) -> tuple[str, str]:
    """Name and value of `name=value` or `name value`, the value perhaps in quotes."""
    text = line.strip()
    name, equals, value = text.partition("=")
    if not equals or " " in name.strip():
        name, _, value = text.partition(" ")
    return name.strip(), value.strip().strip("\"'")
