# SPDX-License-Identifier: Apache-2.0
"""`tidegate policy check|test|explain`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.failures import say
from tidegate.cli.output import Output, output_options
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.cli.page import Line
    from tidegate.policy.rule import Policy

_FILES = click.argument("files", nargs=-1, type=click.Path(path_type=Path))
_PROFILE = click.option("--profile", metavar="NAME", help="Add a profile that is shipped, such as default.")

command = ClickVerbs(
    "policy",
    help="Check, try and explain policies: what must hold before an image crosses a boundary.",
    examples=(
        ("tidegate policy check policy/", "is every rule well written?"),
        ("tidegate policy test policy/", "does it decide as its tests say?"),
        ("tidegate policy explain", "what does the policy in force ask, in words?"),
    ),
)


@verb(
    "check",
    examples=(
        ("tidegate policy check policy.yaml exceptions.yaml", "files, or folders of them"),
        ("tidegate policy check", "what the settings name, or the profile that is shipped"),
    ),
)
@output_options("table", "json")
@_PROFILE
@_FILES
def _check(call: Call, *, output: Output, files: tuple[Path, ...], profile: str | None) -> int:
    """Check that policies, exceptions and tests are well written.

    Every unknown key, type error and unread evidence is told with file, line and column, and is exit status 2.
    """
    from tidegate.cli.policy_files import policy_texts
    from tidegate.clock import system_clock
    from tidegate.policy.document import load_policies
    from tidegate.policy.exception import expired_exceptions
    from tidegate.policy.testing import load_tests
    from tidegate.rules.reading import DocumentError

    texts = policy_texts(call.settings(), files, profile)
    try:
        policies, tests = load_policies(texts), load_tests(texts)
    except DocumentError as error:
        for defect in error.defects:
            say(str(defect))
        return error.exit_status
    if not policies and not tests:
        raise UsageError("there is no policy in these files", remedy="add a document of kind Policy, or --profile")
    expired = [found.name for p in policies for found in expired_exceptions(p.exceptions, system_clock())]
    for name in expired:
        call.warn(f"the exception {name} has expired and silences nothing")
    if output.form == "json":
        output.write_json({"policies": [_told(p) for p in policies], "tests": len(tests), "expired": expired})
    else:
        _write(call, output, _check_page(policies, len(tests)))
    return 0


@verb(
    "test",
    examples=(
        ("tidegate policy test policy/", "policies and tests of one folder"),
        ("tidegate policy test mine.yaml --profile default", "tests for a profile that is shipped"),
    ),
)
@output_options("table", "json")
@_PROFILE
@_FILES
def _test(call: Call, *, output: Output, files: tuple[Path, ...], profile: str | None) -> int:
    """Run the tests that stand beside policies (kind PolicyTest).

    Exit status 1 when one does not come out as it says; 2 when there are none, because no test proves nothing.
    """
    from tidegate.cli.page import Style, piece
    from tidegate.cli.policy_files import policy_texts
    from tidegate.policy.document import load_policies
    from tidegate.policy.testing import load_tests, run_tests

    texts = policy_texts(call.settings(), files, profile)
    results = run_tests(load_policies(texts), load_tests(texts))
    if not results:
        raise UsageError("there are no tests in these files", remedy="add a document of kind PolicyTest")
    failed = [result for result in results if not result.passed]
    if output.form == "json":
        told = [{"policy": r.test.policy, "test": r.test.name, "problems": r.problems} for r in results]
        output.write_json({"tests": told, "failed": len(failed)})
        return 1 if failed else 0

    def page() -> "Iterator[Line]":
        for result in results:
            yield (
                piece("passed  ", Style.GOOD) if result.passed else piece("FAILED  ", Style.BAD),
                piece(f"{result.test.policy}: {result.test.name}"),
            )
            for problem in result.problems:
                yield (piece(f"        {problem}", Style.WARN),)
        yield (piece(f"{len(results) - len(failed)} passed, {len(failed)} failed", Style.TITLE),)

    _write(call, output, page())
    return 1 if failed else 0


@verb(
    "explain",
    examples=(
        ("tidegate policy explain", "the policy in force, rule by rule"),
        ("tidegate policy explain --profile strict", "a profile that is shipped"),
        ("tidegate policy explain --report report.json", "what it would say to a report of tidegate scan, and why"),
    ),
)
@output_options("table", "json")
@_PROFILE
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="A report in JSON to judge.")
@click.option(
    "--boundary",
    type=click.Choice(["intake", "curation", "execution"]),
    default="curation",
    show_default=True,
    help="Which gate judges the report.",
)
@_FILES
def _explain(
    call: Call, *, output: Output, files: tuple[Path, ...], profile: str | None, report: Path | None, boundary: str
) -> int:
    """Say what each rule asks, or why it would or would not count against a report.

    A report is judged as if a trusted key had signed it just now; evidence beside it is missing, and said to be.
    """
    from tidegate.cli.policy_files import policy_texts
    from tidegate.cli.policy_report import explain_report, rules_page
    from tidegate.policy.document import load_policies
    from tidegate.policy.explain import explain_policy

    policies = load_policies(policy_texts(call.settings(), files, profile))
    told: object
    if report is not None:
        told, page = explain_report(policies, report, boundary)
    else:
        told = rules = [one for policy in policies for one in explain_policy(policy)]
        page = rules_page(rules)
    if output.form == "json":
        output.write_json(told)
    else:
        _write(call, output, page)
    return 0


command.add_command(_check)
command.add_command(_test)
command.add_command(_explain)


def _told(policy: "Policy") -> dict[str, object]:
    exceptions = [one.name for found in policy.exceptions for one in found.exceptions]
    rules = [rule.name for rule in policy.rules]
    return {"name": policy.name, "digest": policy.digest, "rules": rules, "exceptions": exceptions}


def _check_page(policies: "tuple[Policy, ...]", tests: int) -> "Iterator[Line]":
    from tidegate.cli.page import Style, piece

    for policy in policies:
        exceptions = sum(len(found.exceptions) for found in policy.exceptions)
        yield (
            piece("ok  ", Style.GOOD),
            piece(policy.name, Style.TITLE),
            piece(f"  {len(policy.rules)} rules, {exceptions} exceptions  "),
            piece(policy.digest.short, Style.FAINT),
        )
    if tests:
        yield (piece(f"{tests} tests; run them with `tidegate policy test`", Style.FAINT),)


def _write(call: Call, output: Output, lines: "Iterator[Line]") -> None:
    from tidegate.cli.page import write_page

    write_page(output, lines, colour=call.settings().colour)
