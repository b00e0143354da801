# SPDX-License-Identifier: Apache-2.0
"""VEX in CycloneDX 1.4 to 1.6 JSON (`vulnerabilities[].analysis`), in and out."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote
from uuid import UUID

from tidegate.bounds import MIB
from tidegate.clock import rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import SaidIn, Word
from tidegate.values import Struct, field, msgspec
from tidegate.vex.claim import MAX_CLAIMS, Claim, reason_of, when
from tidegate.vex.openvex import Assertion, check_assertion
from tidegate.vex.product import Product, Scope, parse_product
from tidegate.wire import from_json, to_json

MAX_DOCUMENT_BYTES: Final = 256 * MIB
MAX_DEPTH: Final = 32

_STATES: Final[Mapping[str, str]] = {
    "resolved": "fixed",
    "resolved_with_pedigree": "fixed",
    "exploitable": "affected",
    "in_triage": "under_investigation",
    "false_positive": "not_affected",
    "not_affected": "not_affected",
}
"""CycloneDX `impactAnalysisState` → OpenVEX."""
_WRITTEN_STATES: Final = {
    "fixed": "resolved",
    "affected": "exploitable",
    "under_investigation": "in_triage",
    "not_affected": "not_affected",
}
_WRITTEN_JUSTIFICATIONS: Final = {
    "component_not_present": "requires_dependency",
    "vulnerable_code_not_present": "code_not_present",
    "vulnerable_code_not_in_execute_path": "code_not_reachable",
    "vulnerable_code_cannot_be_controlled_by_adversary": "requires_environment",
    "inline_mitigations_already_exist": "protected_by_mitigating_control",
}
_SPEC_VERSION: Final = "1.6"


class _Component(Struct, frozen=True, kw_only=True):
    ref: str = field(default="", name="bom-ref")
    purl: str = ""
    name: str = ""
    version: str = ""
    components: "list[_Component]" = field(default_factory=list)


class _Affects(Struct, frozen=True, kw_only=True):
    ref: str
    versions: list[dict[str, Any]] = field(default_factory=list)


class _Analysis(Struct, frozen=True, kw_only=True):
    state: str = ""
    justification: str = ""
    detail: str = ""
    last_updated: str = field(default="", name="lastUpdated")


class _Reference(Struct, frozen=True, kw_only=True):
    id: str = ""


class _Vulnerability(Struct, frozen=True, kw_only=True):
    id: str = ""
    references: list[_Reference] = field(default_factory=list)
    analysis: _Analysis | None = None
    affects: list[_Affects] = field(default_factory=list)


class _Metadata(Struct, frozen=True, kw_only=True):
    timestamp: str = ""
    component: _Component | None = None


class _Document(Struct, frozen=True, kw_only=True):
    form: str = field(name="bomFormat")
    metadata: _Metadata = field(default_factory=_Metadata)
    components: list[_Component] = field(default_factory=list)
    vulnerabilities: list[_Vulnerability] = field(default_factory=list)


def read_cyclonedx_vex(raw: bytes, *, where: str) -> list[Claim]:
    """Reads the analyses of a document; a vulnerability without one says nothing.

    Args:
        raw: its JSON.
        where: its name, which stands in `Word.source`.

    Raises:
        BoundExceededError: too long, too deep, or over `MAX_CLAIMS`.
        InvalidInputError: it is none, or says a state nobody knows.
    """
    document = from_json(raw, _Document, what=where, max_bytes=MAX_DOCUMENT_BYTES)
    if document.form != "CycloneDX":
        raise InvalidInputError(f"not CycloneDX but {document.form[:40]!r}", where=where)
    products = dict(_named(document, where))
    root = document.metadata.component
    made = when(document.metadata.timestamp)
    claims: list[Claim] = []
    for number, vulnerability in enumerate(document.vulnerabilities, 1):
        if vulnerability.analysis is not None and vulnerability.analysis.state:
            claims.append(_claim(vulnerability, vulnerability.analysis, products, root, f"{where}#{number}", made))
        if len(claims) > MAX_CLAIMS:
            raise BoundExceededError("MAX_CLAIMS", MAX_CLAIMS, where=where)
    return claims


def write_cyclonedx_vex(assertions: Sequence[Assertion], *, author: str, at: datetime) -> bytes:
    """Writes a CycloneDX 1.6 document that holds statements alone; products are referred to by their own names.

    Raises:
        InvalidInputError: an assertion breaks a rule of OpenVEX, whose words are taken.
    """
    for assertion in assertions:
        check_assertion(assertion)
    spoken = sorted({name for one in assertions for name in (one.packages or one.products)})
    body = {
        "metadata": {"timestamp": rfc3339(at), "authors": [{"name": author}]},
        "components": [_component(name) for name in spoken],
        "vulnerabilities": [_written(one) for one in assertions],
    }
    serial = UUID(bytes=hashlib.sha256(to_json(body)).digest()[:16], version=4)
    head = {"bomFormat": "CycloneDX", "specVersion": _SPEC_VERSION, "serialNumber": f"urn:uuid:{serial}", "version": 1}
    return msgspec.json.format(to_json(head | body), indent=2) + b"\n"


def _named(document: _Document, where: str) -> Iterator[tuple[str, Product]]:
    """Every component by what it can be referred to."""
    root = document.metadata.component
    stack = [(it, 1) for it in (*document.components, *((root,) if root else ()))]
    while stack:
        component, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise BoundExceededError("MAX_DEPTH", MAX_DEPTH, where=where)
        if component.ref:
            yield component.ref, parse_product(component.purl or component.name)
        stack += [(inner, depth + 1) for inner in component.components]


def _claim(
    vulnerability: _Vulnerability,
    analysis: _Analysis,
    products: Mapping[str, Product],
    root: _Component | None,
    where: str,
    made: datetime,
) -> Claim:
    status = _STATES.get(analysis.state)
    if status is None:
        known = ", ".join(_STATES)
        raise InvalidInputError(f"unknown state {analysis.state[:40]!r}", where=where, remedy=f"known are {known}")
    spoken = [_referred(affects.ref, products) for affects in vulnerability.affects]
    is_all = any(root is not None and affects.ref == root.ref for affects in vulnerability.affects)
    word = Word(
        said_in=SaidIn.CYCLONEDX,
        source=where,
        id=vulnerability.id,
        status=status,
        reason=reason_of(analysis.justification, analysis.detail),
    )
    # A document about one thing speaks of that thing: what affects its root is said of all that is in it.
    scope = Scope() if is_all else Scope(products=tuple(spoken) or (Product(text=""),))
    ids = frozenset(name.upper() for name in (vulnerability.id, *(it.id for it in vulnerability.references)) if name)
    return Claim(word=word, ids=ids, scope=scope, made=when(analysis.last_updated) if analysis.last_updated else made)


def _referred(ref: str, products: Mapping[str, Product]) -> Product:
    """A `bom-ref`, a BOM-Link (`urn:cdx:SERIAL/VERSION#REF`), or a package URL used as either."""
    if ref in products:
        return products[ref]
    if ref.startswith("urn:cdx:"):
        ref = unquote(ref.partition("#")[2])
    return products.get(ref) or parse_product(ref)


def _component(name: str) -> dict[str, object]:
    purl = parse_product(name).purl
    told: dict[str, object] = {"type": "library" if purl else "container", "bom-ref": name, "name": name}
    if purl is None:
        return told
    version = {"version": purl.version} if purl.version else {}
    return told | {"name": purl.name, **version, "purl": name}


def _written(one: Assertion) -> dict[str, object]:
    analysis: dict[str, object] = {"state": _WRITTEN_STATES[one.status]}
    if one.justification:
        analysis["justification"] = _WRITTEN_JUSTIFICATIONS[one.justification]
    detail = reason_of(one.impact or one.action)
    if detail:
        analysis["detail"] = detail
    references = [{"id": alias, "source": {"name": alias.partition("-")[0]}} for alias in one.aliases]
    return {
        "id": one.id,
        **({"references": references} if references else {}),
        "analysis": analysis,
        "affects": [{"ref": name} for name in (one.packages or one.products)],
    }
