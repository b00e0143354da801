# SPDX-License-Identifier: Apache-2.0
"""Results of tests and analyses: our own form with counts by level, and in-toto's test-result v0.1, read into one.

Names of what failed are bounded; counts are whole all the same.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError
from tidegate.evidence.predicates.bounded import Count, Name, Word
from tidegate.evidence.statement import TEST_RESULT, PredicateType
from tidegate.values import Struct, msgspec
from tidegate.wire import from_builtins

MAX_FAILED_NAMES: Final = 200
"""Names of failed tests that are kept; the rest is counted."""


class TestResult(StrEnum):
    """How a run went, in in-toto's words; worst last."""

    __test__ = False  # the name is the model's, not pytest's

    PASSED = "PASSED"
    WARNED = "WARNED"
    FAILED = "FAILED"


class TestCounts(Struct, frozen=True, kw_only=True):
    """How many, by level.

    Tests have `passed`, `failed`, `errors` (could not be run) and `skipped`; analyses (SARIF) have `errors`,
    `warnings` and `notes`.
    """

    __test__ = False

    passed: Count = 0
    failed: Count = 0
    errors: Count = 0
    skipped: Count = 0
    warnings: Count = 0
    notes: Count = 0


class TestResults(Struct, frozen=True, kw_only=True, rename="camel"):
    """One run of one suite or analysis.

    Attributes:
        tool: what ran it: `pytest`, `CodeQL`.
        suite: which part of all tests; with the tool it tells runs apart, of which the newest counts.
        form: `junit` or `sarif`, what it was read from; "" for neither.
        failed_tests: names of the first that failed, `more_failed` how many others did.
        report: digest of the report it was read from.
    """

    __test__ = False

    result: TestResult
    tool: Word = ""
    suite: Word = ""
    form: Word = ""
    counts: TestCounts | None = None
    failed_tests: Annotated[tuple[Name, ...], msgspec.Meta(max_length=MAX_FAILED_NAMES)] = ()
    more_failed: Count = 0
    report: Digest | None = None
    url: Word = ""
    started_on: Word = ""
    finished_on: Word = ""


class _Configuration(Struct, frozen=True, kw_only=True):
    name: str | None = ""
    uri: str | None = ""


class _InToto(Struct, frozen=True, kw_only=True, rename="camel"):
    result: TestResult
    configuration: list[_Configuration]
    url: Word | None = ""
    passed_tests: list[str] | None = None
    warned_tests: list[str] | None = None
    failed_tests: list[str] | None = None


def read_test_results(predicate_type: PredicateType, predicate: Mapping[str, Any], *, where: str) -> TestResults:
    """Reads either form.

    Raises:
        InvalidInputError: it is neither, or it says that it passed and counts what failed.
    """
    if predicate_type == TEST_RESULT:
        found = _of_in_toto(from_builtins(predicate, _InToto, what=where))
    else:
        found = from_builtins(predicate, TestResults, what=where)
    failures = found.counts.failed + found.counts.errors if found.counts else 0
    if found.result is not TestResult.FAILED and (failures or found.failed_tests or found.more_failed):
        raise InvalidInputError(f"says {found.result.value} and tells of failures", where=where)
    return found


def _of_in_toto(told: _InToto) -> TestResults:
    failed = [name[:1000] for name in told.failed_tests or [] if name]
    return TestResults(
        result=told.result,
        suite=" ".join(it.name or it.uri or "" for it in told.configuration[:10])[:1000],
        counts=TestCounts(
            passed=len(told.passed_tests or ()), failed=len(failed), warnings=len(told.warned_tests or ())
        ),
        failed_tests=tuple(failed[:MAX_FAILED_NAMES]),
        more_failed=max(0, len(failed) - MAX_FAILED_NAMES),
        url=told.url or "",
    )
