# SPDX-License-Identifier: Apache-2.0
"""Under which ecosystem, name and version a component is looked up in the knowledge file.

Distributions with advisories by source package (Debian, Ubuntu, Alpine, Wolfi and the like) are looked up by source
name and version, RPM distributions by binary name, all others by the package's own name. Rows and components go
through the same two functions, so that a join needs nothing but equality.
"""

import re
from typing import Final, NamedTuple

from tidegate.inventory import Component, Ecosystem, Version
from tidegate.inventory.python_name import normalised
from tidegate.knowledge.versions import InvalidVersionError, family, order_of

BY_SOURCE: Final = frozenset(
    {"Alpaquita", "Alpine", "BellSoft Hardened Containers", "Chainguard", "Debian", "MinimOS", "Ubuntu", "Wolfi"}
)
"""Ecosystems whose advisories name source packages."""

_ANY_CASE: Final = frozenset({"ConanCenter", "GitHub Actions", "Hex", "NuGet", "Packagist", "Pub"})
"""Ecosystems whose names are the same in any case."""
_ONE_NAME_SPACE: Final = frozenset({"Maven", "Packagist"})
"""Ecosystems whose further repositories (`Packagist:https://…`) hold names of the same space."""
_MOVING_TAG: Final = re.compile(r"[vV]?[0-9]+(?:\.[0-9]+)?")
_ACTIONS: Final = "GitHub Actions"
_LAST_OF_LINE: Final = ".999999999"
_UBUNTU_PRO: Final = re.compile(r"Ubuntu:Pro:(?=[0-9])")


class Target(NamedTuple):
    """What a component is looked up by: the columns `ecosystem`, `match_name`, `version`, `version_key` of the server.

    Attributes:
        module: `name:stream` of an RPM module, `?` when it is of a module that is not known, "" when of none.
    """

    ecosystem: Ecosystem
    name: str
    version: Version
    key: bytes
    module: str = ""


def match_target(component: Component) -> Target | None:
    """Returns what a component is looked up by.

    None when no advisory can be asked about it: it has no place (`place_of`), or a distribution's package owns it (the
    distribution's advisories judge that one).
    """
    return place_of(component) if component.owner is None else None


def place_of(component: Component) -> Target | None:
    """Returns where a component stands among the versions of its name, whoever owns it.

    None when its ecosystem is not known or has no order here, or its version has no place in that order.
    """
    order = order_of(component.ecosystem)
    if order is None:
        return None
    by_source = family(component.ecosystem) in BY_SOURCE
    name = (component.source_name or component.name) if by_source else component.name
    version = Version((component.source_version or component.version) if by_source else component.version)
    actions = component.ecosystem == _ACTIONS
    try:
        key = order.key(_newest(version) if actions else version)
    except InvalidVersionError:
        return None
    ecosystem = lookup_ecosystem(component.ecosystem)
    module = module_of(component) if order.name == "rpm" else ""
    name = lookup_name(ecosystem, _repository(name) if actions else name)
    return Target(ecosystem=ecosystem, name=name, version=version, key=key, module=module)


def lookup_ecosystem(ecosystem: str) -> Ecosystem:
    """Returns the ecosystem rows and components are stored under.

    Ubuntu Pro's rows stand with its release's own: a fix that only Pro has is still the answer for everybody. Further
    repositories of Maven and Packagist stand with the first, for a component does not tell where it came from.
    """
    if (home := family(ecosystem)) in _ONE_NAME_SPACE:
        return Ecosystem(home)
    return Ecosystem(_UBUNTU_PRO.sub("Ubuntu:", ecosystem))


def lookup_name(ecosystem: str, name: str) -> str:
    """Returns the name rows and components are stored under.

    Normalised by PEP 503 for Python, without scheme and `.git` for Swift, in lower case where case does not count.
    """
    if ecosystem == "PyPI":
        return normalised(name)
    if ecosystem == "SwiftURL":
        return name.lower().removeprefix("https://").removeprefix("http://").removesuffix("/").removesuffix(".git")
    return name.lower() if ecosystem in _ANY_CASE else name


def module_of(component: Component) -> str:
    """Returns `name:stream` of the RPM module a component is of; see `Target.module`."""
    if component.modularity:
        return ":".join(component.modularity.split(":")[:2])
    return "?" if is_modular(component.version) else ""


def is_modular(version: str) -> bool:
    """True when an RPM's release was stamped by a module build (`1.18.3-1.module_el8.5.0+81`)."""
    return ".module" in version


def _newest(tag: Version) -> Version:
    """`v4` of an action moves with every release of that line: it stands for the last one there ever will be."""
    if not _MOVING_TAG.fullmatch(tag):
        return tag
    return Version(tag + _LAST_OF_LINE * (2 - tag.count(".")))


def _repository(action: str) -> str:
    """`github/codeql-action` of `github/codeql-action/init`: advisories speak of whole repositories."""
    return "/".join(action.split("/")[:2])
