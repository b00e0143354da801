# SPDX-License-Identifier: Apache-2.0
"""The execution gate: may these workloads run, as they are hardened, with the images they name? Pure: all is handed in.

Emptiness denies: no workload, an image without a digest, a digest without a decision, and a custom resource that brings
containers of its own are all a no.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from tidegate.artifact import Digest, Reference
from tidegate.evidence import Boundary, Decision, Reason, Verdict
from tidegate.execution.behaviour import ExpectedOf
from tidegate.execution.configuration.configuration import configuration_of, users_of
from tidegate.execution.configuration.judge import ConfigurationReview, FindSecrets, judge_configuration
from tidegate.execution.configuration.rules import ConfigurationRules
from tidegate.execution.edit import Change
from tidegate.execution.harden import Hardened, HardenOptions, Resolve, UserOf, harden
from tidegate.execution.json_patch import json_patch
from tidegate.execution.placing.place import place_workload
from tidegate.execution.placing.placed import Placed
from tidegate.execution.placing.strategy import NodeDemand, Strategies
from tidegate.execution.pod_judgement import has_token, judge_pod
from tidegate.execution.pod_rules import PodRule, PodRules
from tidegate.execution.standards import Level, Violation
from tidegate.execution.workload import Bystander, Container, Workload, parse_objects
from tidegate.policy.context import ContainerContext

_NOT_RESOLVED: Final = "execution/image-not-known"
_NO_DECISION: Final = "execution/no-decision"
_NO_WORKLOAD: Final = "execution/no-workload"
_UNKNOWN_KIND: Final = "execution/unknown-kind"
PLACEMENT: Final = "execution/placement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of policy for one image of one workload.

    Attributes:
        reference: as the manifest names it; pinned.
        labels: of the workload.
        containers: those of the workload that run this digest, after hardening.
    """

    digest: Digest
    reference: Reference
    cluster: str
    namespace: str
    labels: Mapping[str, str]
    containers: tuple[ContainerContext, ...]


Decide = Callable[[Question], Decision | None]
"""The decision at the execution boundary; None when nothing is known of the digest."""


NodesOf = Callable[[Digest, Reference], Sequence[NodeDemand]]
"""What the restrictions of an image demand of the nodes it runs on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOptions:
    """How strict the gate is.

    Attributes:
        level: of the Pod Security Standards; what it does not allow is denied.
        harden: None leaves the workload as it was written.
        rules: for workloads that one of them speaks of, it holds instead of the two above.
        strategies: of placement; None leaves it to the scheduler, whatever images demand.
        configuration: of ConfigMaps and Secrets.
    """

    level: Level = Level.RESTRICTED
    harden: HardenOptions | None = field(default_factory=HardenOptions)
    rules: PodRules = field(default_factory=PodRules)
    strategies: Strategies | None = field(default_factory=Strategies)
    configuration: ConfigurationRules = field(default_factory=ConfigurationRules)

    def pod_rules(self) -> PodRules:
        """The rules, with what holds for all others."""
        otherwise = PodRule(name="otherwise", level=self.level, harden=self.harden)
        return PodRules(rules=self.rules.rules, exceptions=self.rules.exceptions, otherwise=otherwise)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerReview:
    """What the gate says of one container's image."""

    container: str
    reference: Reference
    digest: Digest | None
    decision: Decision | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectReview:
    """What the gate says of one object.

    Attributes:
        workload: as it would run, hardened; None for an object that is no workload.
        document: the object, changed.
        patch: the changes as a JSON Patch (RFC 6902) against the object as it came.
        reasons: all of them, those of the containers too.
        configuration: what is said of a ConfigMap or Secret; None for all else.
    """

    name: str
    allowed: bool
    workload: Workload | None
    document: Mapping[str, Any]
    containers: tuple[ContainerReview, ...] = ()
    reasons: tuple[Reason, ...] = ()
    violations: tuple[Violation, ...] = ()
    changes: tuple[Change, ...] = ()
    patch: tuple[Mapping[str, Any], ...] = ()
    configuration: ConfigurationReview | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadReview:
    """What the gate says of a stream of objects: allowed when each is, and at least one is a workload."""

    allowed: bool
    objects: tuple[ObjectReview, ...]
    reasons: tuple[Reason, ...]

    @property
    def documents(self) -> tuple[Mapping[str, Any], ...]:
        """The objects as they may run, in the order they came."""
        return tuple(reviewed.document for reviewed in self.objects)


def judge_workload(
    documents: Sequence[Any],
    *,
    resolve: Resolve,
    user_of: UserOf,
    decide: Decide,
    options: GateOptions | None = None,
    where: str = "manifest",
    cluster: str = "",
    expected_of: ExpectedOf = lambda _: None,
    nodes_of: NodesOf = lambda *_: (),
    find_secrets: FindSecrets | None = None,
    at: datetime | None = None,
) -> WorkloadReview:
    """Judges Kubernetes objects.

    Args:
        documents: plain data, as `tidegate.manifests.documents.read_documents` gives it.
        resolve: which digest a reference means.
        user_of: which user an image's configuration names.
        decide: asked once for each digest of each workload.
        options: how strict.
        where: the documents' name in errors.
        cluster: where they shall run.
        expected_of: what an image's behaviour profile tells.
        nodes_of: what an image's restrictions demand of nodes.
        find_secrets: looks through ConfigMaps.
        at: the moment; with None no exception to rules of pods holds.

    Raises:
        BoundExceededError: more objects or containers than allowed.
        InvalidInputError: not Kubernetes objects.
    """
    options = options or GateOptions()
    asked = _Asked(
        resolve=resolve,
        user_of=user_of,
        decide=decide,
        expected_of=expected_of,
        nodes_of=nodes_of,
        strategies=options.strategies,
        at=at,
    )
    rules = options.pod_rules()
    objects = parse_objects(documents, where=where, cluster=cluster)
    workloads = [item for item in objects if isinstance(item, Workload)]
    reviews = tuple(
        _bystander(item, where, workloads, options, find_secrets)
        if isinstance(item, Bystander)
        else _workload(item, asked, rules)
        for item in objects
    )
    reasons = [reason for review in reviews for reason in review.reasons]
    if not any(review.workload or review.configuration for review in reviews):
        reasons.append(_deny(_NO_WORKLOAD, "there is nothing that runs containers in it", "hand in a workload"))
    denied = any(reason.verdict is Verdict.DENY and not reason.excepted_by for reason in reasons)
    allowed = not denied and all(review.allowed for review in reviews)
    return WorkloadReview(allowed=allowed, objects=reviews, reasons=tuple(reasons))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the caller knows of images, and the moment."""

    resolve: Resolve
    user_of: UserOf
    decide: Decide
    expected_of: ExpectedOf
    nodes_of: NodesOf
    strategies: Strategies | None
    at: datetime | None


def _workload(workload: Workload, asked: _Asked, rules: PodRules) -> ObjectReview:
    rule = rules.rule_for(workload)
    placed = _placed(workload, asked)
    hardened = _hardened(placed.workload, asked, rule)
    expected = (asked.expected_of(digest) for digest in hardened.digests.values() if digest)
    asks_api = any(one is not None and one.asks_api for one in expected)
    found, set_up = judge_pod(hardened.workload, rule, rules, asks_api=asks_api, at=asked.at)
    containers = _containers(hardened, asked.user_of, asked.decide)
    conflicts = tuple(_deny(PLACEMENT, str(one), one.fix, item=one.path) for one in placed.conflicts)
    reasons = (*set_up, *conflicts, *_without_repeats(containers))
    decided = all(review.decision and review.decision.verdict is not Verdict.DENY for review in containers)
    return ObjectReview(
        name=str(workload),
        allowed=decided and not any(r.verdict is Verdict.DENY and not r.excepted_by for r in reasons),
        workload=hardened.workload,
        document=hardened.workload.document,
        containers=containers,
        reasons=reasons,
        violations=found,
        changes=(*placed.changes, *hardened.changes),
        patch=tuple(json_patch(workload.document, hardened.workload.document)) if placed.changes else hardened.patch,
    )


def _placed(workload: Workload, asked: _Asked) -> Placed:
    if asked.strategies is None:
        return Placed(workload=workload, additions=(), conflicts=(), changes=())
    images = ((one.image.digest or asked.resolve(one.image), one.image) for one in workload.containers)
    demands = tuple(demand for digest, image in images if digest for demand in asked.nodes_of(digest, image))
    return place_workload(workload, asked.strategies, demands)


def _hardened(workload: Workload, asked: _Asked, rule: PodRule) -> Hardened:
    if rule.harden is not None:
        options = replace(rule.harden, keeps_token=has_token(workload, rule))
        return harden(
            workload,
            resolve=asked.resolve,
            user_of=asked.user_of,
            options=options,
            expected_of=asked.expected_of,
        )
    digests = {c.name: c.image.digest or asked.resolve(c.image) for c in workload.containers}
    return Hardened(workload=workload, changes=(), patch=(), digests=digests)


def _containers(hardened: Hardened, user_of: UserOf, decide: Decide) -> tuple[ContainerReview, ...]:
    workload = hardened.workload
    decisions: dict[Digest, Decision | None] = {}
    reviews = []
    for container in workload.containers:
        digest = hardened.digests[container.name]
        if digest is not None and digest not in decisions:
            decisions[digest] = decide(_question(hardened, digest, container, user_of(digest)))
        reviews.append(_review(container, digest, decisions.get(digest) if digest else None))
    return tuple(reviews)


def _question(hardened: Hardened, digest: Digest, first: Container, image_user: str | None) -> Question:
    workload = hardened.workload
    sharing = [container for container in workload.containers if hardened.digests[container.name] == digest]
    labels = (workload.document.get("metadata") or {}).get("labels") or {}
    return Question(
        digest=digest,
        reference=first.image.at(digest),
        cluster=workload.cluster,
        namespace=workload.namespace,
        labels=labels,
        containers=tuple(container_context(workload, container, image_user) for container in sharing),
    )


def container_context(workload: Workload, container: Container, image_user: str | None) -> ContainerContext:
    """A container in the words of policy.

    Args:
        workload: it belongs to.
        container: one of its containers.
        image_user: what the image's configuration says; None when it is not known, which counts as root.
    """
    security, pod = container.security, workload.pod
    return ContainerContext(
        name=container.name,
        runs_as_root=_runs_as_root(container, image_user),
        privileged=security.privileged,
        allows_escalation=security.allow_privilege_escalation is not False,
        read_only_root=bool(security.read_only_root_filesystem),
        added_capabilities=security.capabilities_added,
        host_namespaces=bool(pod.host_network or pod.host_pid or pod.host_ipc),
    )


def is_root(image_user: str | None) -> bool:
    """True when an image's configuration names root, nobody, or is not known."""
    name = (image_user or "").partition(":")[0]
    return name in {"", "root"} or (name.isdecimal() and int(name) == 0)


def _runs_as_root(container: Container, image_user: str | None) -> bool:
    security = container.security
    if security.run_as_user is not None:
        return security.run_as_user == 0
    if security.run_as_non_root:
        return False  # the node refuses to start it as root
    return is_root(image_user)


def _review(container: Container, digest: Digest | None, decision: Decision | None) -> ContainerReview:
    return ContainerReview(
        container=container.name,
        reference=container.image,
        digest=digest,
        decision=decision,
        reasons=tuple(_reasons(container, digest, decision)),
    )


def _reasons(container: Container, digest: Digest | None, decision: Decision | None) -> list[Reason]:
    image = str(container.image)
    if digest is None:
        message = f"nobody knows which image {image} is"
        return [_deny(_NOT_RESOLVED, message, "push it through the curation gate first", item=container.name)]
    if decision is None:
        message = f"no gate has decided on {image}"
        return [_deny(_NO_DECISION, message, "push it through the curation gate first", item=container.name)]
    if decision.subject != digest or decision.boundary is not Boundary.EXECUTION:
        message = f"the decision is on {decision.subject} at {decision.boundary}, not on {digest} at execution"
        return [_deny(_NO_DECISION, message, "ask for a decision on this digest", item=container.name)]
    if decision.verdict is Verdict.DENY and not any(r.verdict is Verdict.DENY for r in decision.reasons):
        return [*decision.reasons, _deny(_NO_DECISION, f"{image} is denied", "", item=container.name)]
    return list(decision.reasons)


def _without_repeats(containers: Sequence[ContainerReview]) -> tuple[Reason, ...]:
    # Two containers of one image have one decision; its reasons are told once.
    return tuple(dict.fromkeys(reason for review in containers for reason in review.reasons))


def _bystander(
    item: Bystander,
    where: str,
    workloads: Sequence[Workload],
    options: GateOptions,
    find_secrets: FindSecrets | None,
) -> ObjectReview:
    name = f"{item.kind}/{item.name}"
    configuration = configuration_of(item, where=where)
    if configuration is not None:
        said = judge_configuration(
            configuration, options.configuration, users_of(configuration, workloads), find_secrets
        )
        return ObjectReview(
            name=str(configuration),
            allowed=said.allowed,
            workload=None,
            document=item.document,
            reasons=said.reasons,
            configuration=said,
        )
    reasons: tuple[Reason, ...] = ()
    if item.holds_containers:
        message = f"{name} brings containers in a form tidegate does not know"
        reasons = (_deny(_UNKNOWN_KIND, message, "judge the pods it makes, or hand in the workload", item=name),)
    return ObjectReview(name=name, allowed=not reasons, workload=None, document=item.document, reasons=reasons)


def _deny(rule: str, message: str, fix: str, *, item: str = "") -> Reason:
    return Reason(rule=rule, verdict=Verdict.DENY, message=message, item=item, fix=fix)
