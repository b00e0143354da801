# SPDX-License-Identifier: Apache-2.0
"""What keeps an image from running here beside policy: it is kept for others, or curation shut it. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from tidegate.admission.gathered import Gathered
from tidegate.admission.restrictions import Imposed
from tidegate.evidence import VSA, Decision, Reason, Verdict
from tidegate.execution.placing.strategy import NodeDemand
from tidegate.values import replace

_KEPT: Final = "execution/kept-for-others"
_SHUT: Final = "execution/shut-by-curation"


def kept_for_others(imposed: Sequence[Imposed], namespace: str, cluster: str, *, at: datetime) -> tuple[Reason, ...]:
    """One denial for each restriction that does not let a workload run an image.

    Args:
        imposed: what stands on the image.
        namespace: of the workload.
        cluster: it shall run in.
        at: the moment of the decision.
    """
    found = [(one, one.restriction.objects_to_run(namespace, cluster, at=at)) for one in imposed]
    return tuple(
        Reason(rule=_KEPT, verdict=Verdict.DENY, message=f"{said} ({one.reason})", item="", fix=f"ask {one.by}")
        for one, said in found
        if said
    )


def node_demands(imposed: Iterable[Imposed]) -> tuple[NodeDemand, ...]:
    """What restrictions demand of the nodes that an image runs on."""
    return tuple(
        NodeDemand(label=label, values=values, source=f"the image's restriction ({one.reason}, {one.by})")
        for one in imposed
        for label, values in one.restriction.nodes().items()
    )


def shut_by_curation(gathered: Gathered) -> tuple[Reason, ...]:
    """A denial where the newest decision of the curation gate over an index itself is one, or cannot be believed."""
    newest = gathered.newest.get("vsa")
    if newest is None:
        return ()
    for item in gathered.evidence:
        if item.predicate_type == VSA and item.digest == newest:
            if item.predicate.get("verificationResult") == "PASSED":
                return ()
            return (_shut("the curation gate keeps it in", "see its passport"),)
    return (_shut("the newest decision of the curation gate cannot be verified", "have it judged again"),)


def with_denials(decision: Decision, denials: Sequence[Reason]) -> Decision:
    """The decision with more that speaks against it."""
    if not denials:
        return decision
    return replace(
        decision,
        verdict=Verdict.DENY,
        reasons=(*denials, *decision.reasons),
        rules=tuple(dict.fromkeys((*decision.rules, *(one.rule for one in denials)))),
    )


def _shut(message: str, fix: str) -> Reason:
    return Reason(rule=_SHUT, verdict=Verdict.DENY, message=message, item="", fix=fix)
