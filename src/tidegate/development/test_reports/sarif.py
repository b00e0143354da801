# SPDX-License-Identifier: Apache-2.0
"""SARIF 2.1.0 as a result of an analysis: how many of each level, and by which rules the errors are.

A result that is suppressed (section 3.27.23, accepted or without a status) or of another kind than `fail` counts
nowhere. Its level is its own, else that of its rule's default configuration, else `warning` (3.27.10, 3.50.3).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence.predicates.test_results import MAX_FAILED_NAMES, TestCounts, TestResult, TestResults
from tidegate.values import Struct, field, msgspec
from tidegate.wire import from_json

MAX_REPORT_BYTES: Final = 128 * MIB
MAX_RESULTS: Final = 1_000_000
MAX_NAME_CHARS: Final = 500

_LEVELS: Final = ("error", "warning", "note", "none")
_VERSION: Final = "2.1.0"


class _Configuration(Struct, frozen=True, kw_only=True):
    level: str = "warning"


class _Rule(Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    default_configuration: _Configuration = _Configuration()


class _Component(Struct, frozen=True, kw_only=True):
    name: str
    rules: list[_Rule] = field(default_factory=list)


class _Tool(Struct, frozen=True, kw_only=True):
    driver: _Component
    extensions: list[_Component] = field(default_factory=list)


class _Suppression(Struct, frozen=True, kw_only=True):
    status: str = "accepted"


class _Result(Struct, frozen=True, kw_only=True, rename="camel"):
    rule_id: str = ""
    rule_index: int = -1
    rule: Mapping[str, Any] = field(default_factory=dict)
    level: str = ""
    kind: str = "fail"
    suppressions: list[_Suppression] | None = None


class _Invocation(Struct, frozen=True, kw_only=True, rename="camel"):
    execution_successful: bool
    start_time_utc: str = ""
    end_time_utc: str = ""


class _Run(Struct, frozen=True, kw_only=True):
    tool: _Tool
    results: list[_Result] | None = None
    invocations: list[_Invocation] = field(default_factory=list)


class _Log(Struct, frozen=True, kw_only=True):
    version: str
    runs: Annotated[list[_Run], msgspec.Meta(max_length=1000)]


def read_sarif(content: bytes, *, where: str, tool: str = "", suite: str = "") -> TestResults:
    """Reads a log; all its runs together.

    Args:
        content: the file.
        where: its name in errors.
        tool: what made it; "" takes the names in it.
        suite: what to call it.

    Raises:
        BoundExceededError: it is over `MAX_REPORT_BYTES` or `MAX_RESULTS`.
        InvalidInputError: it is no SARIF 2.1.0, or has no run that was looked through.
    """
    log = from_json(content, _Log, what=where, max_bytes=MAX_REPORT_BYTES)
    if log.version != _VERSION:
        raise InvalidInputError(f"SARIF {log.version[:20]!r}, not {_VERSION}", where=where)
    runs = [run for run in log.runs if run.results is not None]
    if not runs:
        raise InvalidInputError("no run of it has results: nothing was looked for", where=where)
    if sum(len(run.results or ()) for run in runs) > MAX_RESULTS:
        raise BoundExceededError("MAX_RESULTS", MAX_RESULTS, where=where)
    levels: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for rule, level in _counting(runs):
        levels[level] += 1
        if level == "error":
            failed[rule] += 1
    broken = sum(not it.execution_successful for run in runs for it in run.invocations)
    names = [f"{rule or 'without a rule'} ({count})"[:MAX_NAME_CHARS] for rule, count in sorted(failed.items())]
    names += ["the analysis did not end well"] * bool(broken)
    errors = levels["error"] + broken
    result = TestResult.FAILED if errors else TestResult.WARNED if levels["warning"] else TestResult.PASSED
    times = [it for run in runs for it in run.invocations]
    return TestResults(
        result=result,
        tool=tool or ", ".join(dict.fromkeys(run.tool.driver.name for run in runs))[:MAX_NAME_CHARS],
        suite=suite,
        form="sarif",
        counts=TestCounts(errors=errors, warnings=levels["warning"], notes=levels["note"] + levels["none"]),
        failed_tests=tuple(names[:MAX_FAILED_NAMES]),
        more_failed=max(0, len(names) - MAX_FAILED_NAMES),
        report=Digest.of(content),
        started_on=min((it.start_time_utc for it in times if it.start_time_utc), default="")[:64],
        finished_on=max((it.end_time_utc for it in times), default="")[:64],
    )


def _counting(runs: list[_Run]) -> Iterator[tuple[str, str]]:
    """Rule and level of each result that counts; a level nobody knows is an error."""
    for run in runs:
        rules = run.tool.driver.rules
        by_id = {rule.id: rule for part in (run.tool.driver, *run.tool.extensions) for rule in part.rules}
        for result in run.results or ():
            if result.kind != "fail" or any(it.status == "accepted" for it in result.suppressions or ()):
                continue
            name = result.rule_id or str(result.rule.get("id", ""))
            rule = by_id.get(name)
            if rule is None and 0 <= result.rule_index < len(rules):
                rule = rules[result.rule_index]
            level = result.level or (rule.default_configuration.level if rule else "warning")
            yield name or (rule.id if rule else ""), level if level in _LEVELS else "error"
