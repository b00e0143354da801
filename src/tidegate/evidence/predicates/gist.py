# SPDX-License-Identifier: Apache-2.0
"""What a statement says, in a few words for people; what nothing is known of is shown as that."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tidegate.bounds import printable
from tidegate.errors import InvalidInputError
from tidegate.evidence.predicates.behaviour import read_behaviour
from tidegate.evidence.predicates.commits import read_commit_trail
from tidegate.evidence.predicates.kinds import KINDS, kind_of
from tidegate.evidence.predicates.provenance import read_provenance
from tidegate.evidence.predicates.review import read_review
from tidegate.evidence.predicates.source import read_source
from tidegate.evidence.predicates.summary import read_summary
from tidegate.evidence.predicates.test_results import read_test_results
from tidegate.evidence.statement import PredicateType

MAX_CHARS: Final = 200

_Json = Mapping[str, Any]


def gist_of(predicate_type: PredicateType, predicate: _Json) -> str:
    """One line, never longer than `MAX_CHARS`, that cannot steer a terminal."""
    kind = kind_of(predicate_type, predicate)
    if kind not in KINDS:
        return _short(f"statement of a kind that is not known, kept as it came: {predicate_type}")
    try:
        return _short(_TELLERS[kind](predicate_type, predicate) if kind in _TELLERS else f"statement {predicate_type}")
    except InvalidInputError as error:
        return _short(f"{kind} that cannot be read: {error.what}")


def _short(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= MAX_CHARS else shown[: MAX_CHARS - 1] + "…"


def _scan(_type: PredicateType, predicate: _Json) -> str:
    findings = [item for item in _items(predicate, "findings") if isinstance(item, dict)]
    exploited = sum(1 for finding in findings if finding.get("exploited"))
    return f"scan: {len(findings)} findings, {exploited} exploited, {len(_items(predicate, 'secrets'))} secrets"


def _sbom(_type: PredicateType, predicate: _Json) -> str:
    count = len(_items(predicate, "components")) or len(_items(predicate, "packages"))
    return f"bill of materials: {count} components"


def _provenance(type_: PredicateType, predicate: _Json) -> str:
    found = read_provenance(type_, predicate, where="")
    commit = f" at {found.source.digest[:12]}" if found.source.digest else ""
    return f"built by {found.builder} from {found.source.uri or 'a source that is not told'}{commit}"


def _source(_type: PredicateType, predicate: _Json) -> str:
    found = read_source(predicate, where="")
    signed = f", signed by {found.signature.signer}" if found.signature and found.signature.verified else ""
    return f"source: {found.repository} at {found.commit[:12]}{signed}"


def _commits(_type: PredicateType, predicate: _Json) -> str:
    found = read_commit_trail(predicate, where="")
    verdict = "passed" if found.passed else "failed"
    return f"commit trail to {found.tip[:12]}: {verdict}, {found.signed} of {found.count} signed"


def _tests(type_: PredicateType, predicate: _Json) -> str:
    found = read_test_results(type_, predicate, where="")
    failed = found.counts.failed + found.counts.errors if found.counts else 0
    name = " ".join(filter(None, ("tests", found.tool, found.suite)))
    return f"{name}: {found.result.value}, {failed} failed"


def _reviews(_type: PredicateType, predicate: _Json) -> str:
    found = read_review(predicate, where="")
    return f"{found.decision.value} by {found.reviewer} ({found.scope})"


def _behaviour(type_: PredicateType, predicate: _Json) -> str:
    found = read_behaviour(type_, predicate, where="")
    return f"behaviour: {len(found.processes)} programs, {len(found.deviations)} deviations"


def _summaries(_type: PredicateType, predicate: _Json) -> str:
    found = read_summary(predicate, where="")
    return f"{found.verification_result.value} by {found.verifier.id}: {', '.join(found.verified_levels)}"


def _vex(_type: PredicateType, predicate: _Json) -> str:
    return f"VEX: {len(_items(predicate, 'statements'))} statements by {predicate.get('author', '')}"


def _items(predicate: _Json, name: str) -> list[Any]:
    """A list in a predicate; a signer may have put anything there."""
    found = predicate.get(name)
    return found if isinstance(found, list) else []


_TELLERS: Final[Mapping[str, Callable[[PredicateType, _Json], str]]] = {
    "scan": _scan,
    "sbom": _sbom,
    "provenance": _provenance,
    "source": _source,
    "commits": _commits,
    "tests": _tests,
    "reviews": _reviews,
    "behaviour": _behaviour,
    "summaries": _summaries,
    "vex": _vex,
}
