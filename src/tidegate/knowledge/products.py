# SPDX-License-Identifier: Apache-2.0
"""Products, their release lines and support dates, and the names others know them by (endoflife.date)."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec

from tidegate.errors import BoundExceededError
from tidegate.knowledge.limits import KnowledgeLimits
from tidegate.values import Struct
from tidegate.wire import from_json

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Cycle(NamedTuple):
    """One release line of a product.

    Attributes:
        name: what it is found by: the product's own name or an alias, lower case.
        ends: last day of support, or `yes` (over, day unknown), `no` (not over, no day announced), "" (unknown).
        extended: likewise, of extended support.
        codename: its first word, lower case: `bookworm`; "" for none.
    """

    name: str
    product: str
    cycle: str
    ends: str
    extended: str
    latest: str
    codename: str


class Identifier(NamedTuple):
    """A name of a product elsewhere: kind `purl` (without a version, lower case) or `repology`."""

    kind: str
    name: str
    product: str


class Products(Struct, frozen=True, kw_only=True):
    """All of them, each part sorted; `categories` by product: `lang`, `framework`, `os`, `database`."""

    cycles: tuple[Cycle, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    categories: tuple[tuple[str, str], ...] = ()


def read_products(data: bytes, limits: KnowledgeLimits, *, where: str) -> Products:
    """Reads `{products: {NAME: {category, aliases, identifiers, cycles: [{cycle, eol, codename, latest …}]}}}`.

    Raises:
        InvalidInputError: it is not that document.
        BoundExceededError: it has more release lines, by all their names, or identifiers than the limits allow.
    """
    products = from_json(data, _Products, what=where, max_bytes=limits.max_document_bytes).products
    _check(products, limits, where)
    return Products(
        cycles=tuple(sorted(_cycles(products))),
        identifiers=tuple(sorted(set(_identifiers(products)))),
        categories=tuple(sorted((name, about.category or "") for name, about in products.items())),
    )


def is_day(text: str) -> bool:
    """True for a day that exists, as `2024-05-01`."""
    try:
        return bool(_DAY.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        return False


def _check(products: "dict[str, _Product]", limits: KnowledgeLimits, where: str) -> None:
    lines = sum((1 + len(one.aliases or ())) * len(one.cycles or ()) for one in products.values())
    names = sum(len(names) for one in products.values() for names in (one.identifiers or {}).values())
    if max(lines, names) > limits.max_product_rows:
        raise BoundExceededError("max_product_rows", limits.max_product_rows, where=where)


def _cycles(products: "dict[str, _Product]") -> Iterator[Cycle]:
    for product, about in products.items():
        for name in {product.lower(), *(alias.lower() for alias in about.aliases or ())}:
            for one in about.cycles or ():
                codename = one.codename.split() if isinstance(one.codename, str) else []
                yield Cycle(
                    name,
                    product,
                    str(one.cycle),
                    _day(one.eol),
                    _day(one.extended),
                    str(one.latest or ""),
                    codename[0].lower() if codename else "",
                )


def _identifiers(products: "dict[str, _Product]") -> Iterator[Identifier]:
    for product, about in products.items():
        for kind in ("purl", "repology"):
            for name in (about.identifiers or {}).get(kind, ()):
                yield Identifier(kind, name.partition("@")[0].lower(), product)


def _day(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) and is_day(value) else ""


class _Cycle(msgspec.Struct):
    cycle: str | int | float
    eol: Any = None
    extended: Any = msgspec.field(name="extendedSupport", default=None)
    latest: Any = None
    codename: Any = None


class _Product(msgspec.Struct):
    category: str | None = None
    aliases: list[str] | None = None
    identifiers: dict[str, list[str]] | None = None
    cycles: list[_Cycle] | None = None


class _Products(msgspec.Struct):
    products: dict[str, _Product]
