# SPDX-License-Identifier: Apache-2.0
"""A passport as one file that proves itself offline: its form, and how it is written. Form: docs/reference/passport.md.

The content is canonical JSON (keys sorted, no white space). A statement by the server's key seals it by its digest, so
that no byte of it changes unseen; what is signed in it, and its place in the ledger, anybody checks by itself.
"""

import base64
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Connection, select

from tidegate import ledger
from tidegate.admission.gate import Gate
from tidegate.admission.records import Recorded, inputs_in, record_named, records_of
from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.clock import rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, RefusedError
from tidegate.evidence import VSA, Statement, Subject, parse_statement
from tidegate.ledger import Checkpoint, NoteSigner, Prover, StoredTiles, sign_checkpoint, verify_checkpoint
from tidegate.ledger.witnessed_publication import kept_note
from tidegate.oversight.entry import Entry, WholeSight
from tidegate.oversight.recorded_entries import drafts_on_record
from tidegate.signing.envelope import EnvelopeDocument, parse_envelope, sign
from tidegate.storage import schema
from tidegate.storage.trust_schema import statement_signer
from tidegate.trust.resting_on import keys_signing_for
from tidegate.trust.role import PASSPORT_SEAL
from tidegate.values import Struct
from tidegate.wire import from_json, to_builtins, to_json

FORMAT: Final = "https://tidegate.dev/passport-bundle/v1"
MAX_BUNDLE_BYTES: Final = 512 * MIB
MAX_STATEMENTS: Final = 10_000
_CHUNK: Final = 500


class BundledKey(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A public key, for people to compare: whoever verifies never trusts it because it is here."""

    id: str
    name: str
    public_key: str


class BundledStatement(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A statement with its proof of inclusion (RFC 6962; hashes and envelope in base64)."""

    index: int
    recorded_at: str
    subject: Digest
    predicate_type: str
    envelope: str
    proof: tuple[str, ...]


class BundledLedger(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The checkpoint that all proofs are against (C2SP tlog-checkpoint), and the key it claims to be signed with."""

    checkpoint: str
    size: int
    key: str


class BundledLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line the record tells: vouched for by the seal, by nothing else."""

    at: str
    kind: str
    what: str
    who: str
    why: str
    detail: dict[str, Any]


class Content(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a bundle holds of one digest."""

    digest: Digest
    state: str
    expires_at: str
    ledger: BundledLedger
    keys: tuple[BundledKey, ...]
    statements: tuple[BundledStatement, ...]
    record: tuple[BundledLine, ...]


class Bundle(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: `seal` is a DSSE envelope over the content's digest."""

    format: str
    content: Content
    seal: EnvelopeDocument


def write_bundle(connection: Connection, gate: Gate, notes: NoteSigner, digest: Digest) -> bytes:
    """Everything signed about a digest, with its proofs, and the record's own lines, sealed.

    Equal records give equal content.

    With it go the statements of others that its decisions read (of an index, those about its images), and what was
    said of the keys that signed. The proofs are against the checkpoint that witnesses cosigned, where it covers all of
    that; else against one of now, which the log signs alone.

    Raises:
        NotFoundError: nothing is on record of it.
        BoundExceededError: it is more than a verifier reads.
    """
    found = {item.ledger_index: item for item in _statements(connection, digest)}
    if not found:
        raise NotFoundError("no statement is on record of it", where=digest, remedy="push it, or admit it")
    if len(found) > MAX_STATEMENTS:
        raise BoundExceededError("MAX_STATEMENTS", MAX_STATEMENTS, where=digest)
    note, size = _checkpoint(connection, notes, max(found))
    prover = Prover(StoredTiles(connection))
    state = connection.execute(select(schema.state).where(schema.state.c.digest == digest)).mappings().first()
    content = Content(
        digest=digest,
        state=state["state"] if state else "",
        expires_at=state["expires_at"] if state else "",
        ledger=BundledLedger(checkpoint=note, size=size, key=str(notes.verifier)),
        keys=tuple(_keys(connection, gate, found)),
        statements=tuple(_bundled(prover, found[index], size) for index in sorted(found)),
        record=tuple(_line(entry) for entry in _record(connection, digest)),
    )
    trust = gate.trust(connection)
    seal = sign(_seal_over(content, digest), gate.signing_key(trust)).content
    document = from_json(seal, EnvelopeDocument, what="seal", max_bytes=MAX_BUNDLE_BYTES)
    written = canonical(Bundle(format=FORMAT, content=content, seal=document))
    if len(written) > MAX_BUNDLE_BYTES:
        raise BoundExceededError("MAX_BUNDLE_BYTES", MAX_BUNDLE_BYTES, where=digest)
    return written


def read_bundle(data: bytes, *, where: str = "passport") -> Bundle:
    """Reads a bundle, in its one form: nothing is passed over, nothing stands twice.

    Raises:
        InvalidInputError: not a bundle of this format, not canonical, or over a bound.
    """
    bundle = from_json(data, Bundle, what=where, max_bytes=MAX_BUNDLE_BYTES)
    if bundle.format != FORMAT:
        raise InvalidInputError(f"is of the format {bundle.format[:80]!r}, not {FORMAT}", where=where)
    if canonical(bundle) != data or not _is_plain_base64(bundle.seal):
        raise InvalidInputError(
            "is not in its canonical form: a name stands twice, or something stands where it should not", where=where
        )
    if len(bundle.content.statements) > MAX_STATEMENTS:
        raise BoundExceededError("MAX_STATEMENTS", MAX_STATEMENTS, where=where)
    return bundle


def _is_plain_base64(seal: EnvelopeDocument) -> bool:
    """Whether each text is the one way to write its bytes: base64 has several."""
    texts = (seal.payload, *(one.sig for one in seal.signatures))
    try:
        return all(_text(base64.b64decode(text, validate=True)) == text for text in texts)
    except ValueError:
        return False


def content_digest(content: Content) -> Digest:
    """What the seal is over."""
    return Digest.of(to_json(to_builtins(content)))


def canonical(bundle: Bundle) -> bytes:
    """The one form of a bundle: keys sorted, no white space, a line feed at the end."""
    return to_json(to_builtins(bundle)) + b"\n"


def _checkpoint(connection: Connection, notes: NoteSigner, last: int) -> tuple[str, int]:
    """The signed checkpoint that proves entries up to the last, and its size."""
    size, kept = ledger.size(connection), kept_note(connection, notes.name)
    if kept:
        with suppress(RefusedError):  # by another key than that of now
            found = verify_checkpoint(kept, notes.verifier)
            if last < found.size <= size and ledger.root(connection, found.size) == found.root:
                return kept, found.size
    now = Checkpoint(origin=notes.name, size=size, root=ledger.root(connection, size))
    return sign_checkpoint(now, notes), size


def _seal_over(content: Content, digest: Digest) -> Statement:
    over = content_digest(content)
    return Statement(
        subjects=(Subject(name="passport", digest=digest),),
        predicate_type=PASSPORT_SEAL,
        predicate={"content": {over.algorithm: over.hex}},
    )


def _statements(connection: Connection, digest: Digest) -> Iterator[Recorded]:
    own = records_of(connection, digest)
    yield from own
    known = {item.digest for item in own}
    wanted = {name for item in own if item.predicate_type == VSA for name in _inputs(item)} - known
    for name in sorted(wanted):
        other = record_named(connection, name)
        if other is not None:
            yield other
    for key_id in keys_signing_for(connection, digest):
        yield from records_of(connection, Digest(f"sha256:{key_id}"))


def _inputs(item: Recorded) -> set[Digest]:
    """What a decision says it read; whoever signed it is asked later, by who verifies."""
    found = set()
    try:
        statement = parse_statement(parse_envelope(item.envelope).payload)
        for text in inputs_in(statement.predicate):
            found.add(Digest(text))
    except InvalidInputError:
        return found
    return found


def _bundled(prover: Prover, item: Recorded, size: int) -> BundledStatement:
    return BundledStatement(
        index=item.ledger_index,
        recorded_at=rfc3339(item.recorded_at),
        subject=item.subject,
        predicate_type=item.predicate_type,
        envelope=_text(item.envelope),
        proof=tuple(_text(one) for one in prover.inclusion(item.ledger_index, size)),
    )


def _keys(connection: Connection, gate: Gate, found: dict[int, Recorded]) -> Iterator[BundledKey]:
    signer = statement_signer
    named: set[str] = set()
    indexes = sorted(found)
    for start in range(0, len(indexes), _CHUNK):
        here = signer.c.ledger_index.in_(indexes[start : start + _CHUNK])
        named |= set(connection.scalars(select(signer.c.key_id).where(here)))
    for key_id, standing in sorted(gate.trust(connection).standings.items()):
        if key_id in named:
            yield BundledKey(id=key_id, name=standing.name, public_key=standing.key.to_pem().decode())


def _record(connection: Connection, digest: Digest) -> list[Entry]:
    holding = schema.repository_manifest
    names = connection.scalars(select(holding.c.repository).where(holding.c.digest == digest))
    drafts = drafts_on_record(connection, digest, WholeSight(), tuple(names))
    return [draft.make() for draft in sorted(drafts, key=lambda draft: draft.place)]


def _line(entry: Entry) -> BundledLine:
    return BundledLine(
        at=entry.at, kind=entry.kind.value, what=entry.what, who=entry.who, why=entry.why, detail=dict(entry.detail)
    )


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
