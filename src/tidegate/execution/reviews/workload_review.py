# SPDX-License-Identifier: Apache-2.0
"""One object of a question before the gate: what is changed in it, and what is said of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from tidegate.artifact import Digest, Reference
from tidegate.clock import rfc3339
from tidegate.evidence import Decision, Reason, Verdict
from tidegate.execution.changes_annotation import Told
from tidegate.execution.edit import Change
from tidegate.execution.gate import PLACEMENT, GateOptions, ObjectReview, Question, WorkloadReview, judge_workload
from tidegate.execution.json_patch import pointer
from tidegate.execution.pod_rules import PodRules
from tidegate.execution.reviews.admission_review import AdmissionRequest
from tidegate.execution.reviews.image_volumes import ImageVolume, image_volumes
from tidegate.execution.reviews.unchanged import pod_spec_at
from tidegate.execution.verdicts.judging import LocalJudge
from tidegate.execution.workload import Workload, pod_path
from tidegate.values import Struct, replace

_EPHEMERAL: Final = "ephemeralcontainers"
_MAX_CHARS: Final = 500
_EPHEMERAL_AT: Final = "/spec/ephemeralContainers/"


class Review(Struct, frozen=True, kw_only=True):
    """What is said of one object.

    Attributes:
        reasons: in words, those that deny; `warnings` those that do not.
        images: digest by container and volume; "" for one nobody knows.
        verdicts: what counted, by container: the verdict and until when it holds.
        changes: what was filled in, and why.
    """

    allowed: bool
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    images: Mapping[str, str] = {}
    references: Mapping[str, str] = {}
    owner: str = ""
    verdicts: Mapping[str, str] = {}
    changes: tuple[Told, ...] = ()


class Pinned(Struct, frozen=True, kw_only=True):
    """How an object is changed before it is judged: a JSON Patch (RFC 6902), and why."""

    patch: tuple[Mapping[str, Any], ...]
    changes: tuple[Told, ...]


def pinned(request: AdmissionRequest, judge: LocalJudge, options: GateOptions, cluster: str) -> Pinned:
    """The patch that pins an object's images to digests and fills in least privilege.

    A pod that is there already keeps its privileges: only its images, and new ephemeral containers, may be changed.

    Raises:
        BoundExceededError, InvalidInputError: the object is broken or hostile.
    """
    item, found = _judged(request, judge, options, cluster, decide=lambda _: None)
    patch: Iterable[Mapping[str, Any]] = item.patch
    if request.subresource == _EPHEMERAL:
        patch = _of_ephemeral(request, item)
    elif request.operation == "UPDATE" and item.workload is not None and not item.workload.pod_at:
        patch = [_pin(found, container.at) for container in found.containers if _is_new_name(request, container.at)]
    volumes = _pinned_volumes(request, found, judge)
    made = (*patch, *volumes)
    return Pinned(patch=made, changes=tuple(_explained(made, item.changes)))


def _explained(patch: Sequence[Mapping[str, Any]], changes: Sequence[Change]) -> Iterator[Told]:
    """Why each thing is changed; what is filled in beneath a map that was not there is told one by one."""
    paths = tuple(str(one["path"]) for one in patch)
    told = [one for one in changes if any(one.path == path or one.path.startswith(f"{path}/") for path in paths)]
    yield from (Told(path=one.path[:_MAX_CHARS], why=one.why[:_MAX_CHARS]) for one in told)
    known = {one.path for one in told}
    for one in patch:
        if str(one["path"]) not in known and str(one["path"]).endswith(("/image", "/reference")):
            yield Told(path=str(one["path"])[:_MAX_CHARS], why=f"pinned to {one['value']}"[:_MAX_CHARS])


def as_it_stands(options: GateOptions) -> GateOptions:
    """The same options, by which nothing is changed before it is judged."""
    rules = tuple(replace(rule, harden=None) for rule in options.rules.rules)
    return GateOptions(
        level=options.level,
        harden=None,
        rules=PodRules(rules=rules, exceptions=options.rules.exceptions),
        strategies=options.strategies,
    )


def review_workload(request: AdmissionRequest, judge: LocalJudge, options: GateOptions, cluster: str) -> Review:
    """What the gate says of an object as it shall be; `options` are those of `as_it_stands`.

    Raises:
        BoundExceededError, InvalidInputError: the object is broken or hostile.
    """
    item, workload = _judged(request, judge, options, cluster, decide=judge.decide)
    fresh = _new_ephemeral(request)
    containers = [one for one in item.containers if fresh is None or one.container in fresh]
    reasons = [reason for one in containers for reason in one.reasons]
    reasons += [
        Reason(rule=one.control, verdict=Verdict.DENY, message=_of(one.container, one.message), fix=one.fix)
        for one in item.violations
        if fresh is None or one.container in fresh
    ]
    reasons += [one for one in item.reasons if one.rule == PLACEMENT]
    # Nothing else is changed by these options: what is still to be added was taken out after us, or never came to us.
    reasons += [_not_placed(change) for change in item.changes]
    reasons += [_not_pinned(one.container, one.reference) for one in containers if _is_loose(one.reference, one.digest)]
    decided = all(one.decision is not None and one.decision.verdict is not Verdict.DENY for one in containers)
    images: dict[str, str] = {one.container: one.digest or "" for one in containers}
    references = {one.container: str(one.reference) for one in containers}
    for volume in image_volumes(_spec(request), workload.pod_at, where=str(workload)) if fresh is None else ():
        digest, said = _of_volume(volume, workload, judge)
        reasons += said
        images[f"volume {volume.name}"], references[f"volume {volume.name}"] = digest or "", str(volume.image)
    counting = [one for one in dict.fromkeys(reasons) if not one.excepted_by]
    denials = tuple(_words(one) for one in counting if one.verdict is Verdict.DENY)
    rest_denies = fresh is None and not item.allowed
    return Review(
        allowed=decided and not denials and not rest_denies,
        reasons=denials or (() if decided and not rest_denies else _other(item)),
        warnings=tuple(_words(one) for one in counting if one.verdict is Verdict.WARN),
        images=images,
        references=references,
        owner=workload.owner,
        verdicts={
            one.container: f"{one.decision.verdict} until {rfc3339(one.decision.expires_at)}"
            for one in containers
            if one.decision is not None
        },
    )


def _judged(
    request: AdmissionRequest, judge: LocalJudge, options: GateOptions, cluster: str, *, decide: Any
) -> tuple[ObjectReview, Workload]:
    document = dict(request.object or {})
    metadata = document.get("metadata")
    # The API server knows the namespace; an object may leave it out.
    document["metadata"] = {**(metadata if isinstance(metadata, dict) else {}), "namespace": request.namespace}
    document.setdefault("kind", request.kind.kind)
    where = request.kind.kind[:63] or "object"
    review: WorkloadReview = judge_workload(
        [document],
        resolve=judge.resolve,
        user_of=judge.user_of,
        decide=decide,
        options=_unplaced(options) if _is_bound(request) else options,
        where=where,
        cluster=cluster,
        expected_of=judge.expected_of,
        nodes_of=judge.nodes_of,
        at=judge.clock(),
    )
    item = review.objects[0]
    return item, item.workload or _no_workload(item)


def _unplaced(options: GateOptions) -> GateOptions:
    return GateOptions(level=options.level, harden=options.harden, rules=options.rules, strategies=None)


def _is_bound(request: AdmissionRequest) -> bool:
    """True for a pod that is there already: where it runs is decided, and can be changed no more."""
    return request.kind.kind == "Pod" and (request.operation != "CREATE" or bool(request.subresource))


def _not_placed(change: Change) -> Reason:
    message = f"{change.path} is not as its placement demands: {change.why}"
    return Reason(rule=PLACEMENT, verdict=Verdict.DENY, message=message, fix="leave it as tidegate wrote it")


def _no_workload(item: ObjectReview) -> Workload:
    from tidegate.errors import InvalidInputError

    raise InvalidInputError("it runs no containers that tidegate knows of", where=item.name[:200])


def _of_volume(volume: ImageVolume, workload: Workload, judge: LocalJudge) -> tuple[Digest | None, list[Reason]]:
    digest = volume.image.digest or judge.resolve(volume.image)
    name = f"volume {volume.name}"
    if digest is None:
        return None, [_deny(name, f"nobody knows which image {volume.image} is")]
    labels = (workload.document.get("metadata") or {}).get("labels") or {}
    decision: Decision | None = judge.decide(
        Question(
            digest=digest,
            reference=volume.image.at(digest),
            cluster=workload.cluster,
            namespace=workload.namespace,
            labels=labels,
            containers=(),
        )
    )
    if decision is None:
        return digest, [_deny(name, f"no gate has decided on {volume.image}")]
    reasons = [replace(one, message=_of(name, one.message)) for one in decision.reasons]
    if volume.image.digest is None:
        reasons.append(_not_pinned(name, volume.image))
    if decision.verdict is Verdict.DENY and not any(one.verdict is Verdict.DENY for one in reasons):
        reasons.append(_deny(name, f"{volume.image} is denied"))
    return digest, reasons


def _pinned_volumes(request: AdmissionRequest, workload: Workload, judge: LocalJudge) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for volume in image_volumes(_spec(request), workload.pod_at, where=str(workload)):
        digest = judge.resolve(volume.image) if volume.image.digest is None else None
        if digest is not None:
            found.append({"op": "replace", "path": pointer(volume.at), "value": str(volume.image.at(digest))})
    return found


def _of_ephemeral(request: AdmissionRequest, item: ObjectReview) -> list[Mapping[str, Any]]:
    """What of a patch concerns ephemeral containers that are being added.

    What is filled in on the pod for all of its containers is filled in on these, as the pod cannot be changed any more.
    """
    fresh = _new_ephemeral(request) or frozenset()
    found: list[Mapping[str, Any]] = []
    for number, container in enumerate(_ephemeral(item.document)):
        if container.get("name") not in fresh:
            continue
        at = f"{_EPHEMERAL_AT}{number}/"
        found += [one for one in item.patch if str(one["path"]).startswith(at)]
        filled = _at(item.document, ("spec", "securityContext", "seccompProfile"))
        unsaid = _at(request.object, ("spec", "securityContext", "seccompProfile")) is None
        own = container.get("securityContext")
        if filled and unsaid and isinstance(own, dict) and "seccompProfile" not in own:
            found.append({"op": "add", "path": f"{at}securityContext/seccompProfile", "value": filled})
    return found


def _pin(workload: Workload, at: Sequence[str | int]) -> Mapping[str, Any]:
    image = next(str(one.image) for one in workload.containers if one.at == tuple(at))
    return {"op": "replace", "path": pointer((*at, "image")), "value": image}


def _is_new_name(request: AdmissionRequest, at: Sequence[str | int]) -> bool:
    return bool(_at(request.object, (*at, "image")) != _at(request.old, (*at, "image")))


def _at(document: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def _spec(request: AdmissionRequest) -> Mapping[str, Any]:
    at = pod_path(request.kind.group, request.kind.kind)
    spec = pod_spec_at(request.object, at or ())
    return spec if isinstance(spec, dict) else {}


def _new_ephemeral(request: AdmissionRequest) -> frozenset[str] | None:
    """Names of ephemeral containers that are being added; None when the whole object is asked of."""
    if request.subresource != _EPHEMERAL:
        return None
    before = {str(one.get("name")): one for one in _ephemeral(request.old)}
    return frozenset(
        str(one.get("name")) for one in _ephemeral(request.object) if before.get(str(one.get("name"))) != one
    )


def _ephemeral(document: Any) -> list[Mapping[str, Any]]:
    listed = _at(document, ("spec", "ephemeralContainers"))
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _is_loose(reference: Reference, digest: Digest | None) -> bool:
    return digest is not None and reference.digest is None


def _not_pinned(name: str, reference: Reference) -> Reason:
    fix = "register the mutating webhook too, or write the digest"
    return _deny(name, f"{reference} is a tag, which can be moved", fix)


def _deny(name: str, message: str, fix: str = "push it through the curation gate first") -> Reason:
    return Reason(rule="execution/image", verdict=Verdict.DENY, message=_of(name, message), item=name, fix=fix)


def _of(name: str, message: str) -> str:
    return f"{name}: {message}" if name else message


def _words(reason: Reason) -> str:
    return reason.message + (f" → {reason.fix}" if reason.fix else "")


def _other(item: ObjectReview) -> tuple[str, ...]:
    return tuple(_words(one) for one in item.reasons) or ("it is not admitted",)
