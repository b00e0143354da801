# SPDX-License-Identifier: Apache-2.0
"""Files of packages that are not there as files: deleted, replaced by a link, or left out on purpose."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from fnmatch import translate
from re import compile as compile_pattern
from typing import Final, NamedTuple

from tidegate.inventory import LayerFacts, LinkKind, PackageKind
from tidegate.inventory.custody import FileCustody, Integrity
from tidegate.oci.squash import Overlay
from tidegate.scan.custody.claims import Claim, Claims, origin_of
from tidegate.scan.visible import Sighting

MAX_PATTERNS: Final = 200
"""Patterns of what is left out that are looked at; further ones are passed over."""

DOCUMENTATION: Final = (
    *("usr/share/doc/", "usr/share/man/", "usr/share/info/", "usr/share/locale/", "usr/share/lintian/"),
    *("usr/share/linda/", "usr/share/groff/", "usr/share/help/", "usr/share/gtk-doc/", "usr/share/gnome/help/"),
    *("usr/local/share/doc/", "usr/local/share/man/", "usr/share/licenses/", "usr/share/i18n/"),
)
"""Folders whose content makers of small images leave out; nothing runs without it the worse."""


_VENDORED: Final = "_vendor"


class Absence(NamedTuple):
    """What is the matter with a file that its package says is there.

    Attributes:
        file: None when it was left out on purpose.
    """

    file: FileCustody | None


def absences(
    claims: Claims, sightings: Sequence[Sighting], layers: Sequence[LayerFacts], overlay: Overlay
) -> Iterator[Absence]:
    """Files that packages state digests of and that were not met, after all that are seen have been.

    A link in a file's place is told as a modified file; it is none when the digest is that of the link's target, as
    apk keeps it.
    """
    is_left_out = _left_out(sightings)
    links = _Links(layers, overlay)
    for claim in claims.unmet():
        layer, target = links.at(claim.path)
        if layer >= 0:
            if not _is_of_target(claim, target):
                yield Absence(_file(claim, Integrity.MODIFIED, layers[layer]))
        elif is_left_out(claim.path) or _is_vendored(claim):
            yield Absence(None)
        else:
            yield Absence(_file(claim, Integrity.MISSING, None))


def _file(claim: Claim, integrity: Integrity, layer: LayerFacts | None) -> FileCustody:
    return FileCustody(
        path=claim.path,
        origin=origin_of(claim.component),
        integrity=integrity,
        layer=layer.digest if layer else None,
        package=claim.component.purl,
        is_configuration=claim.is_configuration,
    )


def _is_vendored(claim: Claim) -> bool:
    """Whether a package that another carries along says so: its programs were left out when it was taken in."""
    return f"/{_VENDORED}/" in f"/{claim.component.location}" and claim.component.kind is PackageKind.PYPI


def _is_of_target(claim: Claim, target: str) -> bool:
    if claim.algorithm not in {"sha1", "sha256"}:
        return False
    return hashlib.new(claim.algorithm, target.encode(), usedforsecurity=False).digest() == claim.checksum


class _Links:
    """Symbolic links that are seen."""

    def __init__(self, layers: Sequence[LayerFacts], overlay: Overlay) -> None:
        self._overlay = overlay
        self._targets = [{it.path: it.target for it in layer.links if it.kind is LinkKind.SYMBOLIC} for layer in layers]
        self._bases = {path.rpartition("/")[2] for targets in self._targets for path in targets}
        self._real: dict[str, str | None] = {}

    def at(self, path: str) -> tuple[int, str]:
        """The layer of a link in a file's place, and where it points; (-1, "") when there is none."""
        folder, _, base = path.rpartition("/")
        if base not in self._bases:
            return -1, ""
        if folder not in self._real:
            self._real[folder] = self._overlay.resolve(folder)
        real = self._real[folder]
        if real is None:
            return -1, ""
        place = f"{real}/{base}" if real else base
        if not any(place in targets for targets in self._targets):
            return -1, ""
        layer = self._overlay.owner(place)
        return (-1, "") if layer is None or place not in self._targets[layer] else (layer, self._targets[layer][place])


def _left_out(sightings: Sequence[Sighting]) -> Callable[[str], bool]:
    """Tells by path what was left out on purpose: documentation, and what dpkg was told to leave out."""
    stated = [pattern for sighting in sightings for pattern in sighting.facts.left_out][:MAX_PATTERNS]
    # The last pattern that fits decides. A star stands for slashes too.
    rules = [
        (compile_pattern(translate(pattern.removeprefix("!"))).match, not pattern.startswith("!"))
        for pattern in reversed(stated)
    ]

    def is_left_out(path: str) -> bool:
        if path.startswith(DOCUMENTATION):
            return True
        return next((excludes for fits, excludes in rules if fits(path)), False)

    return is_left_out
