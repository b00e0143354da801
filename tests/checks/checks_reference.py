# SPDX-License-Identifier: Apache-2.0
"""Makes the tables of docs/reference/checks.md from the checks and their subjects.

Run `python tests/checks/checks_reference.py` after either has changed: it writes the page anew.
"""

from collections.abc import Iterator
from pathlib import Path

from tidegate.checks.check import own_checks
from tidegate.checks.inline import HADOLINT
from tidegate.checks.subjects import SUBJECTS
from tidegate.rules.field import Variable

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "checks.md"
LANGUAGE = "<!-- made from tidegate.checks.subjects -->"
CHECKS = "<!-- made from the sets of checks -->"


def page_as_it_should_be(page: str) -> str:
    """The page with its two generated parts made anew; each ends at the next `<!-- end -->`."""
    for mark, lines in ((LANGUAGE, _language()), (CHECKS, _checks())):
        before, found, after = page.partition(mark)
        assert found, f"{mark} is missing"
        page = before + mark + "\n" + "\n".join(lines) + "\n<!-- end -->" + after.partition("<!-- end -->")[2]
    return page


def _language() -> Iterator[str]:
    for subject in SUBJECTS.values():
        yield f"\n### `{subject.name}`\n"
        yield "| `each` | Word | Fields |"
        yield "|---|---|---|"
        for variable in subject.variables.values():
            yield f"| | `{variable.name}` | {_fields(variable)} |"
        for collection in subject.collections.values():
            yield f"| `{collection.name}` | `{collection.item.name}` | {_fields(collection.item)} |"
    yield ""


def _fields(variable: Variable) -> str:
    return ", ".join(f"`{name}` {kind.value}" for name, kind in variable.fields.items())


def _checks() -> Iterator[str]:
    peers: dict[str, list[str]] = {}
    for peer, ids in HADOLINT.items():
        for name in ids:
            peers.setdefault(name, []).append(peer)
    for subject in SUBJECTS:
        yield f"\n### {subject}\n"
        yield "| Id | Severity | What should not be | References |"
        yield "|---|---|---|---|"
        for one in own_checks(subject).checks:
            references = ", ".join([*one.references, *(f"hadolint {peer}" for peer in peers.get(one.id, ()))])
            yield f"| `{one.id}` | {one.severity.value} | {one.title} | {references} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page_as_it_should_be(PAGE.read_text()))
