# SPDX-License-Identifier: Apache-2.0
"""Evidence and context as rules see them: the values of every variable and collection in `tidegate.policy.fields`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tidegate.evidence import Boundary, Decision, Evidence, Statement, Subject, Verdict
from tidegate.policy.context import Context
from tidegate.policy.item import Item, Members, View
from tidegate.policy.scan_view import view_scan
from tidegate.policy.statement_views import (
    view_behaviour,
    view_commits,
    view_provenance,
    view_sbom,
    view_signatures,
    view_source,
)
from tidegate.policy.vsa import RESULTS, from_vsa
from tidegate.wire import to_builtins

_HOUR: Final = timedelta(hours=1)


def view_context(context: Context, boundary: Boundary) -> View:
    """The variable `context` and the collection `containers`."""
    # CEL takes exact strings only: str() undoes a Repository.
    names = ("repository", "reference", "pushed_by", "environment", "cluster", "namespace")
    values: dict[str, object] = {name: str(getattr(context, name)) for name in names}
    labels = {str(key): str(value) for key, value in context.labels.items()}
    values |= {"boundary": boundary.value, "labels": labels, "containers": len(context.containers)}
    return View(variables={"context": values}, collections={"containers": lambda: _containers(context)})


def view_evidence(kind: str, evidence: Evidence, at: datetime) -> View:
    """What a piece of evidence brings, of a kind of which the newest counts; `at` is the moment of the decision.

    Raises:
        InvalidInputError: its predicate is malformed, or over a bound.
    """
    if kind == "scan":
        return view_scan(evidence, at)
    if kind == "vsa":
        return _vsa(evidence, at)
    found = _VIEWS[kind](evidence)
    return replace(found, variables={kind: _common(evidence, at) | dict(found.variables[kind])})


def decision_of(evidence: Evidence) -> Decision:
    """The decision in a verification summary.

    Raises:
        InvalidInputError: it is none of ours.
    """
    subject = Subject(name="", digest=evidence.subject)
    return from_vsa(
        Statement(subjects=(subject,), predicate_type=evidence.predicate_type, predicate=evidence.predicate)
    )


def _containers(context: Context) -> Members:
    values = [to_builtins(container) | {"index": at} for at, container in enumerate(context.containers)]
    names = [container.name for container in context.containers]
    return Members(values=lambda _: values, item=lambda at: Item(shown=names[at], names=frozenset({names[at]})))


def _vsa(evidence: Evidence, at: datetime) -> View:
    decision = decision_of(evidence)
    verifier = evidence.predicate.get("verifier")
    values: dict[str, object] = {
        "result": RESULTS[decision.verdict],
        "verdict": decision.verdict.value,
        "boundary": decision.boundary.value,
        "verifier": str(verifier.get("id", "")) if isinstance(verifier, dict) else "",
        "passed": decision.verdict is not Verdict.DENY,
        "policies": [ref.name for ref in decision.policies],
        "expires_in_hours": (decision.expires_at - at) // _HOUR,
    }
    return View(variables={"vsa": _common(evidence, at) | values})


def _common(evidence: Evidence, at: datetime) -> dict[str, object]:
    return {"age_hours": (at - evidence.made_at) // _HOUR, "signers": list(evidence.signers)}


_VIEWS: Final[Mapping[str, Callable[[Evidence], View]]] = {
    "sbom": view_sbom,
    "signatures": view_signatures,
    "provenance": view_provenance,
    "source": view_source,
    "commits": view_commits,
    "behaviour": view_behaviour,
}
