# SPDX-License-Identifier: Apache-2.0
"""Requirements of Python as manifests write them (PEP 508): which are pinned, to what, and from where."""

import re
from typing import Final

from tidegate.inventory import Scope
from tidegate.values import Struct, field

MAX_REQUIREMENT_CHARS: Final = 4096

_REQUIREMENT: Final = re.compile(
    r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?)\s*(?:\[[^\[\]]{0,1000}\])?\s*(?:@\s*(\S+)|\(?([^;@()]*)\)?)"
)
_PIN: Final = re.compile(r"={2,3}\s*v?([0-9A-Za-z.!+_-]+)\s*\Z")
_REPOSITORIES: Final = ("git+", "hg+", "svn+", "bzr+")
_MAX_FILE_CHARS: Final = 512
"""Of the name of a wheel or an archive: looking for the version in it costs the square of its length."""
_FILE_VERSION: Final = re.compile(r"[^-/]+-([0-9][0-9A-Za-z.!+_]*)(?:-[^/]*\.whl|\.tar\.gz|\.zip|\.tar\.bz2)\Z")
_WORDS: Final = re.compile(r"[-_. /]+")
_TEST: Final = frozenset({"test", "tests", "testing", "pytest", "tox", "coverage"})
_DEVELOPMENT: Final = frozenset({"dev", "devel", "develop", "development", "lint", "linting", "docs", "doc", "typing"})


class Pinned(Struct, frozen=True, kw_only=True):
    """One requirement that names exactly one version, or one place."""

    name: str
    version: str
    qualifiers: dict[str, str] = field(default_factory=dict)


def pinned(requirement: str) -> Pinned | None:
    """Reads a requirement; None when it leaves the version open."""
    if len(requirement) > MAX_REQUIREMENT_CHARS:
        return None
    found = _REQUIREMENT.match(requirement)
    if found is None:
        return None
    name, url, specifiers = found.groups()
    if url:
        return from_url(url, name)
    for specifier in specifiers.split(","):
        pin = _PIN.match(specifier.strip())
        if pin:
            return Pinned(name=name, version=pin[1])
    return None


def from_url(url: str, name: str = "") -> Pinned | None:
    """Reads an address of a repository or an archive; None when it tells no version or no name."""
    address, _, fragment = url.partition("#")
    if not name:
        name = next((it[4:] for it in fragment.split("&") if it.startswith("egg=")), "").partition("[")[0]
    if url.startswith(_REPOSITORIES):
        _, _, tail = address.partition("://")
        version = tail.rpartition("/")[2].partition("@")[2]
        qualifiers = {"vcs_url": address}
    elif "://" in url and not url.startswith("file:"):
        file = address.rpartition("/")[2]
        found = _FILE_VERSION.search(file) if len(file) <= _MAX_FILE_CHARS else None
        version = found[1] if found else ""
        qualifiers = {"download_url": address}
    else:
        return None
    return Pinned(name=name, version=version, qualifiers=qualifiers) if name and version else None


def scope_of_group(name: str) -> Scope:
    """What a group of requirements is for, by its name: `test`, `dev-tools`; OPTIONAL when it does not tell."""
    words = set(_WORDS.split(name.lower()))
    if words & _TEST:
        return Scope.TEST
    return Scope.DEVELOPMENT if words & _DEVELOPMENT else Scope.OPTIONAL
