# SPDX-License-Identifier: Apache-2.0
"""The tables and the grammar of licences, judged by license-expression and the public index it brings."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from license_expression import get_spdx_licensing

from tidegate.licences.classes import class_of
from tidegate.licences.expression import expression_of
from tidegate.licences.frequent import EXCEPTIONS, FREQUENT
from tidegate.licences.grammar import MAX_DEPTH, parse, render
from tidegate.licences.index import index
from tidegate.licences.license_class import LicenseClass
from tidegate.licences.names import EXCEPTIONS as SPELT_EXCEPTIONS
from tidegate.licences.names import PUBLIC_DOMAIN, SPELLINGS

LICENSING = get_spdx_licensing()
IDS = sorted(name for names in FREQUENT.values() for name in names.split())
TERMS = st.sampled_from([*IDS, "GPL-2.0-only WITH Classpath-exception-2.0", "LicenseRef-own"])
TREES = st.recursive(
    TERMS,
    lambda inner: st.tuples(st.lists(inner, min_size=2, max_size=4), st.sampled_from(["AND", "OR", "and"])).map(
        lambda made: "(" + f" {made[1]} ".join(made[0]) + ")"
    ),
    max_leaves=8,
)


def test_the_frequent_ones_are_what_the_index_says() -> None:
    for kind, names in FREQUENT.items():
        for name in names.split():
            assert index().licenses[name.lower()] == name
            assert index().classes[name.lower()] is kind, name
    for name, kind in EXCEPTIONS.items():
        assert name in index().exceptions
        assert index().classes[name] is kind
    assert len(IDS) == len({name.lower() for name in IDS})


def test_every_spelling_leads_to_what_spdx_knows() -> None:
    for said, meant in SPELLINGS.items():
        if meant != PUBLIC_DOMAIN:
            assert not LICENSING.unknown_license_keys(meant), said
            assert class_of(meant) is not None, said
        assert expression_of([said]) == meant
    for said, meant in SPELT_EXCEPTIONS.items():
        assert expression_of([f"GPL-2+ with {said}"]) == f"GPL-2.0-or-later WITH {meant}"
        assert meant in index().exceptions.values()
    for low, name in index().licenses.items():
        assert expression_of([low]) == name, "a spelling is an id, and stands for another"


@pytest.mark.property
@given(TREES)
def test_expressions_mean_what_license_expression_says(text: str) -> None:
    tree = parse(text)
    assert tree is not None
    assert render(tree) == render(parse(render(tree)) or tree)
    assert LICENSING.is_equivalent(LICENSING.parse(text), LICENSING.parse(render(tree)))


@pytest.mark.parametrize(
    "text", ["", "(", ")", "MIT AND", "AND MIT", "MIT WITH", "MIT MIT", "(MIT", "MIT WITH (X)", "MIT OR OR MIT", "()"]
)
def test_what_is_no_expression_has_no_tree(text: str) -> None:
    assert parse(text) is None
    assert class_of(text) is None


def test_depth_and_length_are_bounded() -> None:
    assert parse("(" * MAX_DEPTH + "MIT" + ")" * MAX_DEPTH) is not None
    assert parse("(" * (MAX_DEPTH + 1) + "MIT" + ")" * (MAX_DEPTH + 1)) is None
    assert parse("(" * 1_000_000) is None
    assert parse(" OR ".join(["MIT"] * 1_000_000)) is None


def test_an_ordinary_image_reads_no_index_and_nothing_imports_the_package() -> None:
    code = (
        "import sys\n"
        "from tidegate.licences import class_of, expression_of\n"
        "from tidegate.licences.index import index\n"
        "for said in ('MIT', 'GPL-2+', 'Apache-2.0 OR MIT', 'BSD-3-clause', 'LGPL-2.1+', 'GPLv2+ and (MIT or BSD)',\n"
        "             'License :: OSI Approved :: Apache Software License', 'GPL-2.0-only AND BSD-3-Clause'):\n"
        "    assert class_of(expression_of([said])), said\n"
        "assert not index.cache_info().currsize\n"
        "expression_of(['Rdisc'])\n"
        "assert index.cache_info().currsize\n"
        "assert 'license_expression' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("SISSL", LicenseClass.WEAK_COPYLEFT),
        ("LicenseRef-Expat-like", LicenseClass.PERMISSIVE),
        ("LicenseRef-My-own", None),
        ("SSPL-1.0 AND MIT", LicenseClass.SOURCE_AVAILABLE),
    ],
)
def test_classes_beyond_the_index(expression: str, kind: LicenseClass | None) -> None:
    assert class_of(expression) is kind
