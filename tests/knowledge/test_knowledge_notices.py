# SPDX-License-Identifier: Apache-2.0
"""Deprecated, yanked and abandoned packages: from registries' own documents, lock files, and our lines."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from knowledge_samples import MADE_AT, Builder, component, publish, record

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import PackageUrl
from tidegate.knowledge.build import build
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.limits import KnowledgeLimits
from tidegate.knowledge.match import match
from tidegate.knowledge.native_status import read_statuses
from tidegate.knowledge.notices import notices_of
from tidegate.knowledge.products import read_products

DOCUMENTS: list[tuple[str, str, Any, list[tuple[str, str, str, str]]]] = [
    (
        "PyPI",
        "requests.json",
        {
            "meta": {"api-version": "1.1"},
            "name": "Requests",
            "files": [
                {"filename": "requests-2.32.0-py3-none-any.whl", "yanked": "conflicts with TLS settings"},
                {"filename": "requests-2.32.0.tar.gz", "yanked": True},
                {"filename": "requests-2.31.0.tar.gz", "yanked": True},
                {"filename": "requests-2.31.0-py3-none-any.whl", "yanked": False},
                {"filename": "strange.exe", "yanked": True},
            ],
        },
        [("requests", "2.32.0", "yanked", "conflicts with TLS settings")],
    ),
    (
        "PyPI",
        "old.json",
        {"name": "old", "files": [], "project-status": {"status": "archived", "reason": "use  new"}},
        [("old", "", "abandoned", "use new")],
    ),
    (
        "npm",
        "request.json",
        {
            "name": "request",
            "versions": {"2.88.2": {"deprecated": "see issue 3142"}, "2.88.3": {}, "3.0.0": {"deprecated": ""}},
        },
        [("request", "2.88.2", "deprecated", "see issue 3142")],
    ),
    (
        "NuGet",
        "index.json",
        {
            "items": [
                {
                    "items": [
                        {"catalogEntry": {"id": "A.B", "version": "1.0.0", "listed": False}},
                        {
                            "catalogEntry": {
                                "id": "A.B",
                                "version": "2.0.0",
                                "listed": True,
                                "deprecation": {"reasons": ["Legacy", "Other"], "message": "use C"},
                            }
                        },
                        {"catalogEntry": {"id": "A.B", "version": "3.0.0"}},
                    ]
                }
            ]
        },
        [("a.b", "1.0.0", "yanked", "unlisted"), ("a.b", "2.0.0", "deprecated", "Legacy, Other: use C")],
    ),
    (
        "Packagist",
        "swiftmailer.json",
        {"packages": {"Swift/Mailer": [{"version": "6.3", "abandoned": "symfony/mailer"}], "x/y": [{"version": "1"}]}},
        [("swift/mailer", "", "abandoned", "use symfony/mailer instead")],
    ),
]


@pytest.mark.parametrize(("ecosystem", "name", "document", "expected"), DOCUMENTS, ids=lambda one: str(one)[:20])
def test_registries_own_forms(
    ecosystem: str, name: str, document: Any, expected: list[tuple[str, str, str, str]]
) -> None:
    found = read_statuses(ecosystem, name, json.dumps(document).encode(), where=name)
    assert [one[1:] for one in found] == expected


def test_the_index_of_crates() -> None:
    lines = b'{"name":"time","vers":"0.1.0","yanked":true}\n\n{"name":"time","vers":"0.2.0","yanked":false}\n'
    assert [one[1:] for one in read_statuses("crates.io", "time", lines, where="t")] == [
        ("time", "0.1.0", "yanked", "")
    ]


def test_our_own_lines() -> None:
    lines = (
        b'{"name": "left-pad", "kind": "abandoned"}\n'
        b'{"name": "a", "version": "1.0", "kind": "deprecated", "reason": "why"}\n'
        b'{"name": "b", "kind": "disliked"}\n'
    )
    found = read_statuses("Hex", "any.jsonl", lines, where="t")
    assert [one[1:] for one in found] == [("left-pad", "", "abandoned", ""), ("a", "1.0", "deprecated", "why")]


@pytest.mark.parametrize(
    ("ecosystem", "name", "data"),
    [
        ("PyPI", "a.json", b"{}"),
        ("PyPI", "a.json", b"[]"),
        ("npm", "a.json", b'{"name": "a", "versions": {"1": 2}}'),
        ("npm", "a.json", b"{"),
        ("NuGet", "a.json", b'{"items": [{"items": [{"catalogEntry": {"x": 1}}]}]}'),
        ("Packagist", "a.json", b'{"packages": {"a": 1}}'),
        ("crates.io", "a", b'{"yanked": true}'),
        ("Hex", "a.json", b"{}"),
        ("Hex", "a.jsonl", b"[1]"),
        ("Hex", "a.jsonl", b'{"kind": "yanked"}'),
    ],
)
def test_what_is_no_such_document_is_refused(ecosystem: str, name: str, data: bytes) -> None:
    with pytest.raises(InvalidInputError, match="packages"):
        read_statuses(ecosystem, name, data, where=name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "files",
                    "versions",
                    "items",
                    "packages",
                    "yanked",
                    "filename",
                    "catalogEntry",
                    "id",
                    "abandoned",
                    "x",
                    "products",
                    "cycles",
                    "cycle",
                    "eol",
                    "aliases",
                    "identifiers",
                    "purl",
                    "category",
                    "codename",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.property
@given(
    st.sampled_from(["PyPI", "npm", "NuGet", "Packagist", "crates.io", "Hex"]),
    st.sampled_from(["a.json", "a.jsonl"]),
    JSON | st.binary(max_size=40),
)
def test_any_document_is_read_or_refused(ecosystem: str, name: str, document: Any) -> None:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    try:
        for one in read_statuses(ecosystem, name, data, where="t"):
            assert one.name
            assert one.kind in {"abandoned", "deprecated", "yanked"}
    except InvalidInputError:
        pass


@pytest.mark.property
@given(JSON | st.binary(max_size=40))
def test_any_product_document_is_read_or_refused(document: Any) -> None:
    data = document if isinstance(document, bytes) else json.dumps({"products": document}).encode()
    try:
        found = read_products(data, KnowledgeLimits(max_product_rows=50), where="t")
    except InvalidInputError:
        return
    assert all(one.product for one in found.identifiers) or found.identifiers == () or "" in dict(found.categories)


@pytest.fixture
def published(tmp_path: Path, built: Builder, db: Path) -> Path:
    folder = tmp_path / "source" / "packages"
    (folder / "PyPI").mkdir(parents=True)
    (folder / "npm" / "deep").mkdir(parents=True)
    (folder / "PyPI" / "requests.json").write_text(json.dumps(DOCUMENTS[0][2]))
    (folder / "npm" / "deep" / "request.json").write_text(json.dumps(DOCUMENTS[2][2]))
    (folder / "npm" / "broken.json").write_text("{")
    report = built({"npm": [], "PyPI": []})
    assert (report.statuses, report.skipped) == (2, 1)
    assert "packages/npm/broken.json" in report.skipped_names[0]
    return db


def test_components_are_told_what_their_registry_says(published: Path) -> None:
    components = [
        component("npm", "request", "2.88.2"),
        component("npm", "request", "2.88.3"),
        component("PyPI", "requests", "2.32"),
        component("PyPI", "requests", "2.32.0", owner=PackageUrl("pkg:deb/debian/python3-requests")),
        component("npm", "left-pad", "1.3.0", deprecated="use String.prototype.padStart()"),
    ]
    with Knowledge.open(published) as knowledge:
        found = notices_of(knowledge, components)
        again = notices_of(knowledge, components[::-1])
    assert [(one.kind, one.purl, one.reason) for one in found] == [
        ("deprecated", "pkg:pypi/left-pad@1.3.0", "use String.prototype.padStart()"),
        ("deprecated", "pkg:pypi/request@2.88.2", "see issue 3142"),
        ("yanked", "pkg:pypi/requests@2.32", "conflicts with TLS settings"),
    ]
    assert again == found


def test_without_knowledge_the_package_itself_still_speaks() -> None:
    (notice,) = notices_of(None, [component("npm", "a", "1", deprecated="no"), component("npm", "b", "1")])
    assert (notice.kind, notice.reason) == ("deprecated", "no")


@pytest.mark.parametrize(
    ("more", "events", "expected"),
    [
        ({"informational": "unmaintained"}, [], [("abandoned", "RUSTSEC-2021-0139: nobody cares for it")]),
        ({"informational": "unmaintained"}, [{"fixed": "2.0.0"}], []),
        ({"informational": "unsound"}, [], []),
        ({}, [], []),
    ],
)
def test_advisories_tell_what_nobody_maintains(
    built: Builder, db: Path, more: dict[str, Any], events: list[dict[str, str]], expected: list[tuple[str, str]]
) -> None:
    one = record("RUSTSEC-2021-0139", "crates.io", "ansi_term", {"introduced": "0.0.0-0"}, *events)
    one["affected"][0]["database_specific"] = more
    built({"crates.io": [one | {"summary": "nobody cares for it"}]})
    with Knowledge.open(db) as knowledge:
        found = notices_of(knowledge, [component("crates.io", "ansi_term", "0.12.1")])
        assert len(match(knowledge, [component("crates.io", "ansi_term", "0.12.1")])) == 1
    assert [(one.kind, one.reason) for one in found] == expected


@pytest.mark.parametrize("bound", ["max_package_files", "max_package_statuses", "max_product_rows"])
def test_bounds(tmp_path: Path, db: Path, bound: str) -> None:
    root = publish(tmp_path / "source", {"npm": []})
    (root / "packages" / "Hex").mkdir(parents=True)
    (root / "eol.json").write_text('{"products": {"a": {"cycles": [{"cycle": "1"}, {"cycle": "2"}]}}}')
    for name in ("a", "b"):
        (root / "packages" / "Hex" / f"{name}.jsonl").write_text(f'{{"name": "{name}", "kind": "yanked"}}\n')
    with pytest.raises(BoundExceededError, match=bound):
        build(root, db, made_at=MADE_AT, limits=KnowledgeLimits(**{bound: 1}))
