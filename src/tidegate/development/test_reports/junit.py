# SPDX-License-Identifier: Apache-2.0
"""JUnit XML as Ant's task first wrote it and every test runner writes it since: what passed, failed, was skipped.

There is no standard; what counts are the `testcase` elements, wherever they are nested. Counts in attributes are told
by whoever wrote the file, and where they say more failures than the cases do, they are believed.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence.predicates.test_results import MAX_FAILED_NAMES, TestCounts, TestResult, TestResults
from tidegate.manifests.xml_document import read_xml, tag

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_REPORT_BYTES: Final = 64 * MIB
MAX_CASES: Final = 1_000_000
MAX_NAME_CHARS: Final = 500

_SUITES: Final = frozenset({"testsuites", "testsuite"})


def read_junit(content: bytes, *, where: str, tool: str = "", suite: str = "") -> TestResults:
    """Reads a report.

    Args:
        content: the file.
        where: its name in errors.
        tool: what ran the tests; the report does not tell.
        suite: what to call them; "" takes the first suite's name.

    Raises:
        BoundExceededError: it is over `MAX_REPORT_BYTES` or `MAX_CASES`.
        InvalidInputError: it is no JUnit report, or one without a single case.
    """
    if len(content) > MAX_REPORT_BYTES:
        raise BoundExceededError("MAX_REPORT_BYTES", MAX_REPORT_BYTES, where=where)
    root = read_xml(content, where=where)
    if tag(root) not in _SUITES:
        raise InvalidInputError(f"not a JUnit report: its root is {tag(root)[:40]!r}", where=where)
    passed = failed = errors = skipped = 0
    names: list[str] = []
    for case in _cases(root, where):
        found = {tag(child) for child in case}
        if found & {"failure", "error"}:
            errors += "error" in found and "failure" not in found
            failed += "failure" in found
            names.append(_name(case))
        elif "skipped" in found or "disabled" in found:
            skipped += 1
        else:
            passed += 1
    stated = sum(_number(it, "failures") + _number(it, "errors") for it in _outermost(root))
    if not passed + failed + errors + skipped + stated:
        raise InvalidInputError("tells of no test", where=where, remedy="run the tests first")
    errors += max(0, stated - failed - errors)  # a suite that broke before its first case
    return TestResults(
        result=TestResult.FAILED if failed or errors else TestResult.PASSED,
        tool=tool,
        suite=suite or _suite(root),
        form="junit",
        counts=TestCounts(passed=passed, failed=failed, errors=errors, skipped=skipped),
        failed_tests=tuple(names[:MAX_FAILED_NAMES]),
        more_failed=max(0, len(names) - MAX_FAILED_NAMES),
        report=Digest.of(content),
        started_on=next((it.get("timestamp", "")[:64] for it in _outermost(root)), ""),
    )


def _cases(root: "Element", where: str) -> "Iterator[Element]":
    for count, case in enumerate(it for it in root.iter() if tag(it) == "testcase"):
        if count >= MAX_CASES:
            raise BoundExceededError("MAX_CASES", MAX_CASES, where=where)
        yield case


def _outermost(root: "Element") -> "list[Element]":
    """The suites whose counts together are of the whole report: those of inner ones are in their outer's."""
    return [it for it in root if tag(it) == "testsuite"] if tag(root) == "testsuites" else [root]


def _suite(root: "Element") -> str:
    own = root.get("name", "")
    return (own or next((it.get("name", "") for it in _outermost(root)), ""))[:MAX_NAME_CHARS]


def _name(case: "Element") -> str:
    parts = (case.get("classname", ""), case.get("name", ""))
    return ".".join(part for part in parts if part)[:MAX_NAME_CHARS] or "a test without a name"


def _number(element: "Element", name: str) -> int:
    text = element.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else 0  # noqa: PLR2004 - digits
