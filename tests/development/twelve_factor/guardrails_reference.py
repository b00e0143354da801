# SPDX-License-Identifier: Apache-2.0
"""Makes the table of docs/reference/guardrails.md from the rules: run it after they have changed."""

from collections.abc import Iterator
from pathlib import Path

from tidegate.development.twelve_factor.rule import FACTORS
from tidegate.development.twelve_factor.rules import ELSEWHERE, RULES

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "guardrails.md"
_MARK = "<!-- made from tidegate.development.twelve_factor.rules -->"


def page_as_it_should_be(page: str) -> str:
    """The page with its table made anew."""
    before, found, after = page.partition(_MARK)
    assert found, f"{_MARK} is missing"
    return before + _MARK + "\n" + "\n".join(_lines()) + "\n<!-- end -->" + after.partition("<!-- end -->")[2]


def _lines() -> Iterator[str]:
    for number, factor in enumerate(FACTORS, 1):
        own, others = [rule for rule in RULES if rule.factor == number], ELSEWHERE[number]
        if not own and not others:
            continue
        yield f"\n### {number}. {factor}\n"
        if own:
            yield "| Id | Severity | What should not be | Why | Instead |"
            yield "|---|---|---|---|---|"
        for rule in own:
            yield f"| `{rule.id}` | {rule.severity.value} | {rule.title} | {rule.why} | {rule.fix} |"
        if others:
            yield ("\n" if own else "") + "Asked already by " + ", ".join(f"`{name}`" for name in others) + "."
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page_as_it_should_be(PAGE.read_text()))
