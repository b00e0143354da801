# SPDX-License-Identifier: Apache-2.0
"""OpenVEX 0.2.0 documents (and 0.0.x, whose vulnerability and products are plain text), in and out."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from tidegate.bounds import MIB
from tidegate.clock import rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import SaidIn, Word
from tidegate.values import Struct, field, msgspec
from tidegate.vex.claim import MAX_CLAIMS, STATUSES, Claim, reason_of, when
from tidegate.vex.product import Product, Scope, parse_product
from tidegate.wire import from_json, to_json

MAX_DOCUMENT_BYTES: Final = 64 * MIB
CONTEXT: Final = "https://openvex.dev/ns/v0.2.0"
CONTEXT_PREFIX: Final = "https://openvex.dev/ns"
JUSTIFICATIONS: Final = (
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
)
"""OpenVEX 0.2.0 "Status Justifications"."""


class _Named(Struct, frozen=True, kw_only=True):
    id: str = field(default="", name="@id")
    identifiers: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)


class _Product(_Named, frozen=True, kw_only=True):
    subcomponents: list[_Named | str] = field(default_factory=list)


class _Vulnerability(Struct, frozen=True, kw_only=True):
    id: str = field(default="", name="@id")
    name: str = ""
    aliases: list[str] = field(default_factory=list)


class _Statement(Struct, frozen=True, kw_only=True):
    vulnerability: _Vulnerability | str
    status: str
    products: list[_Product | str] = field(default_factory=list)
    subcomponents: list[_Named | str] = field(default_factory=list)
    justification: str = ""
    impact_statement: str = ""
    action_statement: str = ""
    status_notes: str = ""
    timestamp: str = ""


class _Document(Struct, frozen=True, kw_only=True):
    context: str = field(name="@context")
    statements: list[_Statement]
    id: str = field(default="", name="@id")
    author: str = ""
    timestamp: str = ""


def read_openvex(raw: bytes, *, where: str) -> list[Claim]:
    """Reads a document.

    Args:
        raw: its JSON.
        where: its name, which stands in `Word.source`.

    Raises:
        BoundExceededError: too long, or over `MAX_CLAIMS`.
        InvalidInputError: it is none, or says a status nobody knows.
    """
    document = from_json(raw, _Document, what=where, max_bytes=MAX_DOCUMENT_BYTES)
    if not document.context.startswith(CONTEXT_PREFIX):
        raise InvalidInputError(f"not OpenVEX: its @context is {document.context[:80]!r}", where=where)
    claims: list[Claim] = []
    for number, statement in enumerate(document.statements, 1):
        claims += _claims(statement, document, f"{where}#{number}")
        if len(claims) > MAX_CLAIMS:
            raise BoundExceededError("MAX_CLAIMS", MAX_CLAIMS, where=where)
    return claims


class Assertion(Struct, frozen=True, kw_only=True):
    """Something to say of one vulnerability in some products.

    Attributes:
        products: package URLs, image references or other names.
        packages: package URLs of what it is about inside the products.
        justification: one of `JUSTIFICATIONS`; asked for with `not_affected` unless `impact` tells why.
        action: what to do; asked for with `affected`.
    """

    id: str
    status: str
    products: tuple[str, ...]
    packages: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    justification: str = ""
    impact: str = ""
    action: str = ""


def check_assertion(assertion: Assertion) -> None:
    """Holds an assertion to the rules of the specification.

    Raises:
        InvalidInputError: a word that is not in the vocabulary, or one that must be there and is not.
    """
    if assertion.status not in STATUSES:
        raise InvalidInputError(
            f"unknown status {assertion.status[:40]!r}", where=assertion.id, remedy=f"write {', '.join(STATUSES)}"
        )
    if assertion.justification and assertion.justification not in JUSTIFICATIONS:
        known = ", ".join(JUSTIFICATIONS)
        raise InvalidInputError(
            f"unknown justification {assertion.justification[:60]!r}", where=assertion.id, remedy=f"write {known}"
        )
    if not assertion.products:
        raise InvalidInputError("names no product", where=assertion.id, remedy="name an image or a package URL")
    if assertion.status == "not_affected" and not (assertion.justification or assertion.impact):
        raise InvalidInputError(
            "not_affected without a reason", where=assertion.id, remedy="give a justification or an impact statement"
        )
    if assertion.status == "affected" and not assertion.action:
        raise InvalidInputError("affected without an action", where=assertion.id, remedy="say what to do about it")


def write_openvex(assertions: Sequence[Assertion], *, author: str, at: datetime) -> bytes:
    """Writes a document; the same assertions at the same time are the same bytes.

    Raises:
        InvalidInputError: an assertion breaks a rule of the specification.
    """
    for assertion in assertions:
        check_assertion(assertion)
    statements = [_written(assertion) for assertion in assertions]
    body = {"author": author, "timestamp": rfc3339(at), "statements": statements}
    identity = hashlib.sha256(to_json(body)).hexdigest()
    document = {"@context": CONTEXT, "@id": f"https://openvex.dev/docs/public/vex-{identity}", "version": 1, **body}
    return msgspec.json.format(to_json(document), indent=2) + b"\n"


def _claims(statement: _Statement, document: _Document, where: str) -> Iterable[Claim]:
    if statement.status not in STATUSES:
        known = ", ".join(STATUSES)
        raise InvalidInputError(f"unknown status {statement.status[:40]!r}", where=where, remedy=f"known are {known}")
    told = statement.vulnerability
    vulnerability = _Vulnerability(name=told) if isinstance(told, str) else told
    name = vulnerability.name or vulnerability.id
    word = Word(
        said_in=SaidIn.OPENVEX,
        source=where,
        id=name,
        status=statement.status,
        reason=reason_of(
            statement.justification, statement.impact_statement or statement.action_statement or statement.status_notes
        ),
    )
    ids = frozenset(
        text.rpartition("/")[2].upper() for text in (name, vulnerability.id, *vulnerability.aliases) if text
    )
    made = when(statement.timestamp or document.timestamp)
    outer = tuple(product for one in statement.subcomponents for product in _products(one))
    plain: list[Product] = []
    for product in statement.products:
        inner = product.subcomponents if isinstance(product, _Product) else []
        packages = tuple(it for one in inner for it in _products(one)) or outer
        if packages:  # each product has packages of its own, so each is a claim of its own
            yield Claim(word=word, ids=ids, scope=Scope(products=_products(product), packages=packages), made=made)
        else:
            plain += _products(product)
    if plain or not statement.products:  # a statement without a product speaks of nothing, and that is to be told
        plain = plain or [Product(text="")]
        yield Claim(word=word, ids=ids, scope=Scope(products=tuple(plain)), made=made)


def _products(told: _Named | str) -> tuple[Product, ...]:
    if isinstance(told, str):
        return (parse_product(told),)
    digest = next((value for key, value in told.hashes.items() if key.replace("-", "") == "sha256"), "")
    names = dict.fromkeys(filter(None, (told.id, *told.identifiers.values())))
    return tuple(parse_product(name, digest=digest) for name in names)


def _written(assertion: Assertion) -> dict[str, object]:
    packages = [{"@id": package} for package in assertion.packages]
    products = [{"@id": product} | ({"subcomponents": packages} if packages else {}) for product in assertion.products]
    vulnerability: dict[str, object] = {"name": assertion.id}
    if assertion.aliases:
        vulnerability["aliases"] = list(assertion.aliases)
    told = {
        "justification": assertion.justification,
        "impact_statement": assertion.impact,
        "action_statement": assertion.action,
    }
    said = {key: value for key, value in told.items() if value}
    return {"vulnerability": vulnerability, "products": products, "status": assertion.status, **said}
