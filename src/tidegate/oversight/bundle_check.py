# SPDX-License-Identifier: Apache-2.0
"""Verifying a bundle offline, with keys its reader gave: what holds of each line, and what cannot be shown. Pure.

Shown is: that the server's key sealed exactly this, who signed each statement, and that each stands in the ledger where
it says. Not shown is that nothing else is on record: a ledger proves what is in it, not what is not. Of what was left
out, a decision's own list of what it read tells something, and so does a change of state that rests on a statement.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from tidegate import ledger
from tidegate.admission.ledger_line import ledger_line
from tidegate.admission.records import inputs_in
from tidegate.artifact import Digest
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError, TidegateError
from tidegate.evidence import VSA, PredicateType, Statement, parse_statement
from tidegate.evidence.predicates.gist import gist_of
from tidegate.evidence.predicates.kinds import kind_of
from tidegate.ledger import Checkpoint
from tidegate.ledger.note import split_note
from tidegate.ledger.policy import LogPolicy
from tidegate.oversight.bundle import BundledStatement, content_digest, read_bundle
from tidegate.oversight.bundled_trust import Placed, given, trust_in
from tidegate.policy.vsa import from_vsa
from tidegate.signing.envelope import parse_envelope, signers_of, verify
from tidegate.signing.keys import TrustedKeys, VerifyingKey
from tidegate.trust.role import PASSPORT_SEAL
from tidegate.trust.standing import Trust
from tidegate.values import Struct, replace
from tidegate.wire import demand_unique_keys, to_json

_KEY_ID_CHARS: Final = 64
CANNOT_BE_SHOWN: Final = (
    "that nothing else is on record of this digest: a ledger proves what is in it, not what is not",
    "that lines without a signature of their own are true: only that the server sealed them",
)


class Holds(StrEnum):
    """What there is to say of one part."""

    YES = "holds"
    VOID = "void"  # signed by a key that is revoked from there on, or was not valid
    UNKNOWN = "unknown"  # by a key nobody gave, and that none that was given speaks of
    NO = "fails"


class Checked(Struct, frozen=True, kw_only=True):
    """One part of a bundle.

    Attributes:
        problems: why it does not hold, or what its reader should know.
    """

    name: str
    what: str
    holds: Holds
    index: int = -1
    recorded_at: str = ""
    signers: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class BundleReport(Struct, frozen=True, kw_only=True):
    """All of it.

    Attributes:
        holds: the seal does, and nothing fails; what is void or unknown is listed and counts for nothing.
        decisions: the newest that holds at each boundary.
        claimed: how many lines only the seal vouches for.
        not_shown: what this cannot prove.
    """

    digest: Digest
    state: str
    holds: bool
    seal: Checked
    checkpoint: Checked
    statements: tuple[Checked, ...]
    decisions: tuple[str, ...]
    claimed: int
    not_shown: tuple[str, ...] = CANNOT_BE_SHOWN


def check_bundle(
    data: bytes, keys: Sequence[VerifyingKey], *, log: LogPolicy | None = None, at: datetime
) -> BundleReport:
    """Checks everything in a bundle.

    Args:
        data: the file.
        keys: that its reader trusts, at least one.
        log: whose checkpoint is believed, and which witnesses must have cosigned it; None leaves it to the seal.
        at: now: decisions that expired by then are told.

    Raises:
        InvalidInputError: not a bundle, not canonical, or over a bound.
    """
    bundle = read_bundle(data)
    content = bundle.content
    checkpoint, root = _checkpoint(content.ledger.checkpoint, content.ledger.size, log, at)
    every = TrustedKeys.of([*keys, *_keys_in(content.keys)])
    read = [_Read(item, content.digest, root, content.ledger.size, every) for item in content.statements]
    trust = trust_in(given(keys), [one.placed for one in read if one.placed is not None and not one.problems])
    known = {one.envelope for one in read}
    wanted = {name for one in read for name in one.inputs}
    checked = tuple(one.checked(trust, known, wanted) for one in read)
    seal = _seal(to_json(bundle.seal), content_digest(content), content.digest, trust, at)
    order = _order(content.statements)
    gaps = tuple(_gaps(content.record, known))
    if order or gaps:
        seal = _worse(seal, (*order, *gaps))
    parts = (seal, checkpoint, *checked)
    return BundleReport(
        digest=content.digest,
        state=content.state,
        holds=seal.holds is Holds.YES and not any(part.holds is Holds.NO for part in parts),
        seal=seal,
        checkpoint=checkpoint,
        statements=checked,
        decisions=tuple(_decisions(read, checked, content.digest, at)),
        claimed=len(content.record),
    )


class _Read:
    """One statement as far as it can be read."""

    def __init__(
        self, item: BundledStatement, digest: Digest, root: bytes | None, size: int, every: TrustedKeys
    ) -> None:
        self.item = item
        self.problems: list[str] = []
        self.statement: Statement | None = None
        self.placed: Placed | None = None
        self.inputs: frozenset[str] = frozenset()
        self._digest = digest
        try:
            raw = _bytes(item.envelope)
        except InvalidInputError as error:
            raw = b""
            self.problems.append(str(error))
        self.envelope = Digest.of(raw)
        self._prove(root, size)
        self._read(raw, every)

    def _prove(self, root: bytes | None, size: int) -> None:
        kind = PredicateType(self.item.predicate_type)
        leaf = ledger.leaf_hash(ledger_line(self.envelope, self.item.subject, kind))
        try:
            if root is None:
                raise InvalidInputError("there is no checkpoint to prove it against")
            proof = tuple(_bytes(one) for one in self.item.proof)
            ledger.verify_inclusion(index=self.item.index, size=size, leaf=leaf, proof=proof, root=root)
        except TidegateError as error:
            self.problems.append(f"not proved to be ledger entry {self.item.index}: {error.what}")

    def _read(self, raw: bytes, every: TrustedKeys) -> None:
        try:
            parse_rfc3339(self.item.recorded_at)
            envelope = parse_envelope(raw)
            self.statement = parse_statement(envelope.payload)
            demand_unique_keys(envelope.payload, what="statement")
            signers = signers_of(envelope, every, where="envelope")
        except TidegateError as error:
            self.problems.append(str(error))
            return
        if self.statement.predicate_type != self.item.predicate_type:
            self.problems.append("is of another type than it is filed under")
        if self.item.subject not in {subject.digest for subject in self.statement.subjects}:
            self.problems.append("is not about what it is filed under")
        if self.statement.predicate_type == VSA:
            self.inputs = frozenset(inputs_in(self.statement.predicate))
        self.placed = Placed(
            index=self.item.index, recorded_at=self.item.recorded_at, statement=self.statement, signers=signers
        )

    @property
    def is_about_it(self) -> bool:
        """Whether it is about the digest of the passport itself."""
        return self.item.subject == self._digest

    def checked(self, trust: Trust, known: set[Digest], wanted: set[str]) -> Checked:
        """What there is to say of it, by whom it is signed and what else is in the bundle."""
        problems = list(self.problems)
        is_of_key = self.item.subject.removeprefix("sha256:") in trust.ids
        if not (self.is_about_it or is_of_key or self.envelope in wanted or _is_key_change(self.statement)):
            problems.append("is about another digest, and no decision here read it")
        if self.is_about_it and (missing := self.inputs - known):
            problems.append(f"rests on {len(missing)} statements that are not in this bundle")
        holds, signers = Holds.NO, tuple[str, ...]()
        if self.placed is not None:
            holds, signers, said = _signed(self.placed, trust)
            problems += said
        if self.problems or (self.is_about_it and self.inputs - known) or (problems and holds is Holds.YES):
            holds = Holds.NO
        return Checked(
            name=self.envelope,
            what=_gist(self.statement),
            holds=holds,
            index=self.item.index,
            recorded_at=self.item.recorded_at,
            signers=signers,
            problems=tuple(problems),
        )


def _signed(placed: Placed, trust: Trust) -> tuple[Holds, tuple[str, ...], list[str]]:
    at, kind = parse_rfc3339(placed.recorded_at), placed.statement.predicate_type
    known = [trust.standings[name] for name in placed.signers if name in trust.standings]
    said = [one.objection(kind, index=placed.index, at=at) for one in known]
    good = tuple(one.key.key_id for one, text in zip(known, said, strict=True) if not text)
    if good:
        return Holds.YES, good, []
    if known:
        return Holds.VOID, (), [text for text in said if text]
    return Holds.UNKNOWN, (), ["signed by no key that was given, or that one of those speaks of"]


def _seal(envelope: bytes, over: Digest, digest: Digest, trust: Trust, at: datetime) -> Checked:
    what = "the server's signature over all of this"
    try:
        # Who seals is asked as of now: a key that is revoked seals nothing, whenever it was.
        verified = verify(envelope, trust.keys_for(PASSPORT_SEAL, index=None, at=at), where="seal")
    except TidegateError as error:
        return Checked(name="seal", what=what, holds=Holds.NO, problems=(str(error),))
    statement = verified.statement
    problems = []
    if statement.predicate_type != PASSPORT_SEAL or [one.digest for one in statement.subjects] != [digest]:
        problems.append("is a seal of something else")
    if statement.predicate.get("content") != {over.algorithm: over.hex}:
        problems.append("is over another content: something in this file was changed")
    if {one.key_id for one in parse_envelope(envelope).signatures} != set(verified.signers):
        problems.append("names another key than the one that made it")
    holds = Holds.NO if problems else Holds.YES
    return Checked(name="seal", what=what, holds=holds, signers=tuple(verified.signers), problems=tuple(problems))


def _checkpoint(note: str, size: int, log: LogPolicy | None, at: datetime) -> tuple[Checked, bytes | None]:
    what, signers = f"the ledger at {size} entries", tuple[str, ...]()
    try:
        if log is not None:
            accepted = log.accept(note, at)
            found, signers = accepted.checkpoint, (accepted.key.name, *sorted(accepted.witnesses))
        else:
            found = Checkpoint.from_text(split_note(note, where="checkpoint")[0])
        if found.size != size:
            raise InvalidInputError(f"is of {found.size} entries, not {size}", where="checkpoint")
    except TidegateError as error:
        return Checked(name="checkpoint", what=what, holds=Holds.NO, problems=(str(error),)), None
    if log is None:
        said = ("no ledger key was given: that this is the ledger's own root is what the seal says",)
        return Checked(name="checkpoint", what=what, holds=Holds.UNKNOWN, problems=said), found.root
    return Checked(name="checkpoint", what=what, holds=Holds.YES, signers=signers), found.root


def _keys_in(keys: Sequence[object]) -> Iterator[VerifyingKey]:
    """The bundle's own keys, to look whose signature is whose; that trusts nobody."""
    for one in keys:
        try:
            yield VerifyingKey.parse(str(getattr(one, "public_key", "")).encode())
        except InvalidInputError:
            continue


def _order(statements: Sequence[BundledStatement]) -> Iterator[str] | tuple[str, ...]:
    indexes = [item.index for item in statements]
    return () if indexes == sorted(set(indexes)) else ("an entry of the ledger stands here twice, or out of order",)


def _gaps(record: Sequence[object], known: set[Digest]) -> Iterator[str]:
    """Changes of state that rest on a statement which is not here."""
    for line in record:
        named = getattr(line, "detail", {}).get("evidence")
        if isinstance(named, str) and named and named not in known:
            yield f"the change {getattr(line, 'what', '')!r} rests on {named}, which is not in this bundle"


def _worse(part: Checked, problems: Sequence[str]) -> Checked:
    return replace(part, holds=Holds.NO, problems=(*part.problems, *problems))


def _decisions(read: Sequence[_Read], checked: Sequence[Checked], digest: Digest, at: datetime) -> Iterator[str]:
    """The newest decision at each boundary, when it holds."""
    newest: dict[str, tuple[_Read, Checked]] = {}
    for one, part in zip(read, checked, strict=True):
        statement = one.statement
        if (
            one.item.subject == digest
            and statement is not None
            and kind_of(statement.predicate_type, statement.predicate) == "vsa"
        ):
            newest[str(statement.predicate.get("tidegate.dev/boundary"))] = one, part
    for boundary, (one, part) in sorted(newest.items()):
        if part.holds is not Holds.YES or one.statement is None:
            yield f"{boundary}: the newest decision {part.holds.value}"
            continue
        try:
            decision = from_vsa(one.statement)
        except TidegateError as error:
            yield f"{boundary}: {error.what}"
            continue
        end = rfc3339(decision.expires_at)
        until = f"expired {end}" if decision.expires_at <= at else f"until {end}"
        policies = ", ".join(ref.name for ref in decision.policies)
        yield f"{boundary}: {decision.verdict}, {until}" + (f", by policy {policies}" if policies else "")


def _gist(statement: Statement | None) -> str:
    if statement is None:
        return "cannot be read"
    predicate = statement.predicate
    if kind_of(statement.predicate_type, predicate) == "vsa":
        return f"decision at {predicate.get('tidegate.dev/boundary')}: {predicate.get('tidegate.dev/verdict')}"
    if isinstance(predicate.get("act"), str):
        return f"{predicate['act']}: {predicate.get('why', '')}"[:200]
    return gist_of(statement.predicate_type, predicate)


def _is_key_change(statement: Statement | None) -> bool:
    key = statement.predicate.get("key") if statement is not None else None
    return isinstance(key, dict) and len(str(key.get("id"))) == _KEY_ID_CHARS


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidInputError("malformed base64") from error
