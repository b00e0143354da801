# SPDX-License-Identifier: Apache-2.0
"""The desk that answers the API server's questions, from memory. Safe for threads.

Two questions are asked of each object: how it shall be changed (`mutate`), and whether it may be (`validate`). Only the
second denies for what is in the object: what others change after us is judged too.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tidegate.clock import Clock
from tidegate.errors import TidegateError
from tidegate.execution.gate import GateOptions
from tidegate.execution.reviews.admission_review import AdmissionRequest, Answer
from tidegate.execution.reviews.asked import annotations_of, mapping, name_of, names_of, node_at
from tidegate.execution.reviews.break_glass import (
    MIN_REASON_CHARS,
    SEAL,
    Broken,
    GlassOptions,
    Sealer,
    reason_in,
)
from tidegate.execution.reviews.connect_rules import OF_OTHERS, Connection, ConnectRules
from tidegate.execution.reviews.record import MAX_CHANGES, Act, Record
from tidegate.execution.reviews.unchanged import pod_spec_at, runs_the_same
from tidegate.execution.reviews.workload_review import Review, as_it_stands, pinned, review_workload
from tidegate.execution.verdicts.judging import LocalJudge
from tidegate.execution.workload import pod_path
from tidegate.values import Struct, replace

MIRROR: Final = "kubernetes.io/config.mirror"
_NODES: Final = "system:nodes"
_TOLD: Final = 5
_PROXIES: Final = {"pods": "podproxy", "services": "serviceproxy", "nodes": "nodeproxy"}
_OTHER_ACTS: Final = {"eviction": "evict", "scale": "scale"}
_ALLOWED: Final = Answer(allowed=True)
Keep = Callable[[Record], None]
"""Keeps account of an answer; grave ones are on disk when it returns."""


class DeskOptions(Struct, frozen=True, kw_only=True):
    """How the desk answers.

    Attributes:
        cluster: as its operators call it.
        gate: how strict, and what is filled in.
        exempt: namespaces nothing is asked of.
        connect: who may exec, attach and forward ports.
        glass: who may break it.
    """

    cluster: str
    gate: GateOptions
    exempt: frozenset[str]
    connect: ConnectRules
    glass: GlassOptions


class Desk:
    """Answers.

    Args:
        judge: resolves and decides.
        options: how.
        sealer: of broken glass.
        keep: keeps account.
        clock: when seals end.
    """

    def __init__(self, judge: LocalJudge, options: DeskOptions, sealer: Sealer, keep: Keep, clock: Clock) -> None:
        self._judge = judge
        self._options = options
        self._as_it_stands = as_it_stands(options.gate)
        self._sealer = sealer
        self._keep = keep
        self._clock = clock

    def mutate(self, request: AdmissionRequest) -> Answer:
        """How an object shall be changed: pinned, hardened, and sealed where the glass is broken; what, is on record.

        Raises:
            TidegateError: the object is broken or hostile.
        """
        if request.operation == "CONNECT" or request.subresource in _OTHER_ACTS or self._is_passed_over(request):
            return _ALLOWED
        if self._broken_by_seal(request) is not None:
            return _ALLOWED
        if reason := self._wants_glass(request):
            return self._sealed(request, reason)
        made = pinned(request, self._judge, self._options.gate, self._options.cluster)
        if made.patch:
            self._tell(request, Act.CHANGED, Review(allowed=True, changes=made.changes))
        return Answer(allowed=True, patch=made.patch)

    def validate(self, request: AdmissionRequest) -> Answer:
        """Whether an object may be, or a connection made.

        Raises:
            TidegateError: the object is broken or hostile.
        """
        if request.operation == "CONNECT" or request.subresource in _OTHER_ACTS:
            return self._connect(request)
        if self._is_passed_over(request):
            return _ALLOWED
        broken = self._broken_by_seal(request)
        try:
            review = review_workload(request, self._judge, self._as_it_stands, self._options.cluster)
        except TidegateError as error:
            if broken is None:
                self._tell(request, Act.DENIED, Review(allowed=False, reasons=(str(error),)))
                raise
            review = Review(allowed=False, reasons=(str(error),))
        if broken is not None:
            return self._through_broken_glass(request, broken, review)
        self._tell(request, Act.ADMITTED if review.allowed else Act.DENIED, review)
        if review.allowed:
            return Answer(allowed=True, warnings=review.warnings, audit={"decision": "admitted"})
        return Answer(allowed=False, message=self._words(request, review), audit={"decision": "denied"})

    def _is_passed_over(self, request: AdmissionRequest) -> bool:
        if request.operation == "DELETE" or request.namespace in self._options.exempt:
            return True
        if _is_mirror(request):
            return True
        if request.operation != "UPDATE" or request.subresource == "ephemeralcontainers":
            return False
        at = pod_path(request.kind.group, request.kind.kind)
        if at is None or reason_in(annotations_of(request.object)) != reason_in(annotations_of(request.old)):
            return False
        new, old = pod_spec_at(request.object, at), pod_spec_at(request.old, at)
        return runs_the_same(new, old, is_pod=not at)

    def _connect(self, request: AdmissionRequest) -> Answer:
        act = _act_of(request)
        if request.namespace in self._options.exempt:
            return _ALLOWED
        asked = Connection(
            act=act,
            who=names_of(request),
            namespace=request.namespace,
            pod=request.name,
            container=str((request.object or {}).get("container") or ""),
        )
        rule = self._options.connect.ruling(asked)
        if rule is None and act in OF_OTHERS:
            return _ALLOWED
        allowed = rule is not None and rule.allows
        said = f"rule {rule.name}" if rule is not None else "no rule lets them"
        what = f"{request.user.username[:200]} may {'' if allowed else 'not '}{act or 'connect'}: {said}"
        opened = Act.ALLOWED if act in OF_OTHERS else Act.CONNECTED
        self._tell(
            request,
            opened if allowed else Act.CONNECTION_DENIED,
            Review(allowed=allowed, reasons=(what,)),
            rule=rule.name if rule is not None else "",
        )
        if allowed:
            return Answer(allowed=True, audit={"decision": "connected", "reason": what})
        message = f"denied by tidegate: {what}; ask for a rule in webhook.connect_files"
        return Answer(allowed=False, message=message, audit={"decision": "connection-denied"})

    def _wants_glass(self, request: AdmissionRequest) -> str:
        at = pod_path(request.kind.group, request.kind.kind)
        reason = reason_in(annotations_of(request.object), annotations_of(node_at(request.object, at or ())))
        may = self._options.glass.lets(names_of(request))
        return reason if at is not None and may and len(reason) >= MIN_REASON_CHARS else ""

    def _sealed(self, request: AdmissionRequest, reason: str) -> Answer:
        at = pod_path(request.kind.group, request.kind.kind) or ()
        pod = node_at(request.object, at)
        until = self._clock() + self._options.glass.lasting
        broken = Broken(by=request.user.username, until=until, reason=reason)
        seal = self._sealer.seal(broken, request.namespace, mapping(pod.get("spec")))
        return Answer(allowed=True, patch=_annotation(pod, at, SEAL, seal))

    def _broken_by_seal(self, request: AdmissionRequest) -> Broken | None:
        at = pod_path(request.kind.group, request.kind.kind)
        if at is None:
            return None
        pod = node_at(request.object, at)
        text = mapping(mapping(pod.get("metadata")).get("annotations")).get(SEAL)
        return self._sealer.broken(text, request.namespace, mapping(pod.get("spec")), self._clock())

    def _through_broken_glass(self, request: AdmissionRequest, broken: Broken, review: Review) -> Answer:
        if review.allowed:  # nothing had to be broken
            self._tell(request, Act.ADMITTED, review)
            return Answer(allowed=True, warnings=review.warnings, audit={"decision": "admitted"})
        what = f"{broken.by} broke the glass: {broken.reason}"
        told = replace(review, allowed=True, reasons=(what, *review.reasons))
        self._tell(request, Act.GLASS_BROKEN, told)
        return Answer(
            allowed=True,
            warnings=(f"not admitted by tidegate; {broken.by} broke the glass", *review.reasons),
            audit={"decision": "glass-broken", "by": broken.by, "reason": broken.reason},
        )

    def _words(self, request: AdmissionRequest, review: Review) -> str:
        reasons = review.reasons or ("it is not admitted",)
        more = f" (and {len(reasons) - _TOLD} more)" if len(reasons) > _TOLD else ""
        words = f"denied by tidegate: {'; '.join(reasons[:_TOLD])}{more}"
        wanted = reason_in(annotations_of(request.object))
        if wanted and not self._options.glass.lets(names_of(request)):
            words += "; the glass is not yours to break"
        elif wanted and len(wanted) < MIN_REASON_CHARS:
            words += f"; a reason to break the glass has {MIN_REASON_CHARS} characters or more"
        return words

    def _tell(self, request: AdmissionRequest, act: Act, review: Review, *, rule: str = "") -> None:
        if request.dry_run:
            return
        metadata = mapping((request.object or {}).get("metadata"))
        self._keep(
            Record(
                id=request.uid[:64],
                at=self._clock(),
                act=act,
                cluster=self._options.cluster,
                namespace=request.namespace,
                kind=request.kind.kind[:63],
                name=name_of(request),
                by=request.user.username[:253],
                owner=review.owner,
                images=review.images,
                references=review.references,
                is_made=bool(metadata.get("ownerReferences")),
                reasons=review.reasons[:20],
                operation=request.operation[:16],
                subresource=(request.subresource or "")[:63],
                policy=self._judge.store.policy,
                verdicts=review.verdicts,
                rule=rule,
                changes=review.changes[:MAX_CHANGES],
            )
        )


def _is_mirror(request: AdmissionRequest) -> bool:
    """A pod that a node keeps by a file of its own, shown by that node: refusing it changes nothing on the node."""
    return _NODES in request.user.groups and request.kind.kind == "Pod" and MIRROR in annotations_of(request.object)


def _act_of(request: AdmissionRequest) -> str:
    subresource = request.subresource or ""
    if subresource == "proxy":
        return _PROXIES.get(request.resource.resource, "")
    return _OTHER_ACTS.get(subresource, subresource)


def _annotation(pod: Mapping[str, Any], at: tuple[str, ...], name: str, text: str) -> tuple[Mapping[str, Any], ...]:
    """A patch that sets one annotation, and makes the maps that lead there."""
    root = "".join(f"/{key}" for key in at) + "/metadata"
    if not isinstance(pod.get("metadata"), dict):
        return ({"op": "add", "path": root, "value": {"annotations": {name: text}}},)
    if not isinstance(pod["metadata"].get("annotations"), dict):
        return ({"op": "add", "path": f"{root}/annotations", "value": {name: text}},)
    return ({"op": "add", "path": f"{root}/annotations/{name.replace('/', '~1')}", "value": text},)
