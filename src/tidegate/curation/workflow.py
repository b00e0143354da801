# SPDX-License-Identifier: Apache-2.0
"""The life of an image between quarantine and verdict, as durable work keyed by digest.

    quarantined ── begin ──► analysing ── examine ──► evidence on record ── decide ──► admitted | rejected

The same work judges again what was judged before, when knowledge or policy changed: then an admitted image that no
longer passes is recalled. Each step is idempotent by digest: run twice after a kill, it leaves one record and one
change of state. An image that cannot be examined has no evidence, and no evidence is a denial.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from tidegate.admission.encrypted import decide_encrypted
from tidegate.admission.gate import NOTHING, Gate
from tidegate.admission.index import without_decision
from tidegate.admission.statements import sbom_statement, scan_statement
from tidegate.artifact import Digest, Index, Manifest, Repository, Tag
from tidegate.clock import Clock, parse_rfc3339
from tidegate.curation import attachments
from tidegate.curation.attached import ShelfPlace, attached_envelopes, indexes_of
from tidegate.curation.components.remembered import remember_components
from tidegate.curation.encryption.copies import copies_of
from tidegate.curation.lifecycle import UNDECIDED
from tidegate.curation.remembered_facts import remember_claimed_commit, remember_lines, remember_proven_commits
from tidegate.curation.scanned import remember_scan
from tidegate.curation.settle import settle
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelved import context_of, manifest_of, open_shelved, repositories_of
from tidegate.curation.shelved_artifact import is_readable, open_artifact
from tidegate.curation.standing import standing_of, with_standing
from tidegate.curation.states import State, advance, hold, state_of
from tidegate.curation.summary import remember_summary
from tidegate.curation.tags import tags_of
from tidegate.errors import OutsideError, RefusedError, TidegateError
from tidegate.evidence import Boundary, Decision, ScanReport, Statement
from tidegate.inventory import Inventory
from tidegate.knowledge.database import Knowledge
from tidegate.oci.image import Image
from tidegate.oci.signatures import SignaturePlace
from tidegate.storage import schema
from tidegate.storage.blobs import BlobStore
from tidegate.storage.carried import carrying, parted
from tidegate.storage.database import Database
from tidegate.storage.durable import Steps
from tidegate.storage.tides import note_judged
from tidegate.values import replace

_log = logging.getLogger(__name__)
WHO: Final = "tidegate/curation"
_MAX_INDEX_DEPTH: Final = 4
_SAME_JUDGEMENT_WITHIN: Final = timedelta(hours=1)


class Curation:
    """Takes digests from quarantine to a verdict, and from one verdict to the next.

    Args:
        scan: reads an image's facts; layers seen before cost nothing.
        report: joins facts with knowledge.
        remember: keeps an admitted image, by a name it goes by, as one that others may be built upon.
        knowledge: gives the knowledge of this moment; None while there is none.
        clock: the moment recorded.
        artifact_types: patterns of types that are no images and are examined as if they were.
        signatures: verifies what hangs on an image in any of its repositories by a trust policy; None for no policy.
    """

    def __init__(
        self,
        *,
        database: Database,
        blobs: BlobStore,
        shelf: Shelf,
        gate: Gate,
        scan: Callable[[Image], Inventory],
        report: Callable[[Inventory, Knowledge | None], ScanReport],
        remember: Callable[[Inventory, Repository, Tag], None],
        knowledge: Callable[[], Knowledge | None],
        clock: Clock,
        artifact_types: tuple[str, ...] = (),
        signatures: Callable[[SignaturePlace, Sequence[Digest], Sequence[Repository]], Statement] | None = None,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._shelf = shelf
        self._gate = gate
        self._scan = scan
        self._report = report
        self._remember = remember
        self._knowledge = knowledge
        self._clock = clock
        self._artifact_types = artifact_types
        self._signatures = signatures

    def work(self, steps: Steps, argument: str) -> str:
        """Judges one digest, in the tide it was asked for in; durable work for `tidegate.storage.durable`.

        Returns:
            The state the digest is in afterwards, or "gone" when it was deleted meanwhile.
        """
        subject, tide = parted(argument)
        with carrying(tide):
            for digest in [*steps.run("children", self.undecided_children, subject), subject]:
                state = self._judge(steps, digest)
            for copy in steps.run("copies", self.copies, subject):
                self._judge(steps, copy)
        return state

    def _judge(self, steps: Steps, digest: str) -> str:
        steps.run("begin", self.begin, digest)
        trouble = steps.run("examine", self.examine, digest)
        state: str = steps.run("decide", self.decide, digest, trouble)
        if state == State.ADMITTED:
            steps.run("remember", self.remember, digest)
        return state

    def copies(self, digest: str) -> list[str]:
        """The encrypted copies of an image: judged with it, so that their decisions do not end before its own."""
        with self._database.read() as connection:
            return list(copies_of(connection, Digest(digest)))

    def undecided_children(self, digest: str) -> list[str]:
        """What an index names, at any depth, that has no verdict yet, the innermost first; nothing for an image."""
        found: dict[str, None] = {}
        with self._database.read() as connection:
            self._collect_undecided(connection, Digest(digest), found, depth=0)
        return list(found)

    def _collect_undecided(self, connection: Connection, digest: Digest, found: dict[str, None], *, depth: int) -> None:
        if depth > _MAX_INDEX_DEPTH or state_of(connection, digest) is None:
            return
        manifest = manifest_of(connection, digest)
        for child in manifest.manifests if isinstance(manifest, Index) else ():
            if child.digest not in found and state_of(connection, child.digest) in UNDECIDED:
                self._collect_undecided(connection, child.digest, found, depth=depth + 1)
                found[child.digest] = None

    def begin(self, digest: str) -> str:
        """Takes a digest out of quarantine into analysis; one that was judged before stays as it is meanwhile."""
        subject = Digest(digest)
        with self._database.begin() as connection:
            state = state_of(connection, subject)
            if state is None:
                return "gone"
            if state is State.QUARANTINED:
                advance(connection, subject, State.ANALYSING, who=WHO, why="analysis began", at=self._clock())
            return "begun"

    def examine(self, digest: str) -> str:
        """Finds and records the evidence of one image.

        Returns:
            "" when all went well, else in one line why there is no evidence.

        Raises:
            OutsideError: disk or database failed; worth trying again.
        """
        subject = Digest(digest)
        try:
            with self._database.read() as connection:
                if state_of(connection, subject) is None:
                    return "it was deleted"
                manifest = manifest_of(connection, subject)
                names = repositories_of(connection, subject)
                stored_at = _stored_at(connection, subject)
                is_copy = self._gate.plain_of(connection, subject) is not None
            if isinstance(manifest, Index) or is_copy:
                return ""
            self._examine_image(manifest, f"{names[0] if names else 'deleted'}@{digest}", stored_at)
        except OutsideError:
            raise
        except TidegateError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - said below
            # Whatever an image did to the scanner, it is not admitted, and the next one is served.
            _log.exception("examining %s failed", digest)
            return f"the examination failed: {type(error).__name__}"
        return ""

    def decide(self, digest: str, trouble: str) -> str:
        """Decides over a digest from the evidence on record, and settles its state.

        Args:
            digest: of the manifest or index.
            trouble: why there is no fresh evidence; "" when there is. Older evidence then does not count.
        """
        subject = Digest(digest)
        at = self._clock()
        with self._database.begin() as connection:
            hold(connection, [subject])
            if state_of(connection, subject) is None:
                note_judged(connection, digest, "gone", at=at)
                return "gone"
            manifest = manifest_of(connection, subject)
            if isinstance(manifest, Index):
                remember_proven_commits(connection, subject, self._gate.evidence_of(connection, subject).evidence)
                decision = self._gate.judge_index(
                    Boundary.CURATION, subject, self._children(connection, manifest), at=at
                )
            elif (copied := self._gate.plain_of(connection, subject)) is not None:
                plain, said_by = copied
                decision = decide_encrypted(subject, self._decision_behind(connection, plain), said_by, at=at)
            else:
                gathered = NOTHING if trouble else self._gate.evidence_of(connection, subject)
                remember_proven_commits(connection, subject, gathered.evidence)
                context = context_of(connection, subject)
                decision = self._gate.judge(Boundary.CURATION, subject, context, gathered, at=at)
            decision = with_standing(decision, standing_of(connection, subject))
            names = repositories_of(connection, subject)
            envelope = self._envelope_on_record(connection, decision)
            known = envelope is not None
            if envelope is None:
                uri = f"{names[0]}@{digest}" if names else digest
                envelope = self._gate.conclude(connection, decision, resource_uri=uri, at=at).digest
            attachments.before_attaching(connection, [*decision.inputs, envelope])
            for name in names:
                for evidence in (*decision.inputs, envelope):
                    self._shelf.attach_record(connection, name, subject, evidence)
            state = (
                state_of(connection, subject)
                if known
                else settle(connection, decision, envelope, trouble=trouble, who=WHO, at=at)
            )
            note_judged(connection, digest, state or "gone", at=at)
            return state or "gone"

    def remember(self, digest: str) -> None:
        """Remembers an admitted image by each of its tags, so that what is built upon it is recognised."""
        subject = Digest(digest)
        with self._database.read() as connection:
            names = tags_of(connection, subject)
            if not names or state_of(connection, subject) is None:
                return
            manifest = manifest_of(connection, subject)
            is_copy = self._gate.plain_of(connection, subject) is not None
        if isinstance(manifest, Index) or is_copy:
            return
        inventory = self._scan(open_shelved(manifest, self._blobs, name=f"{names[0][0]}@{digest}"))
        for repository, name in names:
            self._remember(inventory, repository, name)

    def _examine_image(self, manifest: Manifest, name: str, stored_at: datetime) -> None:
        with self._database.read() as connection:
            attached = attached_envelopes(connection, self._blobs, manifest.digest)
            signed = self._signed(connection, manifest.digest)
        inventory = self._scan(self._open(manifest, name))
        bill = sbom_statement(inventory, made_at=stored_at)
        while True:
            knowledge, at = self._knowledge(), self._clock()
            report = self._report(inventory, knowledge)
            with self._database.begin() as connection:
                self._gate.add(connection, bill, at=at)
                self._gate.add(connection, scan_statement(inventory, report), at=at)
                for statement in signed:
                    self._gate.add(connection, statement, at=at)
                self._gate.add_others(connection, attached, manifest.digest, at=at)
                remember_components(connection, inventory)
                remember_scan(connection, manifest.digest, report, at=at)
                remember_summary(connection, manifest, inventory, report, at=at)
                remember_lines(connection, manifest.digest, report)
                labels = report.configuration.labels if report.configuration else {}
                remember_claimed_commit(connection, manifest.digest, {**labels, **manifest.annotations})
            # Knowledge that arrived before the components were stored passed them by: join once more.
            if self._knowledge() is knowledge:
                return

    def _signed(self, connection: Connection, digest: Digest) -> list[Statement]:
        """What the trust policy makes of an image's signatures; or of those on an index that names it."""
        if self._signatures is None:
            return []
        subjects = (digest, *indexes_of(connection, digest))
        place = ShelfPlace(connection, self._blobs)
        return [self._signatures(place, subjects, repositories_of(connection, digest))]

    def _open(self, manifest: Manifest, name: str) -> Image:
        if not manifest.is_image and is_readable(manifest, self._artifact_types):
            return open_artifact(manifest, self._blobs, name=name)
        return open_shelved(manifest, self._blobs, name=name)

    def _envelope_on_record(self, connection: Connection, decision: Decision) -> Digest | None:
        """The envelope behind the state, when it is this very judgement, made a moment ago: by a killed process."""
        known = self._decision_behind(connection, decision.subject)
        if known is None or decision.decided_at - known.decided_at >= _SAME_JUDGEMENT_WITHIN:
            return None
        if known != replace(decision, decided_at=known.decided_at, expires_at=known.expires_at):
            return None
        return Digest(str(_envelope_behind(connection, decision.subject)))

    def _decision_behind(self, connection: Connection, digest: Digest) -> Decision | None:
        """None as well when its signature is void: then there is no decision any more."""
        name = _envelope_behind(connection, digest)
        try:
            return self._gate.decision_named(connection, Digest(name)) if name else None
        except RefusedError:
            return None

    def _children(self, connection: Connection, index: Index) -> list[tuple[str, Decision]]:
        found = []
        for child in index.manifests:
            decision = self._decision_behind(connection, child.digest)
            if decision is None and _envelope_behind(connection, child.digest):
                decision = without_decision(child.digest, at=self._clock())
            if decision is not None:
                found.append((str(child.platform or child.digest), decision))
        return found


def _envelope_behind(connection: Connection, digest: Digest) -> str | None:
    return connection.scalar(select(schema.state.c.decision).where(schema.state.c.digest == digest))


def _stored_at(connection: Connection, digest: Digest) -> datetime:
    moment = connection.scalar(select(schema.manifest.c.stored_at).where(schema.manifest.c.digest == digest))
    return parse_rfc3339(str(moment))
