# SPDX-License-Identifier: Apache-2.0
"""OSV records become advisories: names, ratings, rows; hostile and odd ones are refused or passed over."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from knowledge_samples import record

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import Severity
from tidegate.knowledge.limits import KnowledgeLimits
from tidegate.knowledge.osv import Advisory, OsvReader

V2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"
V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"


def read(document: dict[str, Any], limits: KnowledgeLimits | None = None) -> Advisory:
    return OsvReader(limits or KnowledgeLimits()).read(json.dumps(document).encode(), where="x.json")


def test_names_come_cves_first_and_upstream_counts() -> None:
    advisory = read(record("DSA-1-1", "Debian:12", "a", upstream=["CVE-2024-2000", "CVE-2024-1000"], aliases=["A-1"]))
    assert advisory.aliases == ("CVE-2024-1000", "CVE-2024-2000", "A-1")
    assert advisory.cves == ("CVE-2024-1000", "CVE-2024-2000")


def test_related_cves_name_an_rpm_advisory_only_where_nothing_else_does() -> None:
    assert read(record("ALSA-2024:1", "AlmaLinux:9", "a", related=["CVE-2024-1000", "X"])).aliases == ("CVE-2024-1000",)
    assert read(record("GO-2024-1", "Go", "a", related=["CVE-2024-1000"])).aliases == ()


@pytest.mark.parametrize(
    ("more", "severity", "score"),
    [
        ({"severity": [{"type": "CVSS_V3", "score": V3}]}, Severity.CRITICAL, 9.8),
        ({"severity": [{"type": "CVSS_V3", "score": V3}, {"type": "CVSS_V4", "score": V4}]}, Severity.MEDIUM, 6.9),
        ({"severity": [{"type": "CVSS_V2", "score": V2}]}, Severity.HIGH, 7.5),
        ({"severity": [{"type": "Ubuntu", "score": "medium"}]}, Severity.MEDIUM, None),
        ({"severity": [{"type": "CVSS_V3", "score": "nonsense"}]}, Severity.UNKNOWN, None),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"}]}, Severity.UNKNOWN, None),
        ({"database_specific": {"severity": "MODERATE"}}, Severity.MEDIUM, None),
        ({"database_specific": {"severity": 7}}, Severity.UNKNOWN, None),
        ({"database_specific": {"cvss_v3": 9.1, "cvss_v2": 6.4}}, Severity.CRITICAL, 9.1),
        ({"database_specific": {"cvss_v2": 7.5}}, Severity.HIGH, 7.5),
        ({"database_specific": {"cvss_v3": "9.1"}}, Severity.UNKNOWN, None),
        ({"database_specific": {"cvss_v3": 11}}, Severity.UNKNOWN, None),
        ({"database_specific": {"cvss_v3": 0.0}}, Severity.NONE, 0.0),
        (
            {"database_specific": {"cvss_v3": 5.0}, "severity": [{"type": "CVSS_V3", "score": V3}]},
            Severity.CRITICAL,
            9.8,
        ),
        ({"summary": "Important: a security update"}, Severity.HIGH, None),
        ({}, Severity.UNKNOWN, None),
    ],
)
def test_rating(more: dict[str, Any], severity: Severity, score: float | None) -> None:
    rating = read(record("ALSA-2024:1", "AlmaLinux:9", "a", **more)).rating
    assert (rating.severity, rating.score) == (severity, score)


@pytest.mark.parametrize("place", ["ecosystem_specific", "database_specific"])
@pytest.mark.parametrize(
    ("words", "severity"),
    [
        ({"urgency": "high"}, Severity.HIGH),
        ({"urgency": "not yet assigned"}, Severity.UNKNOWN),
        ({"urgency": "unimportant"}, Severity.LOW),
        ({"severity": "Critical", "urgency": "low"}, Severity.CRITICAL),
        ({"priority": "medium"}, Severity.MEDIUM),
        ({"urgency": 3}, Severity.UNKNOWN),
    ],
)
def test_words_said_of_a_package_count_where_nothing_else_does(
    place: str, words: dict[str, Any], severity: Severity
) -> None:
    document = record("GHSA-1", "npm", "a")
    document["affected"][0][place] = words
    assert read(document).rating.severity is severity
    document["database_specific"] = {"severity": "LOW"}
    assert read(document).rating.severity is Severity.LOW


def test_severity_of_the_affected_package_counts() -> None:
    document = record("GHSA-1", "npm", "a", {"introduced": "0"})
    document["affected"][0]["severity"] = [{"type": "CVSS_V3", "score": V3}]
    assert read(document).rating.score == 9.8


def test_git_ranges_and_unknown_fields_are_passed_over() -> None:
    document = record("GHSA-1", "PyPI", "My_Package", {"introduced": "0"}, {"fixed": "1.0"}, surprise={"a": [1]})
    document["affected"][0]["ranges"].append({"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]})
    advisory = read(document)
    assert [(row.name, row.range.fixed) for row in advisory.rows] == [("my-package", "1.0")]
    assert advisory.unordered == ()


def test_listed_versions_count_where_no_range_holds_them() -> None:
    document = record("GHSA-1", "PyPI", "a", {"introduced": "1.0"}, {"fixed": "2.0"})
    document["affected"][0]["versions"] = ["1.0", "1.5", "3.0"]
    assert [(row.range.introduced, row.range.last) for row in read(document).rows] == [("1.0", ""), ("3.0", "3.0")]


def test_what_cannot_be_ordered_is_told() -> None:
    assert read(record("GHSA-1", "Linux", "a:b", {"introduced": "0"})).unordered == ("Linux: no order",)
    advisory = read(record("GHSA-1", "npm", "a", {"introduced": "0"}, {"fixed": "soon"}))
    assert advisory.rows == ()
    assert "npm a" in advisory.unordered[0]
    assert "soon" in advisory.unordered[0]


def test_module_of_an_rpm_advisory() -> None:
    build = "1.18-1.module_el8.5.0+81+7d"
    document = record("ALSA-2024:1", "AlmaLinux:8", "nodejs", {"introduced": "0"}, {"fixed": build})
    assert read(document | {"summary": "Important: nodejs:12 security update"}).rows[0].module == "nodejs:12"
    assert read(document | {"summary": "container-tools update"}).rows[0].module == "?"
    plain = record("ALSA-2024:2", "AlmaLinux:8", "nodejs", {"introduced": "0"}, {"fixed": "1.18-1.el8"})
    assert read(plain | {"summary": "Important: nodejs:12 security update"}).rows[0].module == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b"{}",
        b'{"id": 7}',
        b'{"id": "a b"}',
        b'{"id": "../../x"}',
        b'{"id": "x", "affected": 3}',
        b'{"id":"x","database_specific":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"id": "\xff"}',
    ],
)
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInputError, match="not an OSV record"):
        OsvReader(KnowledgeLimits()).read(data, where="x.json")


def test_bounds_are_named() -> None:
    many = record("GHSA-1", "npm", "a", *[{"introduced": "1.0.0"}] * 11)
    with pytest.raises(BoundExceededError, match="max_rows_per_advisory = 10"):
        read(many, KnowledgeLimits(max_rows_per_advisory=10))
    with pytest.raises(BoundExceededError, match="max_aliases = 3"):
        read(record("GHSA-1", "npm", "a", aliases=["A"] * 4), KnowledgeLimits(max_aliases=3))


def test_long_texts_are_cut() -> None:
    advisory = read(record("GHSA-1", "npm", "a", details="word " * 1000, references=[{"url": "u" * 9999}]))
    assert len(advisory.summary) == 300
    assert advisory.references == ()


SAID = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["ignored", "0", "1.0", "Maven"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "package",
                        "ecosystem",
                        "name",
                        "ranges",
                        "type",
                        "events",
                        "introduced",
                        "fixed",
                        "last_affected",
                    ),
                    *("versions", "ecosystem_specific", "database_specific", "urgency", "nodsa", "informational"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@pytest.mark.property
@given(st.lists(SAID, max_size=3), SAID, st.sampled_from(["Maven", "Packagist:x", "NuGet", "GitHub Actions", "opam"]))
def test_any_record_is_read_or_refused(affected: list[Any], said: Any, home: str) -> None:
    package = {"package": {"ecosystem": home, "name": "a"}, "versions": ["1.0"], "ecosystem_specific": said}
    document = {"id": "A-1", "modified": "", "affected": [package, *affected], "aliases": ["MAL-1"]}
    try:
        advisory = OsvReader(KnowledgeLimits()).read(json.dumps(document).encode(), where="t")
    except InvalidInputError:
        return
    assert all(row.range.low < row.range.high and row.state for row in advisory.rows)
