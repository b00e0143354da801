# SPDX-License-Identifier: Apache-2.0
"""What rules see of evidence: every word filled with its type, old reports readable, hostile ones refused."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_facts import (
    AT,
    COMPONENT,
    CONTEXT,
    CUSTODY,
    EXPLOITED,
    LAYER,
    OUTCOME,
    SECRET,
    SUBJECT,
    custody_file,
    evidence,
    finding,
    policy_text,
    provenance,
    report,
    scan,
)

from tidegate.errors import InvalidInputError
from tidegate.evidence import (
    SCAN,
    Advice,
    BaseImage,
    Boundary,
    IdleWord,
    InVain,
    Misconfiguration,
    Notice,
    Priority,
    SaidIn,
    Severity,
    Support,
    Suppressed,
    SuppressedMisconfiguration,
    SuppressedSecret,
    Urgency,
    Verdict,
    Word,
)
from tidegate.inventory import Integrity, Origin, PackageUrl
from tidegate.policy.decide import decide
from tidegate.policy.document import load_policy
from tidegate.policy.fields import COLLECTIONS, EVIDENCE_KINDS, VARIABLES
from tidegate.policy.view import view_evidence
from tidegate.rules.field import FieldType
from tidegate.values import replace
from tidegate.wire import to_builtins

TYPES: dict[FieldType, type] = {
    FieldType.STRING: str,
    FieldType.INT: int,
    FieldType.DOUBLE: float,
    FieldType.BOOL: bool,
    FieldType.STRINGS: list,
    FieldType.LABELS: dict,
}
WORD = Word(said_in=SaidIn.OPENVEX, source="a.json", id="CVE-2026-0001", status="fixed", expires=date(2026, 6, 11))
BAD = Misconfiguration(
    id="TG-IMG-006", title="t", severity=Severity.HIGH, reason="r", fix="f", references=("CIS",), subject="image"
)
FULL: dict[str, Any] = {
    "findings": (finding(exploited=EXPLOITED, priority=Priority(score=7, urgency=Urgency.NOW, reasons=())), finding(2)),
    "components": (replace(COMPONENT, license="MIT", license_class="permissive", owner=PackageUrl("pkg:deb/a@1")),),
    "secrets": (SECRET,),
    "outcomes": (OUTCOME,),
    "unmatched": ("PyPI",),
    "passed_over": ("usr/share/**",),
    "support": (
        Support(product="a", cycle="1", ends=None, ended=False, last_fix=date(2026, 5, 1), fixes_per_year=4),
        Support(product="b", cycle="1", ends=date(2026, 6, 11), ended=False, subject="runtime"),
    ),
    "misconfigurations": (BAD,),
    "suppressed": (Suppressed(finding=finding(3), by=WORD),),
    "suppressed_secrets": (SuppressedSecret(secret=SECRET, by=replace(WORD, expires=None)),),
    "suppressed_misconfigurations": (SuppressedMisconfiguration(misconfiguration=BAD, by=WORD),),
    "idle": (IdleWord(word=WORD, why=InVain.EXPIRED),),
    "notices": (Notice(kind="yanked", purl=PackageUrl("pkg:pypi/a@1"), location="x"),),
    "base": BaseImage(name="docker.io/library/debian:12", layers=1, known_by="layers", digest=LAYER),
    "advice": (Advice(kind="package", subject="pkg:pypi/a@1", to="2", removes=("A", "B"), adds=("C",)),),
    "at": date(2026, 6, 1),
    "custody": replace(
        CUSTODY,
        modified=(custody_file(), custody_file(is_configuration=True)),
        missing=(custody_file(integrity=Integrity.MISSING, layer=None, digest=None),),
        unexplained=(custody_file(origin=Origin.UNEXPLAINED, package=None, mode=0o4755),),
        in_house=(custody_file(origin=Origin.IN_HOUSE, package=None),),
    ),
}
KINDS = {"scan": scan(**FULL), "provenance": provenance()}


def members(kind: str, name: str, item: Any = None) -> list[Any]:
    view = view_evidence(kind, item or KINDS[kind], AT)
    return list(view.collections[name]().values([*COLLECTIONS[name].item.fields, "index"]))


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_word_is_filled_with_a_value_of_its_type(kind: str) -> None:
    view = view_evidence(kind, KINDS[kind], AT)
    for variable in VARIABLES.values():
        if variable.evidence == kind:
            values = view.variables[variable.name]
            assert {name: type(value) for name, value in values.items()} == {
                name: TYPES[type_] for name, type_ in variable.fields.items()
            }
    for name, collection in COLLECTIONS.items():
        if collection.item.evidence == kind:
            shown = members(kind, name)
            assert shown, f"{name} is empty here"
            for values in shown:
                assert {field: type(value) for field, value in values.items()} == {
                    field: TYPES[type_] for field, type_ in collection.item.fields.items()
                } | {"index": int}
            assert [type(view.collections[name]().item(at).shown) for at in range(len(shown))] == [str] * len(shown)


def test_only_what_is_asked_for_is_made() -> None:
    view = view_evidence("scan", KINDS["scan"], AT)
    assert view.collections["findings"]().values(["id"]) == [
        {"id": "GHSA-0001", "index": 0},
        {"id": "GHSA-0002", "index": 1},
    ]


def test_custody_is_summed_up() -> None:
    image = view_evidence("scan", KINDS["scan"], AT).variables["image"]
    assert image["modified_distro_files"] == 1, "configuration does not count"
    assert (image["unexplained_executables"], image["missing_files"]) == (1, 1)
    assert (image["distro_share"], image["in_house_share"], image["unexplained_share"]) == (0.6, 0.2, 0.0)
    assert [file["listed"] for file in members("scan", "files")] == [
        "modified",
        "modified",
        "missing",
        "unexplained",
        "in-house",
    ]
    assert [file["setuid"] for file in members("scan", "files")] == [False, False, False, True, False]


def test_days_count_from_the_moment_of_the_decision() -> None:
    first, second = members("scan", "support")
    assert (first["days_left"], first["days_since_fix"], first["fixes_per_year"]) == (100_000, 31, 4)
    assert (second["days_left"], second["has_last_fix"], second["days_since_fix"]) == (10, False, 100_000)
    assert [it["days_left"] for it in members("scan", "suppressed")] == [10, 100_000, 10]


def old_report() -> dict[str, Any]:
    """A report as version 1.0.0 wrote it."""
    whole = to_builtins(report(findings=(finding(),), secrets=(SECRET,)))
    names = ("artifact", "components", "findings", "secrets", "configuration", "support", "outcomes", "knowledge")
    kept: dict[str, Any] = {name: whole[name] for name in (*names, "unmatched")} | {"schema_version": "1.0.0"}
    new = {"fix_state", "scope", "basis", "part", "priority", "checksums", "deprecated", "supplier", "license"}
    new |= {"license_class"}
    for name in ("findings", "components"):
        kept[name] = [{key: value for key, value in row.items() if key not in new} for row in kept[name]]
    for located in kept["secrets"]:
        located["secret"] = {key: located["secret"][key] for key in ("rule", "path", "line", "redacted", "fingerprint")}
    return kept


def test_a_report_of_the_first_version_can_be_read_and_tells_what_it_lacks() -> None:
    old = evidence(SCAN, old_report())
    view = view_evidence("scan", old, AT)
    assert view.variables["scan"]["schema_version"] == "1.0.0"
    assert not any(view.variables["scan"][name] for name in ("has_custody", "has_checks", "suppressed", "idle"))
    assert not any(view.variables["image"][name] for name in ("has_custody", "has_base", "has_census"))
    (found,) = members("scan", "findings", old)
    assert (found["has_priority"], found["urgency"], found["scope"], found["fix_state"]) == (
        False,
        "",
        "runtime",
        "unknown",
    )
    for name in ("files", "shares", "misconfigurations", "notices", "advice"):
        assert members("scan", name, old) == []


@pytest.mark.parametrize(
    "change",
    [
        {"secrets": [{"secret": to_builtins(SECRET.secret) | {"line": 2**70}, "layer": LAYER}]},
        {"custody": {"shares": [{"origin": "distro", "files": 2**64, "bytes": 0, "executables": 0}]}},
        {"custody": {"shares": None}},
        {"idle": [{"word": {}}]},
        {"findings": None},
        {"notices": [{"kind": "yanked", "purl": "x"}] * 20_001},
        {"custody": {"shares": [], "unexplained": [{"path": "x", "origin": "x", "integrity": "x"}] * 20_001}},
    ],
)
def test_a_report_that_cannot_be_right_denies(change: dict[str, Any]) -> None:
    head = "- {name: r, boundaries: [curation], reads: {scan: {maxAge: 1d}}"
    rule = head + ", when: scan.idle > 5, verdict: warn, message: m}"
    predicate = to_builtins(report()) | change
    policy = load_policy(policy_text(rule), file="test")
    decision = decide(Boundary.CURATION, SUBJECT, CONTEXT, [evidence(SCAN, predicate)], [policy], AT)
    assert decision.verdict is Verdict.DENY
    assert "cannot be read" in decision.reasons[0].message


def seen(predicate: Any) -> dict[str, Any]:
    return dict(view_evidence("provenance", provenance(predicate), AT).variables["provenance"])


def test_provenance_tells_builder_source_and_materials() -> None:
    found = dict(view_evidence("provenance", provenance(), AT).variables["provenance"])
    assert (found["builder"], found["build_type"]) == (
        "https://example.com/builder",
        "https://actions.github.io/buildtypes/workflow/v1",
    )
    assert (found["source"], found["source_ref"], found["source_digest"]) == (
        "https://example.com/team/app",
        "refs/heads/main",
        "c" * 40,
    )
    assert (found["materials"], found["signers"], found["age_hours"]) == (2, ["a" * 64], 1)
    assert members("provenance", "materials")[0]["digest"] == "sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("parameters", "source", "ref"),
    [
        ({"workflow": {"repository": "https://github.com/a/b", "ref": "refs/heads/x"}}, "https://github.com/a/b", ""),
        ({"source": "git+https://host/a/b@v1"}, "https://host/a/b", "v1"),
        ({"source": {"uri": "git+ssh://git@host/a/b@main#frag"}}, "ssh://git@host/a/b", "main"),
        ({"configSource": {"uri": "https://host/a.git"}}, "https://host/a.git", ""),
        ({"source": {"uri": 5}}, "", ""),
        ({}, "", ""),
    ],
)
def test_a_source_is_found_where_builders_write_it(parameters: dict[str, Any], source: str, ref: str) -> None:
    build = {"buildType": "x", "externalParameters": parameters}
    found = seen({"buildDefinition": build, "runDetails": {"builder": {"id": "b"}}})
    assert (found["source"], found["source_ref"], found["has_source"]) == (source, ref, bool(source))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.property
@given(
    st.dictionaries(st.sampled_from(["buildDefinition", "runDetails"]), JSON)
    | st.fixed_dictionaries(
        {
            "buildDefinition": st.fixed_dictionaries(
                {"buildType": st.text(max_size=3), "externalParameters": JSON, "resolvedDependencies": JSON}
            ),
            "runDetails": st.fixed_dictionaries({"builder": st.fixed_dictionaries({"id": JSON}), "metadata": JSON}),
        }
    )
)
def test_hostile_provenance_is_read_or_refused(predicate: dict[str, Any]) -> None:
    try:
        found = seen(predicate)
    except InvalidInputError:
        return
    assert {name: type(value) for name, value in found.items()} == {
        name: TYPES[type_] for name, type_ in VARIABLES["provenance"].fields.items()
    }


def test_every_kind_has_a_view() -> None:
    assert set(EVIDENCE_KINDS) == {
        "scan",
        "sbom",
        "vsa",
        "signatures",
        "provenance",
        "source",
        "commits",
        "behaviour",
        "tests",
        "reviews",
        "summaries",
        "vex",
    }
