# SPDX-License-Identifier: Apache-2.0
"""CSAF 2.0 VEX documents, in and out (profile 5, `csaf_vex`; other categories carry the same product status)."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tidegate.bounds import MIB
from tidegate.clock import rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import SaidIn, Word
from tidegate.values import Struct, field, msgspec
from tidegate.vex.claim import MAX_CLAIMS, Claim, reason_of, when
from tidegate.vex.openvex import Assertion, check_assertion
from tidegate.vex.product import Product, Scope, parse_product
from tidegate.wire import from_json, to_json

MAX_DOCUMENT_BYTES: Final = 64 * MIB
MAX_PRODUCTS: Final = 500_000
MAX_DEPTH: Final = 32

_CVE: Final = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}", re.ASCII)
_PURL: Final = re.compile(r"pkg:[A-Za-z.\-+][A-Za-z0-9.\-+]*/\S.*")
_CPE: Final = re.compile(r"cpe:2\.3:[aho*\-](?::[^:\s]+){10}|[cC][pP][eE]:/[AHOaho]?(?::[A-Za-z0-9._\-~%]*){0,6}")
_STATUSES: Final[Mapping[str, str]] = {
    "known_not_affected": "not_affected",
    "fixed": "fixed",
    "first_fixed": "fixed",
    "known_affected": "affected",
    "first_affected": "affected",
    "last_affected": "affected",
    "under_investigation": "under_investigation",
}
"""CSAF 2.0 3.2.3.9 "Product Status" → OpenVEX; `recommended` says nothing of being affected."""
_WRITTEN: Final = {
    "not_affected": "known_not_affected",
    "fixed": "fixed",
    "affected": "known_affected",
    "under_investigation": "under_investigation",
}


class _Identification(Struct, frozen=True, kw_only=True):
    purl: str = ""
    cpe: str = ""
    hashes: list[dict[str, Any]] = field(default_factory=list)


class _FullName(Struct, frozen=True, kw_only=True):
    product_id: str
    name: str = ""
    helper: _Identification = field(default_factory=_Identification, name="product_identification_helper")


class _Branch(Struct, frozen=True, kw_only=True):
    branches: "list[_Branch]" = field(default_factory=list)
    product: _FullName | None = None


class _Relationship(Struct, frozen=True, kw_only=True):
    full_product_name: _FullName
    product_reference: str
    relates_to_product_reference: str


class _Tree(Struct, frozen=True, kw_only=True):
    branches: list[_Branch] = field(default_factory=list)
    full_product_names: list[_FullName] = field(default_factory=list)
    relationships: list[_Relationship] = field(default_factory=list)


class _Noted(Struct, frozen=True, kw_only=True):
    details: str = ""
    label: str = ""
    category: str = ""
    product_ids: list[str] = field(default_factory=list)


class _Vulnerability(Struct, frozen=True, kw_only=True):
    cve: str = ""
    ids: list[dict[str, str]] = field(default_factory=list)
    product_status: dict[str, list[str]] = field(default_factory=dict)
    flags: list[_Noted] = field(default_factory=list)
    threats: list[_Noted] = field(default_factory=list)


class _Tracking(Struct, frozen=True, kw_only=True):
    id: str = ""
    current_release_date: str = ""


class _Head(Struct, frozen=True, kw_only=True):
    category: str
    csaf_version: str
    tracking: _Tracking = field(default_factory=_Tracking)


class _Document(Struct, frozen=True, kw_only=True):
    document: _Head
    product_tree: _Tree = field(default_factory=_Tree)
    vulnerabilities: list[_Vulnerability] = field(default_factory=list)


def read_csaf(raw: bytes, *, where: str) -> list[Claim]:
    """Reads a document.

    Args:
        raw: its JSON.
        where: its name, which stands in `Word.source`.

    Raises:
        BoundExceededError: too long, too deep, or over `MAX_PRODUCTS` or `MAX_CLAIMS`.
        InvalidInputError: it is none, or another version than 2.x.
    """
    document = from_json(raw, _Document, what=where, max_bytes=MAX_DOCUMENT_BYTES)
    if not document.document.csaf_version.startswith("2."):
        raise InvalidInputError(f"CSAF {document.document.csaf_version[:20]} is not read here", where=where)
    scopes = _scopes(document.product_tree, where)
    made = when(document.document.tracking.current_release_date)
    claims: list[Claim] = []
    for number, vulnerability in enumerate(document.vulnerabilities, 1):
        claims += _claims(vulnerability, scopes, f"{where}#{number}", made)
        if len(claims) > MAX_CLAIMS:
            raise BoundExceededError("MAX_CLAIMS", MAX_CLAIMS, where=where)
    return claims


def write_csaf(assertions: Sequence[Assertion], *, author: str, namespace: str, at: datetime) -> bytes:
    """Writes a document of the VEX profile.

    Args:
        assertions: what to say.
        author: name of the publisher.
        namespace: the publisher's own address, as 3.2.1.8.5 asks for.
        at: when it is said.

    Raises:
        InvalidInputError: an assertion breaks a rule of the specification.
    """
    for assertion in assertions:
        check_assertion(assertion)
    names = sorted({name for one in assertions for name in (*one.products, *one.packages)})
    ids = {name: f"CSAFPID-{number:04}" for number, name in enumerate(names, 1)}
    pairs = sorted({(product, package) for one in assertions for product in one.products for package in one.packages})
    joined = {pair: f"CSAFPID-{number:04}" for number, pair in enumerate(pairs, len(names) + 1)}
    tree: dict[str, object] = {"full_product_names": [_full_name(ids[name], name) for name in names]}
    if joined:
        tree["relationships"] = [_relationship(ids, pair, identity) for pair, identity in joined.items()]
    vulnerabilities = [_vulnerability(one, ids, joined) for one in assertions]
    identity = hashlib.sha256(to_json([tree, vulnerabilities, author])).hexdigest()[:16]
    moment = rfc3339(at)
    document = {
        "category": "csaf_vex",
        "csaf_version": "2.0",
        "publisher": {"category": "user", "name": author, "namespace": namespace},
        "title": f"Statements of {author}",
        "tracking": {
            "id": f"tidegate-vex-{identity}",
            "version": "1",
            "status": "final",
            "initial_release_date": moment,
            "current_release_date": moment,
            "revision_history": [{"number": "1", "date": moment, "summary": "First version"}],
        },
    }
    whole = {"document": document, "product_tree": tree, "vulnerabilities": vulnerabilities}
    return msgspec.json.format(to_json(whole), indent=2) + b"\n"


def _scopes(tree: _Tree, where: str) -> dict[str, Scope]:
    """What each product id of the tree stands for."""
    products: dict[str, tuple[Product, ...]] = {}
    for name in (*_leaves(tree.branches, where), *tree.full_product_names):
        products[name.product_id] = _products(name)
        if len(products) + len(tree.relationships) > MAX_PRODUCTS:
            raise BoundExceededError("MAX_PRODUCTS", MAX_PRODUCTS, where=where)
    scopes = {identity: Scope(products=found) for identity, found in products.items()}
    for relation in tree.relationships:
        part = products.get(relation.product_reference) or (parse_product(relation.product_reference),)
        whole = products.get(relation.relates_to_product_reference) or (parse_product(""),)
        scopes[relation.full_product_name.product_id] = Scope(products=whole, packages=part)
    return scopes


def _leaves(branches: Sequence[_Branch], where: str) -> Iterator[_FullName]:
    stack = [(branch, 1) for branch in branches]
    while stack:
        branch, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise BoundExceededError("MAX_DEPTH", MAX_DEPTH, where=where)
        if branch.product is not None:
            yield branch.product
        stack += [(inner, depth + 1) for inner in branch.branches]


def _products(name: _FullName) -> tuple[Product, ...]:
    digest = next((found for hashed in name.helper.hashes if (found := _sha256(hashed))), "")
    told = [text for text in (name.helper.purl, name.helper.cpe) if text] or [name.name or name.product_id]
    return tuple(parse_product(text, digest=digest) for text in told)


def _sha256(hashed: Mapping[str, Any]) -> str:
    for one in hashed.get("file_hashes") or ():
        if isinstance(one, dict) and one.get("algorithm") == "sha256":
            return str(one.get("value", ""))
    return ""


def _claims(vulnerability: _Vulnerability, scopes: Mapping[str, Scope], where: str, made: datetime) -> Iterator[Claim]:
    names = [vulnerability.cve, *(told.get("text", "") for told in vulnerability.ids)]
    ids = frozenset(name.upper() for name in names if name)
    for group, identities in vulnerability.product_status.items():
        status = _STATUSES.get(group)
        if status is None:
            continue
        for identity in identities:
            word = Word(
                said_in=SaidIn.CSAF,
                source=where,
                id=next((name for name in names if name), ""),
                status=status,
                reason=reason_of(*_told(vulnerability.flags, identity), *_told(vulnerability.threats, identity)),
            )
            yield Claim(
                word=word, ids=ids, scope=scopes.get(identity) or Scope(products=(Product(text=""),)), made=made
            )


def _told(notes: Sequence[_Noted], identity: str) -> list[str]:
    return [note.label or note.details for note in notes if not note.product_ids or identity in note.product_ids]


def _full_name(identity: str, name: str) -> dict[str, object]:
    helper = {"purl": name} if _PURL.fullmatch(name) else {"cpe": name} if _CPE.fullmatch(name) else None
    told: dict[str, object] = {"product_id": identity, "name": name}
    return told | ({"product_identification_helper": helper} if helper else {})


def _relationship(ids: Mapping[str, str], pair: tuple[str, str], identity: str) -> dict[str, object]:
    product, package = pair
    return {
        "category": "default_component_of",
        "product_reference": ids[package],
        "relates_to_product_reference": ids[product],
        "full_product_name": {"product_id": identity, "name": f"{package} as a component of {product}"},
    }


def _vulnerability(one: Assertion, ids: Mapping[str, str], joined: Mapping[tuple[str, str], str]) -> dict[str, object]:
    spoken = [joined[product, package] for product in one.products for package in one.packages]
    spoken = sorted(set(spoken or [ids[product] for product in one.products]))
    name: dict[str, object] = {"cve": one.id} if _CVE.fullmatch(one.id) else {}
    other = [one.id] if not name else []
    known = [
        {"system_name": text.partition("-")[0] or "unknown", "text": text}
        for text in dict.fromkeys((*other, *one.aliases))
        if text and text != name.get("cve")
    ]
    told: dict[str, object] = {
        **name,
        **({"ids": known} if known else {}),
        "notes": [{"category": "description", "text": one.impact or one.action or one.justification or one.id}],
        "product_status": {_WRITTEN[one.status]: spoken},
    }
    if one.justification:
        told["flags"] = [{"label": one.justification, "product_ids": spoken}]
    if one.status == "not_affected":
        told["threats"] = [{"category": "impact", "details": one.impact or one.justification, "product_ids": spoken}]
    if one.action:
        told["remediations"] = [{"category": "mitigation", "details": one.action, "product_ids": spoken}]
    return told
