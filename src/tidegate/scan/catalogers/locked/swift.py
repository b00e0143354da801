# SPDX-License-Identifier: Apache-2.0
"""Swift's `Package.resolved`, versions 1 to 3: packages named by their repositories, as OSV's SwiftURL names them."""

from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.form import LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.json_form import Raw, decoded, entry
from tidegate.values import Struct, field

_OWN: Final = frozenset({"localSourceControl", "fileSystem"})


class _State(Struct, frozen=True):
    version: str | None = None
    revision: str | None = None


class _Pin(Struct, frozen=True):
    state: _State
    identity: str = ""
    kind: str = ""
    location: str = ""
    url: str = field(default="", name="repositoryURL")


class _Pins(Struct, frozen=True):
    pins: list[Raw] | None = None


class _Document(Struct, frozen=True):
    pins: list[Raw] | None = None
    object: _Pins = field(default_factory=_Pins)


def read_package_resolved(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads the pins.

    Raises:
        InvalidInputError: it is not what Swift's package manager writes.
    """
    document = decoded(gathering.content, _Document, where=gathering.path)
    pins = document.object.pins if document.pins is None else document.pins
    if pins is None:
        raise InvalidInputError("no pins of Swift packages", where=gathering.path)
    for place, raw in enumerate(pins):
        found = entry(gathering, f"pin {place}", raw, _Pin)
        if found is None or found.kind in _OWN:
            continue
        url, revision = found.location or found.url, found.state.revision or ""
        name = repository_name(url) if url else found.identity
        vcs = {} if found.state.version or not url else {"vcs_url": f"git+{url}@{revision}"}
        gathering.add(PackageKind.SWIFT, name, found.state.version or revision, qualifiers=vcs)


def repository_name(url: str) -> str:
    """`https://host/owner/name.git` and `git@host:owner/name` as `host/owner/name`."""
    rest = url.partition("://")[2] or url.replace(":", "/", 1)
    host, slash, path = rest.partition("/")
    return (host.rpartition("@")[2].lower() + slash + path).rstrip("/").removesuffix(".git")


PACKAGE_RESOLVED: Final = LockedForm(name="swift-resolved", wants=named("Package.resolved"), read=read_package_resolved)
