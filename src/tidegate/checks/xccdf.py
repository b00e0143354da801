# SPDX-License-Identifier: Apache-2.0
"""Results of OpenSCAP and others that speak XCCDF 1.1 or 1.2, alone or within an ARF 1.1 report: NISTIR 7275, 7694."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tidegate.bounds import MIB, printable
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import Misconfiguration, Severity
from tidegate.manifests.xml_document import child, children, read_xml, said, tag

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_RESULTS_BYTES: Final = 64 * MIB
MAX_RESULTS_TAGS: Final = 2_000_000
MAX_TEXT_CHARS: Final = 1000
MAX_REFERENCES: Final = 20

_SEVERITIES: Final = {"high": Severity.HIGH, "medium": Severity.MEDIUM, "low": Severity.LOW, "info": Severity.LOW}
_FAILED: Final = frozenset({"fail"})
_UNTOLD: Final = frozenset({"error", "unknown"})
_PREFIX: Final = "_rule_"


@dataclass(frozen=True, slots=True)
class ScapResults:
    """What one report says.

    Attributes:
        targets: hosts it is about.
        failed: rules that failed, by target, in the report's order.
        untold: rule and reason of those that could not be evaluated.
        passed: how many rules passed.
    """

    targets: tuple[str, ...]
    failed: tuple[Misconfiguration, ...]
    untold: tuple[tuple[str, str], ...]
    passed: int


@dataclass(slots=True)
class _Rule:
    title: str = ""
    fix: str = ""
    references: tuple[str, ...] = field(default_factory=tuple)


def read_xccdf(content: bytes, *, where: str) -> ScapResults:
    """Reads results, with titles, remedies and references from the benchmark where the file holds it.

    Args:
        content: XCCDF results (`--results`) or an ARF report (`--results-arf`).
        where: its name in errors.

    Raises:
        BoundExceededError: over `MAX_RESULTS_BYTES` or `MAX_RESULTS_TAGS`.
        InvalidInputError: it is no such file, or it holds no results.
    """
    if len(content) > MAX_RESULTS_BYTES:
        raise BoundExceededError("MAX_RESULTS_BYTES", MAX_RESULTS_BYTES, where=where)
    root = read_xml(content, where=where, max_tags=MAX_RESULTS_TAGS)
    rules: dict[str, _Rule] = {}
    runs: list[Element] = []
    for element in root.iter():
        name = tag(element)
        if name == "Rule" and (identifier := element.get("id")):
            rules.setdefault(identifier, _rule(element))
        elif name == "TestResult":
            runs.append(element)
    if not runs:
        remedy = "oscap xccdf eval --results-arf FILE writes one"
        raise InvalidInputError("holds no results of XCCDF", where=where, remedy=remedy)
    failed: list[Misconfiguration] = []
    untold: list[tuple[str, str]] = []
    passed = 0
    for target, result in ((_line(said(run, "target")), one) for run in runs for one in children(run, "rule-result")):
        verdict = said(result, "result")
        passed += verdict in {"pass", "fixed"}
        if verdict in _FAILED:
            failed.append(_misconfiguration(target, result, rules))
        elif verdict in _UNTOLD:
            untold.append((_short(result), _line(said(result, "message")) or f"the scanner says {verdict}"))
    targets = tuple(dict.fromkeys(_line(said(run, "target")) for run in runs))
    return ScapResults(targets=targets, failed=tuple(failed), untold=tuple(untold), passed=passed)


def _rule(element: "Element") -> _Rule:
    named = (_line(it.text or "") for name in ("ident", "reference") for it in children(element, name))
    # Many benchmarks give bare numbers of clauses, and the standard by an address alone: nobody can look those up.
    references = dict.fromkeys(one for one in named if any(char.isalpha() for char in one))
    fix = child(element, "fixtext")
    return _Rule(
        title=_line("".join(_texts(child(element, "title")))),
        fix=_line("".join(_texts(fix))),
        references=tuple(references)[:MAX_REFERENCES],
    )


def _misconfiguration(target: str, result: "Element", rules: dict[str, _Rule]) -> Misconfiguration:
    rule = rules.get(result.get("idref", ""), _Rule())
    name = _short(result)
    idents = tuple(_line(it.text or "") for it in children(result, "ident"))
    weighed = said(child(result, "override"), "new-severity") or result.get("severity", "")
    return Misconfiguration(
        id=name,
        title=rule.title or name,
        severity=_SEVERITIES.get(weighed, Severity.UNKNOWN),
        reason=_line(said(result, "message")) or f"the rule fails on {target or 'this host'}",
        fix=rule.fix or "see the rule in its benchmark",
        references=tuple(dict.fromkeys((*idents, *rule.references))) or ("XCCDF",),
        subject="host",
        location=target,
        part=name,
    )


def _short(result: "Element") -> str:
    """A rule's name without the words SCAP puts before it: `xccdf_org.ssgproject.content_rule_NAME` is NAME."""
    whole = _line(result.get("idref", ""))
    return whole.partition(_PREFIX)[2] or whole


def _texts(element: "Element | None") -> Iterator[str]:
    return element.itertext() if element is not None else iter(())


def _line(text: str) -> str:
    return printable(" ".join(text.split())[:MAX_TEXT_CHARS])
