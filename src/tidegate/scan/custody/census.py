# SPDX-License-Identifier: Apache-2.0
"""What checks of an image's configuration ask of its files: rights that reach too far, shells, package managers."""

from collections.abc import Iterable, Sequence
from typing import Final

from tidegate.inventory import LayerFacts, LinkKind
from tidegate.inventory.custody import Census
from tidegate.oci.squash import FOLDER, Overlay
from tidegate.scan.tree import TreeEntry

MAX_LISTED: Final = 5_000
"""Paths of one list."""

SHELLS: Final = frozenset({"sh", "ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "tcsh", "yash", "zsh"})
"""Programs a person could work in."""

PACKAGE_MANAGERS: Final = frozenset(
    (
        *("apk", "apt", "apt-get", "aptitude", "dpkg", "dnf", "dnf5", "microdnf", "opkg", "pacman", "rpm", "snap"),
        *("tdnf", "urpmi", "xbps-install", "yum", "zypper", "conda", "mamba", "micromamba", "cargo", "composer"),
        *("gem", "go", "npm", "npx", "nuget", "pip", "pip3", "pipx", "pnpm", "poetry", "uv", "yarn"),
    )
)
"""Programs that install packages."""

_FOLDERS: Final = ("bin", "sbin", "busybox")
"""Names of folders that programs lie in; the last is that of minimal images made to be looked into."""
_NAMES: Final = SHELLS | PACKAGE_MANAGERS
_SETID: Final = 0o6000
_STICKY: Final = 0o1000
_EXECUTE: Final = 0o111
_OTHERS_WRITE: Final = 0o002


class Counting:
    """Gathers a census while files and folders go by."""

    def __init__(self) -> None:
        self.files = 0
        self.bytes = 0
        self._setuid: list[str] = []
        self._writable: list[str] = []
        self._named: set[str] = set()

    def take(self, entry: TreeEntry) -> None:
        """Takes what is seen and stands out by its mode; files and bytes are counted by the caller."""
        mode, path = entry.mode, entry.path
        if entry.kind == FOLDER:
            if mode & _OTHERS_WRITE and not mode & _STICKY:
                self._writable.append(path)
            return
        if mode & _SETID and mode & _EXECUTE:
            self._setuid.append(path)
        if mode & _OTHERS_WRITE:
            self._writable.append(path)

    def name(self, path: str, base: str) -> None:
        """Takes a file that may be executed, or a link, by its name."""
        if base in _NAMES and path.rpartition("/")[0].rpartition("/")[2] in _FOLDERS:
            self._named.add(path)

    def name_links(self, layers: Sequence[LayerFacts], overlay: Overlay) -> None:
        """Takes links that are seen and lead to something."""
        for layer in layers:
            for link in layer.links:
                base = link.path.rpartition("/")[2]
                if link.kind is LinkKind.SYMBOLIC and base in _NAMES and overlay.content(link.path) is not None:
                    self.name(link.path, base)

    def census(self) -> Census:
        """All that was gathered."""
        setuid, writable = _cut(self._setuid), _cut(self._writable)
        return Census(
            files=self.files,
            bytes=self.bytes,
            setuid=setuid,
            world_writable=writable,
            shells=tuple(sorted(path for path in self._named if path.rpartition("/")[2] in SHELLS)),
            package_managers=tuple(sorted(path for path in self._named if path.rpartition("/")[2] in PACKAGE_MANAGERS)),
            truncated=len(setuid) < len(self._setuid) or len(writable) < len(self._writable),
        )


def _cut(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(paths)[:MAX_LISTED])
