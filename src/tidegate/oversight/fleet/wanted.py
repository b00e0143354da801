# SPDX-License-Identifier: Apache-2.0
"""What somebody looks for: a package, in some of its versions.

pkg:maven/org.apache.logging.log4j/log4j-core@<2.17.1     a package URL, and what its version must be
pkg:deb/debian/openssl                                    any version; of a source package, what was built of it too
log4j-core@>=2.0,<2.17.1                                  a name as advisories have it, of any kind of package
"""

import re
from collections.abc import Sequence
from typing import Final, Self

from packageurl import PackageURL

from tidegate.errors import InvalidInputError
from tidegate.inventory import Version
from tidegate.knowledge.versions import InvalidVersionError, VersionOrder
from tidegate.values import Struct

MAX_CHARS: Final = 1024
MAX_LIMITS: Final = 16
_REMEDY: Final = "write pkg:TYPE/NAME@<VERSION, or pkg:TYPE/NAME for every version"
_LIMIT: Final = re.compile(r"\s*(<=|>=|!=|==|=|<|>)?\s*([^\s<>=!,]+)\s*")


class Limit(Struct, frozen=True, kw_only=True):
    """One thing a version must be: `how` is `<`, `<=`, `>`, `>=`, `=` or `!=`."""

    how: str
    version: str


class Wanted(Struct, frozen=True, kw_only=True):
    """A package and its versions.

    Attributes:
        package: its package URL without version, in canonical form; "" when only a name was given.
        name: as the package URL has it last, or as it was given.
        limits: all of which hold; none for every version.
    """

    package: str
    name: str
    limits: tuple[Limit, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads it.

        Raises:
            InvalidInputError: it is nothing of the kind.
        """
        if not text.strip() or len(text) > MAX_CHARS or not text.isprintable():
            raise InvalidInputError("no package", where=text[:80], remedy=_REMEDY)
        # The last @ that something follows: npm's scopes begin with one.
        head, at, tail = text.strip().rpartition("@")
        if not at or not head or head.endswith("/"):
            head, tail = text.strip(), ""
        limits = _limits(tail, text)
        if not head.startswith("pkg:"):
            return cls(package="", name=head, limits=limits)
        try:
            url = PackageURL.from_string(head)
        except ValueError as error:
            raise InvalidInputError(f"no package URL: {error}", where=text[:80], remedy=_REMEDY) from error
        bare = PackageURL(type=url.type, namespace=url.namespace, name=url.name)
        return cls(package=bare.to_string(), name=url.name, limits=limits)

    def fits(self, version: str, order: VersionOrder | None) -> bool | None:
        """Whether a version is meant; None when that cannot be told: it has no place in an order.

        Args:
            version: of a component.
            order: of its ecosystem; None when there is none.
        """
        if all(one.how in {"=", "!="} and one.version == version for one in self.limits):
            return all(one.how == "=" for one in self.limits)
        if order is None:
            return None
        try:
            key = order.key(Version(version))
            return all(_holds(key, one.how, order.key(Version(one.version))) for one in self.limits)
        except InvalidVersionError:
            return None


def _limits(text: str, where: str) -> tuple[Limit, ...]:
    if not text.strip():
        return ()
    parts: Sequence[str] = text.split(",")
    if len(parts) > MAX_LIMITS:
        raise InvalidInputError(f"more than {MAX_LIMITS} limits of a version", where=where[:80])
    found = []
    for part in parts:
        match = _LIMIT.fullmatch(part)
        if match is None:
            raise InvalidInputError("no limit of a version", where=part[:80], remedy="write <2.17.1, >=2.0 or 2.17.1")
        how = match[1] or "="
        found.append(Limit(how="=" if how == "==" else how, version=match[2]))
    return tuple(found)


def _holds(key: bytes, how: str, limit: bytes) -> bool:
    return {
        "<": key < limit,
        "<=": key <= limit,
        ">": key > limit,
        ">=": key >= limit,
        "=": key == limit,
        "!=": key != limit,
    }[how]
