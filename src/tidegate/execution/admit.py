# SPDX-License-Identifier: Apache-2.0
"""The execution gate, the act: puts workloads before the gate and keeps account of what may run where.

`tidegate.execution.gate` judges and is pure; here the record is read and written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select

from tidegate.admission.gate import Gate
from tidegate.admission.index import decide_index
from tidegate.admission.restrictions import restrictions_on
from tidegate.artifact import Digest, Reference
from tidegate.clock import Clock
from tidegate.errors import InvalidInputError
from tidegate.events import Event, EventKind
from tidegate.evidence import BEHAVIOUR, SCAN, Boundary, Decision, Evidence, Reason
from tidegate.evidence.predicates.behaviour import Behaviour, read_behaviour
from tidegate.execution.behaviour import Expected, expected_in
from tidegate.execution.configuration.judge import ConfigurationReview, FindSecrets
from tidegate.execution.gate import GateOptions, ObjectReview, Question, WorkloadReview, is_root, judge_workload
from tidegate.execution.kept import kept_for_others, node_demands, shut_by_curation, with_denials
from tidegate.execution.placements import place
from tidegate.execution.placing.place import place_workload
from tidegate.execution.placing.placed import Placed
from tidegate.execution.placing.strategy import NodeDemand, Strategies
from tidegate.execution.workload import Workload, parse_objects
from tidegate.policy.context import ContainerContext, Context
from tidegate.storage import outbox, schema
from tidegate.storage.database import Database
from tidegate.storage.tides import tide_of_any

ResolveTag = Callable[[Connection, Reference], Digest | None]
"""Which digest a name means, by the record of this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionGate:
    """Judges workloads from what is on record: no registry and no scanner is asked.

    Attributes:
        resolve: which digest a tag means.
        options: how strict, and what is filled in.
        find_secrets: looks through ConfigMaps.
    """

    database: Database
    gate: Gate
    resolve: ResolveTag
    clock: Clock
    options: GateOptions
    find_secrets: FindSecrets | None = None

    def review(self, documents: Sequence[Any], *, where: str, cluster: str = "", record: bool = True) -> WorkloadReview:
        """Judges Kubernetes objects.

        Args:
            documents: plain data, as `tidegate.manifests.documents.read_documents` gives it.
            where: their name in errors.
            cluster: where they shall run.
            record: keep decisions, placements and events; without it nothing is written.

        Raises:
            BoundExceededError: more objects or containers than allowed.
            InvalidInputError: not Kubernetes objects.
        """
        with self.database.read() as connection:
            review = judge_workload(
                documents,
                resolve=lambda reference: self.resolve(connection, reference),
                user_of=lambda digest: self.user_of(connection, digest),
                decide=lambda question: self.decide(connection, question),
                options=self.options,
                where=where,
                cluster=cluster,
                expected_of=lambda digest: self.expected_of(connection, digest),
                nodes_of=lambda digest, reference: self.nodes_of(connection, digest, reference),
                find_secrets=self.find_secrets,
                at=self.clock(),
            )
        if record:
            with self.database.begin() as connection:
                for item in review.objects:
                    self._record(connection, item, allowed=review.allowed)
        return review

    def placed(self, documents: Sequence[Any], *, where: str, cluster: str = "") -> tuple[Placed, ...]:
        """Places Kubernetes workloads, and puts nothing on record; other objects are passed over.

        Raises:
            BoundExceededError: more objects or containers than allowed.
            InvalidInputError: not Kubernetes objects.
        """
        found = parse_objects(documents, where=where, cluster=cluster)
        with self.database.read() as connection:
            return tuple(self._placed(connection, one) for one in found if isinstance(one, Workload))

    def _placed(self, connection: Connection, workload: Workload) -> Placed:
        images = (one.image for one in workload.containers)
        known = ((image.digest or self.resolve(connection, image), image) for image in images)
        demands = [one for digest, image in known if digest for one in self.nodes_of(connection, digest, image)]
        return place_workload(workload, self.options.strategies or Strategies(), demands)

    def decide_image(self, connection: Connection, digest: Digest, reference: Reference) -> Decision | None:
        """The decision over one image as its own configuration would run it; None when nothing is on record of it."""
        user = self.user_of(connection, digest)
        container = ContainerContext(name="image", runs_as_root=is_root(user))
        question = Question(
            digest=digest, reference=reference, cluster="", namespace="", labels={}, containers=(container,)
        )
        return self.decide(connection, question)

    def decide(self, connection: Connection, question: Question) -> Decision | None:
        """The decision over one image at one place; None when nothing is on record of it."""
        subject, at = question.digest, self.clock()
        gathered = self.gate.evidence_of(connection, subject)
        if not gathered.newest:
            return None
        context = Context(
            repository=question.reference.repository,
            reference=str(question.reference),
            cluster=question.cluster,
            namespace=question.namespace,
            labels=question.labels,
            containers=question.containers,
        )
        children = judged_images(connection, subject)
        kept = self._kept_for_others(connection, question, children, at)
        if not children:
            return with_denials(self.gate.judge(Boundary.EXECUTION, subject, context, gathered, at=at), kept)
        # The platform is the node's to choose, so an index may run only when all of its images may.
        decisions = [
            (
                child,
                self.gate.judge(Boundary.EXECUTION, child, context, self.gate.evidence_of(connection, child), at=at),
            )
            for child in children
        ]
        denials = (*kept, *shut_by_curation(gathered))
        return with_denials(decide_index(Boundary.EXECUTION, subject, decisions, at), denials)

    def _kept_for_others(
        self, connection: Connection, question: Question, children: Sequence[Digest], at: datetime
    ) -> tuple[Reason, ...]:
        """Of an index, what stands on any of its images too: which one a node asks for is not known here."""
        found = {
            one.id: one
            for digest in (question.digest, *children)
            for one in restrictions_on(connection, digest, question.reference.repository)
        }
        return kept_for_others(tuple(found.values()), question.namespace, question.cluster, at=at)

    def user_of(self, connection: Connection, digest: Digest) -> str | None:
        """The user an image is made to run as; for an index, only when all its images agree."""
        users = {
            _user_in(self.gate.evidence_of(connection, one).evidence)
            for one in (judged_images(connection, digest) or (digest,))
        }
        return users.pop() if len(users) == 1 else None

    def nodes_of(self, connection: Connection, digest: Digest, reference: Reference) -> tuple[NodeDemand, ...]:
        """What the restrictions of an image, or of those an index lists, demand of nodes."""
        imposed = {
            one.id: one
            for known in (digest, *judged_images(connection, digest))
            for one in restrictions_on(connection, known, reference.repository)
        }
        return node_demands(imposed.values())

    def expected_of(self, connection: Connection, digest: Digest) -> Expected | None:
        """What an image's behaviour profiles tell; for an index, only when all its images have one."""
        profiles = [
            _profiles_in(self.gate.evidence_of(connection, one).evidence)
            for one in (judged_images(connection, digest) or (digest,))
        ]
        return expected_in(profile for found in profiles for profile in found) if all(profiles) else None

    def _record(self, connection: Connection, item: ObjectReview, *, allowed: bool) -> None:
        workload, at = item.workload, self.clock()
        if item.configuration is not None:
            outbox.publish(connection, _of_configuration(item.configuration, at))
        if workload is None:
            return
        for container in item.containers:
            if container.decision is not None:
                self.gate.conclude(connection, container.decision, resource_uri=str(container.reference), at=at)
        digests = {container.container: container.digest for container in item.containers}
        if allowed:
            place(connection, workload, digests, at)
        outbox.publish(
            connection,
            Event(
                id=uuid4().hex,
                kind=EventKind.WORKLOAD_ADMITTED if allowed else EventKind.WORKLOAD_DENIED,
                subject=f"{workload.cluster}/{workload.namespace}/{workload.kind}/{workload.name}",
                time=at,
                data={
                    "digests": {name: digest or "" for name, digest in digests.items()},
                    "owner": workload.owner,
                    "reasons": [reason.message for reason in item.reasons],
                    "changes": [change.path for change in item.changes],
                    "explained": [{"path": change.path, "why": change.why} for change in item.changes],
                },
                tide="" if allowed else tide_of_any(connection, filter(None, digests.values())),
            ),
        )


def judged_images(connection: Connection, digest: Digest) -> tuple[Digest, ...]:
    """The images of an index that were judged; none for an image."""
    child, statement = schema.manifest_child, schema.statement
    query = (
        select(child.c.child)
        .join(statement, statement.c.subject == child.c.child)
        .where(child.c.parent == digest)
        .distinct()
        .order_by(child.c.child)
    )
    return tuple(Digest(text) for text in connection.scalars(query))


def _user_in(evidence: Sequence[Evidence]) -> str | None:
    for item in evidence:
        configuration = item.predicate.get("configuration") if item.predicate_type == SCAN else None
        if isinstance(configuration, dict):
            return str(configuration.get("user", ""))
    return None


def _profiles_in(evidence: Sequence[Evidence]) -> list[Behaviour]:
    """The behaviour profiles; one that cannot be read tells nothing, and a trace does not tell what was written."""
    found: list[Behaviour] = []
    for item in evidence:
        if item.predicate_type == BEHAVIOUR:
            try:
                found.append(read_behaviour(item.predicate_type, item.predicate, where=str(item.digest)))
            except InvalidInputError:
                return []
    return found


def _of_configuration(said: ConfigurationReview, at: datetime) -> Event:
    """Its own decision, as an event; of content nothing but its digest is told."""
    return Event(
        id=uuid4().hex,
        kind=EventKind.CONFIGURATION_ADMITTED if said.allowed else EventKind.CONFIGURATION_DENIED,
        subject=f"{said.namespace}/{said.kind}/{said.name}",
        time=at,
        data={
            "digest": said.digest,
            "rule": said.rule,
            "reasons": [reason.message for reason in said.reasons],
            "used_by": list(said.used_by),
        },
    )
