# SPDX-License-Identifier: Apache-2.0
"""Statements as they are shown to people, wherever they lie: bare, in DSSE envelopes, in Sigstore bundles.

Nothing is verified here. The predicate is kept byte for byte as it came.
"""

import base64
import binascii
from typing import Any, Final

from tidegate.bounds import MIB, printable
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence.predicates.gist import gist_of
from tidegate.evidence.predicates.kinds import KINDS, kind_of
from tidegate.evidence.statement import PAYLOAD_TYPE, parse_statement
from tidegate.values import Struct, msgspec
from tidegate.wire import from_json

MAX_FILE_BYTES: Final = 128 * MIB
MAX_STATEMENTS: Final = 10_000


class ShownStatement(Struct, frozen=True, kw_only=True):
    """One statement.

    Attributes:
        kind: name of its kind; "" when nothing is known of its predicate type.
        subjects: what it is about, as `name algorithm:digest`.
        key_ids: whom its envelope names as signers; nobody verified that.
        predicate: its bytes as they came, as text.
    """

    kind: str
    predicate_type: str
    gist: str
    subjects: tuple[str, ...]
    enveloped: bool
    key_ids: tuple[str, ...]
    predicate: str


class _Raw(Struct, frozen=True, kw_only=True):
    predicate: msgspec.Raw = msgspec.Raw(b"{}")


def predicate_bytes(payload: bytes, *, where: str = "statement") -> bytes:
    """The predicate of a statement byte for byte as it came.

    Raises:
        InvalidInputError: it is no JSON object.
    """
    return bytes(from_json(payload, _Raw, what=where, max_bytes=MAX_FILE_BYTES).predicate)


def show_statements(content: bytes, *, where: str) -> tuple[ShownStatement, ...]:
    """Reads a file of one statement, or of one a line.

    Raises:
        BoundExceededError: over `MAX_FILE_BYTES` or `MAX_STATEMENTS`.
        InvalidInputError: something in it is no statement.
    """
    if len(content) > MAX_FILE_BYTES:
        raise BoundExceededError("MAX_FILE_BYTES", MAX_FILE_BYTES, where=where)
    try:
        return (_shown(content, where),)
    except InvalidInputError:
        lines = [line for line in content.split(b"\n") if line.strip()]
        if len(lines) < 2:  # noqa: PLR2004 - one line is the whole
            raise
    if len(lines) > MAX_STATEMENTS:
        raise BoundExceededError("MAX_STATEMENTS", MAX_STATEMENTS, where=where)
    return tuple(_shown(line, f"{where}:{number}") for number, line in enumerate(lines, 1))


def _shown(content: bytes, where: str) -> ShownStatement:
    document = from_json(content, dict[str, Any], what=where, max_bytes=MAX_FILE_BYTES)
    envelope = _envelope(document)
    enveloped = "payloadType" in envelope
    payload = payload_in(document, content, where=where)
    statement = parse_statement(payload, where=where)
    kind = kind_of(statement.predicate_type, statement.predicate)
    commits = (f"{it.name} gitCommit:{it.commit}".strip() for it in statement.commits)
    return ShownStatement(
        kind=kind if kind in KINDS else "",
        predicate_type=statement.predicate_type,
        gist=gist_of(statement.predicate_type, statement.predicate),
        subjects=(*(f"{it.name} {it.digest}".strip() for it in statement.subjects), *commits),
        enveloped=enveloped,
        key_ids=_key_ids(envelope) if enveloped else (),
        predicate=predicate_bytes(payload, where=where).decode("utf-8", "replace"),
    )


def payload_in(document: dict[str, Any], content: bytes, *, where: str = "statement") -> bytes:
    """The statement in a document: in the envelope it is or carries, else the document itself.

    Args:
        document: the content, read.
        content: the bytes it was read from.
        where: its name in errors.

    Raises:
        InvalidInputError: an envelope around something else, or malformed.
    """
    envelope = _envelope(document)
    return _payload(envelope, where) if "payloadType" in envelope else content


def _envelope(document: dict[str, Any]) -> dict[str, Any]:
    bundled = document.get("dsseEnvelope")
    return bundled if isinstance(bundled, dict) else document


def _payload(envelope: dict[str, Any], where: str) -> bytes:
    if envelope.get("payloadType") != PAYLOAD_TYPE or not isinstance(envelope.get("payload"), str):
        raise InvalidInputError("an envelope around something else than a statement", where=where)
    try:
        return base64.b64decode(envelope["payload"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("malformed base64", where=where) from error


def _key_ids(envelope: dict[str, Any]) -> tuple[str, ...]:
    signatures = envelope.get("signatures")
    found = [it.get("keyid") for it in signatures if isinstance(it, dict)] if isinstance(signatures, list) else []
    return tuple(printable(str(name or "a key without a name"))[:200] for name in found[:100])
