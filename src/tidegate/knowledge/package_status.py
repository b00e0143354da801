# SPDX-License-Identifier: Apache-2.0
"""What registries say of packages beside flaws: deprecated, yanked, abandoned."""

from typing import NamedTuple

from tidegate.bounds import printable
from tidegate.inventory import Ecosystem
from tidegate.knowledge.target import lookup_ecosystem, lookup_name

MAX_REASON_CHARACTERS = 300
MAX_NAME_CHARACTERS = 500
KINDS = frozenset({"abandoned", "deprecated", "yanked"})


class PackageStatus(NamedTuple):
    """One word against a package.

    Attributes:
        ecosystem: as looked up; `name` likewise.
        version: as the registry writes it; "" for all versions.
        kind: one of `KINDS`.
    """

    ecosystem: str
    name: str
    version: str
    kind: str
    reason: str


def package_status(ecosystem: str, name: str, version: str, kind: str, reason: str) -> PackageStatus | None:
    """Makes one as it is stored; None when its kind is unknown or its name or version are no sensible ones."""
    if kind not in KINDS or not name or max(len(name), len(version)) > MAX_NAME_CHARACTERS:
        return None
    if not (name.isprintable() and version.isprintable()):
        return None
    home: Ecosystem = lookup_ecosystem(ecosystem)
    plain = printable(" ".join(reason.split()))
    if len(plain) > MAX_REASON_CHARACTERS:
        plain = plain[: MAX_REASON_CHARACTERS - 1] + "…"
    return PackageStatus(home, lookup_name(home, name), version, kind, plain)
