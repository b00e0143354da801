# SPDX-License-Identifier: Apache-2.0
"""What the record tells a judgement of updates: images beside what runs, what a change turns, what the gate says."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from tidegate.admission.gate import Gate
from tidegate.artifact import Digest, Reference, Repository
from tidegate.clock import parse_rfc3339
from tidegate.curation.lifecycle import State
from tidegate.curation.standing import standing_of
from tidegate.errors import InvalidInputError
from tidegate.evidence import SCAN, Finding, ScanReport, Verdict
from tidegate.evidence.flaw import flaws_of, known_id
from tidegate.examination.difference import bare_purl, difference
from tidegate.execution.admit import ExecutionGate, judged_images
from tidegate.execution.gate import Question
from tidegate.execution.updates.judge import Judged, judge
from tidegate.execution.updates.known import Flaw, Runs, Shelf, Shelved, Turned
from tidegate.execution.updates.rule import UpdatePolicy
from tidegate.policy.context import ContainerContext
from tidegate.storage.schema import manifest, manifest_child, repository_manifest, state, tag
from tidegate.storage.vending_schema import image_summary
from tidegate.values import replace
from tidegate.wire import from_builtins

MAX_TAGS: Final = 5000
"""Tags of one repository that are looked at, those that moved last."""
_NO_IMAGE: Final = "attachment"
_AT_ONCE: Final = 500


class KnownImages:
    """Reads the record for one round of judgements, each thing once.

    Args:
        connection: for reading.
        gate: whose evidence counts.
        execution: is asked whether an image may run at a place.
        policy: the rules.
        at: the moment of the judgement.
    """

    def __init__(
        self, connection: Connection, gate: Gate, execution: ExecutionGate, policy: UpdatePolicy, at: datetime
    ) -> None:
        self._connection = connection
        self._gate = gate
        self._execution = execution
        self._policy = policy
        self._at = at
        self._tagged: dict[str, tuple[Shelved, ...]] = {}
        self._reports: dict[Digest, dict[str, ScanReport]] = {}
        self._turned: dict[tuple[Digest, Digest], Turned | None] = {}

    def judge(self, runs: Runs) -> Judged:
        """What may take the place of what runs, and why, or why nothing does."""
        known = self._with_digest(runs)
        rule = self._policy.rule_for(
            runs.repository, cluster=runs.cluster, namespace=runs.namespace, workload=runs.workload
        )
        return judge(
            known,
            self._shelf(known),
            rule,
            weigh=self._weigh,
            objects=lambda to: self._objection(known, to),
            at=self._at,
        )

    def _with_digest(self, runs: Runs) -> Runs:
        if runs.digest is not None or runs.tag is None:
            return runs
        found = next((one.digest for one in self._tags_of(runs.repository) if one.tag == runs.tag), None)
        return replace(runs, digest=found)

    def _shelf(self, runs: Runs) -> Shelf:
        tagged = self._tags_of(runs.repository)
        if runs.digest is None:
            return Shelf(tagged=tagged)
        said = standing_of(self._connection, runs.digest)
        deprecated = said is not None and said.state is State.DEPRECATED
        instead = self._replacement(said.replacement) if said is not None and deprecated else None
        return Shelf(running=self._running(runs.digest, runs.repository, tagged), tagged=tagged, replacement=instead)

    def _running(self, digest: Digest, repository: Repository, tagged: Sequence[Shelved]) -> Shelved | None:
        by_tag = next((one for one in tagged if one.digest == digest), None)
        return by_tag or next(iter(self._shelved(repository, digest=digest)), None)

    def _replacement(self, text: str) -> Shelved | None:
        try:
            named = Reference.parse(f"localhost/{text}")
        except InvalidInputError:
            return None  # words for people
        found = self._tags_of(named.repository)
        wanted = (one for one in found if one.tag == named.tag or one.digest == named.digest)
        return next(wanted, None) if named.digest is None else self._running(named.digest, named.repository, found)

    def _tags_of(self, repository: Repository) -> tuple[Shelved, ...]:
        if repository not in self._tagged:
            self._tagged[repository] = tuple(self._shelved(repository))
        return self._tagged[repository]

    def _shelved(self, repository: Repository, *, digest: Digest | None = None) -> list[Shelved]:
        held = repository_manifest
        query = (
            select(state.c.digest, state.c.state, state.c.since, manifest.c.stored_at)
            .join(manifest, manifest.c.digest == state.c.digest)
            .where(manifest.c.kind != _NO_IMAGE)
        )
        if digest is None:
            tagged = query.add_columns(tag.c.name).join(tag, tag.c.digest == state.c.digest)
            newest = tagged.where(tag.c.repository == repository).order_by(tag.c.moved_at.desc(), tag.c.name)
            rows = newest.limit(MAX_TAGS)
        else:
            here = query.join(held, held.c.digest == state.c.digest)
            rows = here.where(held.c.repository == repository, state.c.digest == digest)
        found = self._connection.execute(rows).mappings().all()
        told = _summaries(self._connection, {row["digest"] for row in found})
        return [_shelved(repository, row, told.get(row["digest"], ())) for row in found]

    def _weigh(self, before: Digest, after: Digest) -> Turned | None:
        if (before, after) not in self._turned:
            self._turned[before, after] = _turned(self._reports_of(before), self._reports_of(after))
        return self._turned[before, after]

    def _reports_of(self, digest: Digest) -> dict[str, ScanReport]:
        """Its scans by platform; none when one of its images has none."""
        if digest not in self._reports:
            found: dict[str, ScanReport] = {}
            for one in judged_images(self._connection, digest) or (digest,):
                report = self._report_of(one)
                if report is None:
                    found = {}
                    break
                found[str(report.artifact.platform or "")] = report
            self._reports[digest] = found
        return self._reports[digest]

    def _report_of(self, digest: Digest) -> ScanReport | None:
        for item in self._gate.evidence_of(self._connection, digest).evidence:
            if item.predicate_type == SCAN:
                try:
                    return from_builtins(item.predicate, ScanReport, what="scan report")
                except InvalidInputError:
                    return None  # of a version that told less
        return None

    def _objection(self, runs: Runs, to: Shelved) -> str:
        reference = Reference(registry=runs.registry, repository=to.repository, digest=to.digest)
        question = Question(
            digest=to.digest,
            reference=reference,
            cluster=runs.cluster,
            namespace=runs.namespace,
            labels={},
            # What the workload asks for beside its image is judged when it is admitted, not here.
            containers=(ContainerContext(name=runs.container or "image", runs_as_root=False),),
        )
        decision = self._execution.decide(self._connection, question)
        if decision is None:
            return "nothing is on record of it"
        if decision.verdict is not Verdict.DENY:
            return ""
        reason = next((one.message for one in decision.reasons if one.verdict is Verdict.DENY), "no rule lets it run")
        return f"the execution gate keeps it out: {reason}"


def _summaries(connection: Connection, digests: Collection[str]) -> dict[str, list[tuple[str, str]]]:
    """Systems and platforms of images, by their digests and those of the indexes that list them."""
    summary, child, found = image_summary, manifest_child, dict[str, list[tuple[str, str]]]()
    for some in _parts(sorted(digests)):
        own = select(summary.c.digest.label("of"), summary.c.system, summary.c.platform)
        listed = select(child.c.parent.label("of"), summary.c.system, summary.c.platform)
        listed = listed.join(summary, summary.c.digest == child.c.child).where(child.c.parent.in_(some))
        for row in connection.execute(own.where(summary.c.digest.in_(some)).union(listed)):
            found.setdefault(row.of, []).append((row.system, row.platform))
    return found


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _AT_ONCE):
        yield names[start : start + _AT_ONCE]


def _shelved(repository: Repository, row: Any, told: Sequence[tuple[str, str]]) -> Shelved:
    systems = {system for system, _ in told if system}
    return Shelved(
        repository=repository,
        tag=row.get("name", ""),
        digest=Digest(row["digest"]),
        state=row["state"],
        is_admitted=row["state"] == State.ADMITTED,
        since=parse_rfc3339(row["since"]),
        stored_at=parse_rfc3339(row["stored_at"]),
        system=systems.pop() if len(systems) == 1 else "",
        platforms=tuple(sorted({platform for _, platform in told if platform})),
    )


def _turned(before: dict[str, ScanReport], after: dict[str, ScanReport]) -> Turned | None:
    """Platform by platform; one that only the newer image has turns nothing."""
    shared = before.keys() & after.keys()
    if not shared:
        return None
    found = [difference(before[one], after[one]) for one in sorted(shared)]
    removes = {flaw.id: flaw for one in found for flaw in _flaws(one.fixed)}
    brings = {flaw.id: flaw for one in found for flaw in _flaws(one.introduced)}
    return Turned(
        removes=tuple(removes[name] for name in sorted(removes.keys() - brings.keys())),
        brings=tuple(brings[name] for name in sorted(brings)),
        caveat=next((one.incomparable for one in found if one.incomparable), ""),
    )


def _flaws(findings: Sequence[Finding]) -> list[Flaw]:
    return [
        Flaw(
            id=known_id(one),
            package=one.why.matched_name or bare_purl(one.purl),
            severity=one.severity,
            is_worse=one.exploited is not None or one.malicious,
        )
        for one in flaws_of(findings)
    ]
