# SPDX-License-Identifier: Apache-2.0
"""Which operating system a layer says it is: os-release(5), and what came before it where that is missing."""

import re
import shlex
from collections.abc import Iterable
from typing import Final

from tidegate.bounds import KIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts, OsRelease
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import MAX_FIELD_CHARS

PRECEDENCE: Final = (
    "etc/os-release",
    "usr/lib/os-release",
    "etc/alpine-release",
    "etc/redhat-release",
    "etc/debian_version",
)
"""Where an operating system is named, the most telling first."""
_MAX_WRITTEN_CHARS: Final = 4 * MAX_FIELD_CHARS
"""Of a value with its quotes and backslashes: taking them off costs the square of its length."""
_NAMED_BY_TEXT: Final = (
    ("red hat enterprise linux", "rhel"),
    ("centos", "centos"),
    ("almalinux", "almalinux"),
    ("rocky linux", "rocky"),
    ("oracle linux", "ol"),
    ("fedora", "fedora"),
)
_RELEASE: Final = re.compile(r"(.{1,80}?) release (\d[\d.]*)")
_VERSION: Final = re.compile(r"\d[\w.~-]*")
_ID: Final = re.compile(r"[a-z0-9._-]{1,64}")


class OsReleaseCataloger:
    """Reads the files that name an operating system."""

    name = "os-release"
    version = 2
    wants = Wants(paths=frozenset(PRECEDENCE), max_bytes=64 * KIB)

    def accepts(self, path: str) -> bool:
        """True for the few known places."""
        return path in PRECEDENCE

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one of them.

        Raises:
            InvalidInputError: it names no operating system.
        """
        text = file.content.decode(errors="replace")
        base = file.path.rpartition("/")[2]
        readers = {"alpine-release": _alpine, "redhat-release": _red_hat, "debian_version": _debian}
        release = readers.get(base, parse_os_release)(text)
        if release is None:
            raise InvalidInputError("names no operating system", where=file.path)
        return FileFacts(path=file.path, cataloger=self.name, os_release=release)


def chosen_os_release(files: Iterable[FileFacts]) -> OsRelease | None:
    """The operating system of an image, from the facts of the files its layers leave visible; see `PRECEDENCE`."""
    named = {file.path: file.os_release for file in files if file.os_release is not None}
    return next((named[path] for path in PRECEDENCE if path in named), None)


def parse_os_release(text: str) -> OsRelease | None:
    """Reads os-release(5): shell-like assignments, quotes and backslashes understood, nothing expanded.

    Returns:
        None when there is no assignment in it at all, or its ID is none.
    """
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            fields[name] = _unquoted(value[:_MAX_WRITTEN_CHARS])[:MAX_FIELD_CHARS]
    identity = fields.get("ID", "linux").lower()
    if not fields or not _ID.fullmatch(identity):
        return None
    return OsRelease(
        id=identity,
        version_id=fields.get("VERSION_ID", ""),
        version_codename=fields.get("VERSION_CODENAME", ""),
        name=fields.get("NAME", ""),
        pretty_name=fields.get("PRETTY_NAME", ""),
        id_like=tuple(fields.get("ID_LIKE", "").lower().split()),
        cpe_name=fields.get("CPE_NAME", ""),
    )


def _unquoted(value: str) -> str:
    if not value or (value[0] not in "\"'" and "\\" not in value):
        return value
    try:
        return "".join(shlex.split(value)[:1])
    except ValueError:  # a quote without its end
        return value.strip("\"'")


def _alpine(text: str) -> OsRelease | None:
    version = text.strip()
    fits = _VERSION.fullmatch(version[:MAX_FIELD_CHARS])
    return OsRelease(id="alpine", version_id=version, name="Alpine Linux") if fits else None


def _debian(text: str) -> OsRelease | None:
    version = text.strip()[:MAX_FIELD_CHARS]
    if _VERSION.fullmatch(version):
        return OsRelease(id="debian", version_id=version.partition(".")[0], name="Debian GNU/Linux")
    codename, slash, _ = version.partition("/")  # bookworm/sid
    fits = slash and _ID.fullmatch(codename)
    return OsRelease(id="debian", version_codename=codename, name="Debian GNU/Linux") if fits else None


def _red_hat(text: str) -> OsRelease | None:
    found = _RELEASE.match(text.strip())
    if found is None:
        return None
    name, version = found.groups()
    ids = (identity for start, identity in _NAMED_BY_TEXT if name.lower().startswith(start))
    identity = next(ids, None)
    return OsRelease(id=identity, version_id=version, name=name) if identity else None
