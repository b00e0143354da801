# SPDX-License-Identifier: Apache-2.0
"""Any document of statements, whichever form it has; and its claims as assertions, to be written in another form."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.evidence import SaidIn
from tidegate.values import Struct, field
from tidegate.vex.claim import Claim
from tidegate.vex.csaf import read_csaf
from tidegate.vex.cyclonedx import read_cyclonedx_vex
from tidegate.vex.openvex import CONTEXT_PREFIX, Assertion, read_openvex
from tidegate.wire import from_json

MAX_DOCUMENT_BYTES: Final = 256 * MIB
"""The most that any of the readers takes; some take less."""


class _Head(Struct, frozen=True, kw_only=True):
    context: Any = field(default=None, name="@context")
    document: Any = None
    form: Any = field(default=None, name="bomFormat")
    predicate: Any = None


def read_statements(raw: bytes, *, where: str) -> tuple[SaidIn, list[Claim]]:
    """Reads an OpenVEX, CSAF or CycloneDX document; its own first words say which it is.

    Raises:
        BoundExceededError: the document is over a bound of its reader.
        InvalidInputError: it is none of them.
    """
    head = from_json(raw, _Head, what=where, max_bytes=MAX_DOCUMENT_BYTES)
    if isinstance(head.context, str) and head.context.startswith(CONTEXT_PREFIX):
        return SaidIn.OPENVEX, read_openvex(raw, where=where)
    if head.form == "CycloneDX":
        return SaidIn.CYCLONEDX, read_cyclonedx_vex(raw, where=where)
    if isinstance(head.document, dict) and "csaf_version" in head.document:
        return SaidIn.CSAF, read_csaf(raw, where=where)
    raise InvalidInputError("neither OpenVEX nor CSAF nor CycloneDX", where=where)


def assertions_of(claims: Sequence[Claim]) -> tuple[Assertion, ...]:
    """What a document says, ready to be written in another form; claims of one statement become one again."""
    grouped: dict[tuple[str, str, tuple[str, ...]], list[Claim]] = {}
    for claim in claims:
        packages = tuple(product.text for product in claim.scope.packages)
        grouped.setdefault((claim.word.source, claim.word.status, packages), []).append(claim)
    return tuple(_assertion(group, packages) for (_, _, packages), group in grouped.items())


_UNSAID: Final[Mapping[str, str]] = {
    "not_affected": "no reason was given",
    "affected": "no action was given",
}


def _assertion(group: Sequence[Claim], packages: tuple[str, ...]) -> Assertion:
    first = group[0]
    word, status = first.word, first.word.status
    products = dict.fromkeys(product.text for claim in group for product in claim.scope.products if product.text)
    reason = word.reason or _UNSAID.get(status, "")
    return Assertion(
        id=word.id,
        status=status,
        products=tuple(products) or packages,
        packages=packages if products else (),
        aliases=tuple(sorted(first.ids - {word.id.upper()})),
        impact=reason if status == "not_affected" else "",
        action=reason if status == "affected" else "",
    )
