# SPDX-License-Identifier: Apache-2.0
"""The page on checks says what there is; and the check it shows how to write works."""

import textwrap

import pytest
from checks_reference import PAGE, page_as_it_should_be

from tidegate.checks.check import load_checks, own_checks
from tidegate.checks.documents import check_document
from tidegate.checks.inline import HADOLINT
from tidegate.errors import InvalidInputError
from tidegate.rules.reading import DocumentError


def _example() -> str:
    text = PAGE.read_text().partition("with the line.\n\n")[2].partition("\n\n`each`")[0]
    return textwrap.dedent(text)


def test_the_tables_are_those_of_the_checks() -> None:
    page = PAGE.read_text()
    assert page == page_as_it_should_be(page), "run tests/checks/checks_reference.py"


def test_the_check_the_page_shows_works() -> None:
    own = load_checks(_example(), file="our-checks.yaml")
    raw = b'{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "image": "nginx:1"}]}}'
    found = check_document(raw, path="pod.json", kind="manifest", own=own) or []
    assert [(one.id, one.reason) for one in found if one.id.startswith("OUR")] == [("OUR-001", "a runs nginx")]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("container.image", "container.imag", "did you mean 'image'"),
        ("each: containers", "each: container", "did you mean 'containers'"),
        ("subject: kubernetes", "subject: kubernets", "did you mean 'kubernetes'"),
        ("severity: high", "severity: hihg", "hihg"),
        ("references: [Handbook 4.2]", "references: []", "names no reference"),
        ("fix: mirror", "way: mirror", "way"),
    ],
)
def test_what_is_misspelt_is_refused_with_its_place(before: str, after: str, told: str) -> None:
    with pytest.raises((DocumentError, InvalidInputError)) as caught:
        load_checks(_example().replace(before, after), file="our.yaml")
    assert "our.yaml:" in str(caught.value)
    assert told in str(caught.value)


def test_hadolint_rules_name_checks_that_exist() -> None:
    known = {check.id for check in own_checks("dockerfile").checks}
    assert {name for ids in HADOLINT.values() for name in ids} <= known
