# SPDX-License-Identifier: Apache-2.0
"""Files a language's package brought without listing them: those in the folder its installer made for it alone."""

from collections.abc import Callable, Iterable
from typing import Final

from tidegate.inventory import Basis, Component, PackageKind

_NODE_MODULES: Final = "node_modules"
_INNER: Final = "inner-path"
"""Qualifier of a package that lies within the archive at its location."""


class PackagePlaces:
    """Who owns files by where they lie.

    Args:
        components: of the image; the nearest folder wins.
    """

    def __init__(self, components: Iterable[Component]) -> None:
        self._folders: dict[str, Component] = {}
        self._files: dict[str, Component] = {}
        self._known: dict[str, Component | None] = {"": None}
        for component in components:
            folder = _FOLDERS[component.kind](component) if component.kind in _FOLDERS else ""
            if folder:
                self._folders.setdefault(folder, component)
            elif _is_the_file(component):
                self._files.setdefault(component.location, component)

    def owner(self, path: str) -> Component | None:
        """The package a file lies in, or is; None for none."""
        found = self._files.get(path)
        return found if found is not None or not self._folders else self._of_folder(path.rpartition("/")[0])

    def _of_folder(self, folder: str) -> Component | None:
        trail: list[str] = []
        here = folder
        while here not in self._known:
            trail.append(here)
            if here in self._folders:
                self._known[here] = self._folders[here]
                break
            here = here.rpartition("/")[0]
        for passed in trail:
            self._known[passed] = self._known[here]
        return self._known[folder]


def _is_the_file(component: Component) -> bool:
    """True when the file at its location is all of the package: a recognised program, or an archive of that name."""
    if _INNER in component.qualifiers:
        return False
    is_archive = component.kind is PackageKind.MAVEN and bool(component.checksums)
    return is_archive or component.basis is Basis.RECOGNISED


def _npm(component: Component) -> str:
    """`…/node_modules/x`, never the folder of an application's own `package.json`."""
    folder, _, base = component.location.rpartition("/")
    parents = folder.split("/")[:-1]
    is_installed = base == "package.json" and (parents[-1:] == [_NODE_MODULES] or parents[-2:-1] == [_NODE_MODULES])
    return folder if is_installed else ""


def _gem(component: Component) -> str:
    """`…/gems/rack-3.0` for `…/specifications/rack-3.0.gemspec`."""
    folder, _, base = component.location.rpartition("/")
    folder = folder.removesuffix("/default")
    if not base.endswith(".gemspec") or not folder.endswith("/specifications"):
        return ""
    return f"{folder.removesuffix('/specifications')}/gems/{base.removesuffix('.gemspec')}"


def _composer(component: Component) -> str:
    """`…/vendor/monolog/monolog` for `…/vendor/composer/installed.json`."""
    folder, _, base = component.location.rpartition("/")
    vendor, _, last = folder.rpartition("/")
    is_listed = last == "composer" and base in {"installed.json", "installed.php"} and bool(vendor)
    return f"{vendor}/{component.name}" if is_listed else ""


def _python(component: Component) -> str:
    """`…/x-1.0.egg` for `…/x-1.0.egg/EGG-INFO/PKG-INFO`; else the folder of metadata alone."""
    folder = component.location.rpartition("/")[0]
    egg, _, last = folder.rpartition("/")
    if last == "EGG-INFO" and egg.endswith(".egg"):
        return egg
    return folder if last.endswith((".dist-info", ".egg-info")) else ""


_FOLDERS: Final[dict[PackageKind, Callable[[Component], str]]] = {
    PackageKind.NPM: _npm,
    PackageKind.GEM: _gem,
    PackageKind.COMPOSER: _composer,
    PackageKind.PYPI: _python,
}
