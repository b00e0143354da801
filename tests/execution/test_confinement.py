# SPDX-License-Identifier: Apache-2.0
"""Classes of confinement: what they demand, which workloads are of them, and how their documents are read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.execution.capabilities import NAMES, mask_of, names_of
from tidegate.execution.confinement import (
    BASELINE,
    LEVELS,
    PRIVILEGED,
    RESTRICTED,
    Confined,
    ConfinementClass,
    Demand,
    weaknesses,
)
from tidegate.execution.confinement_file import load_confinement_rules
from tidegate.execution.drift_rules import Mode, Workload
from tidegate.rules.reading import DocumentError
from tidegate.sensor.confined import confined_by, security_label, status_fields
from tidegate.values import replace

GOOD = Confined(seccomp=2, filters=1, no_new_privileges=True, users=(1000,) * 4, lsm="docker-default (enforce)")
STATUS = """Name:\tsleep
Uid:\t1000\t1000\t1000\t1000
CapInh:\t0000000000000000
CapPrm:\t0000000000000400
CapEff:\t0000000000000000
CapBnd:\t00000000a80425fb
CapAmb:\t0000000000000000
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t1
"""
HEAD = "apiVersion: tidegate.dev/v1\nkind: ConfinementRules\nmetadata: {name: a}\nspec:\n"


def demands(of: ConfinementClass, process: Confined) -> list[Demand]:
    return [one.demand for one in weaknesses(of, process)]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"seccomp": 1}, []),
        ({"seccomp": 0}, [Demand.SECCOMP]),
        ({"no_new_privileges": False}, [Demand.NO_NEW_PRIVILEGES]),
        ({"users": (1000, 1000, 0, 1000)}, [Demand.NON_ROOT]),
        ({"held": mask_of(["NET_BIND_SERVICE"])}, []),
        ({"held": mask_of(["SYS_ADMIN"])}, [Demand.CAPABILITIES]),
        ({"bound": mask_of(["SYS_ADMIN"])}, []),
        (
            {"bound": mask_of(["SYS_ADMIN"]), "no_new_privileges": False},
            [Demand.NO_NEW_PRIVILEGES, Demand.CAPABILITIES],
        ),
    ],
)
def test_what_is_weaker_than_restricted(changed: dict[str, object], expected: list[Demand]) -> None:
    assert demands(RESTRICTED, replace(GOOD, **changed)) == expected


@pytest.mark.parametrize(
    ("label", "is_weak"),
    [
        ("docker-default (enforce)", False),
        ("docker-default (complain)", True),
        ("system_u:system_r:container_t:s0:c1,c2", False),
        ("system_u:system_r:spc_t:s0", True),
        ("", True),
    ],
)
def test_a_security_module_confines_as_the_class_names_it(label: str, *, is_weak: bool) -> None:
    of = ConfinementClass(name="own", lsm=("*(enforce)", "*:container_t:*"))
    assert demands(of, replace(GOOD, lsm=label)) == ([Demand.LSM] if is_weak else [])


def test_the_fields_of_a_status_are_read() -> None:
    read = confined_by(status_fields(STATUS), "")
    assert (read.seccomp, read.filters, read.no_new_privileges, read.users) == (2, 1, True, (1000,) * 4)
    assert names_of(read.held) == ("NET_BIND_SERVICE",)
    assert read.bound == 0xA80425FB
    assert demands(RESTRICTED, read) == []


def test_what_a_status_does_not_say_is_taken_for_the_worst() -> None:
    assert demands(RESTRICTED, confined_by({}, "")) == [
        Demand.SECCOMP,
        Demand.NO_NEW_PRIVILEGES,
        Demand.NON_ROOT,
        Demand.CAPABILITIES,
    ]


def test_the_label_of_a_process_is_apparmors_before_any_other(tmp_path: Path) -> None:
    assert security_label(tmp_path) == ""
    (tmp_path / "attr/apparmor").mkdir(parents=True)
    (tmp_path / "attr/current").write_bytes(b"system_u:system_r:container_t:s0\0")
    assert security_label(tmp_path) == "system_u:system_r:container_t:s0"
    (tmp_path / "attr/apparmor/current").write_bytes(b"own (enforce)\n")
    assert security_label(tmp_path) == "own (enforce)"
    (tmp_path / "attr/apparmor/current").write_bytes(b"unconfined\n")
    assert security_label(tmp_path) == "system_u:system_r:container_t:s0"


@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_a_process_is_weak_by_exactly_what_it_has_beyond_its_class(held: set[str], allowed: set[str]) -> None:
    of = ConfinementClass(name="own", capabilities=tuple(allowed))
    assert bool(demands(of, replace(GOOD, held=mask_of(held)))) is bool(held - allowed)
    assert set(names_of(mask_of(held))) == held


def test_rules_are_read_and_the_first_that_fits_holds() -> None:
    text = (
        HEAD + "  classes:\n    - {name: own, seccomp: true, noNewPrivileges: true, nonRoot: true, lsm: ['*'],"
        " capabilities: [CAP_CHOWN]}\n  rules:\n    - {name: one, namespaces: [pay*], class: own, mode: observe}\n"
        "    - {name: two, images: ['r/*'], class: privileged}\n  otherwise: restricted\n"
    )
    rules = load_confinement_rules({"a.yaml": text})
    own = ConfinementClass(
        name="own", seccomp=True, no_new_privileges=True, non_root=True, capabilities=("CHOWN",), lsm=("*",)
    )
    found = rules.rule_for(Workload(namespace="payments", image="r/x"))
    assert (found.demanded, found.places.name, found.places.mode) == (own, "one", Mode.OBSERVE)
    assert rules.rule_for(Workload(image="r/x")).demanded == PRIVILEGED
    assert rules.rule_for(Workload()).demanded == RESTRICTED


def test_a_class_that_lists_no_capability_lets_none_be_had_and_one_without_the_list_any() -> None:
    text = HEAD + "  classes: [{name: none, capabilities: []}, {name: any}]\n  otherwise: none\n"
    assert load_confinement_rules({"a.yaml": text}).otherwise.capabilities == ()
    assert load_confinement_rules({"a.yaml": text.replace("otherwise: none", "otherwise: any")}).otherwise == (
        ConfinementClass(name="any")
    )


def test_nobody_is_held_to_anything_where_nothing_is_said() -> None:
    assert load_confinement_rules({}).rule_for(Workload()).demanded == PRIVILEGED
    assert load_confinement_rules({}, otherwise=BASELINE).rule_for(Workload()).demanded == BASELINE


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("  rules: []\n", "no rules in it"),
        ("  rules: [{name: a, class: nothing}]\n", "no class is called 'nothing'"),
        ("  rules: [{name: a}]\n", "class"),
        ("  rules: [{name: a, class: baseline, mode: enforce}]\n", "what runs is not confined anew"),
        ("  classes: [{name: baseline}]\n  otherwise: baseline\n", "a second is called 'baseline'"),
        ("  classes: [{name: a}, {name: a}]\n  otherwise: a\n", "a second is called 'a'"),
        ("  classes: [{name: a, capabilities: [SYS_ADMINISTRATOR]}]\n  otherwise: a\n", "no capability is called"),
        ("  classes: [{name: a, seccomp: maybe}]\n  otherwise: a\n", "neither true nor false"),
        ("  classes: [{name: a, landlock: true}]\n  otherwise: a\n", "landlock"),
        ("  otherwise: nobody\n", "no class is called 'nobody'"),
    ],
)
def test_what_is_wrong_in_a_document_is_refused_with_its_place(spec: str, reason: str) -> None:
    with pytest.raises(DocumentError, match=r"a\.yaml:") as refused:
        load_confinement_rules({"a.yaml": HEAD + spec})
    assert reason in str(refused.value)


def test_levels_grow_stricter() -> None:
    root = Confined(users=(0,), held=mask_of(["CHOWN", "NET_RAW"]), bound=mask_of(["CHOWN"]))
    assert [len(demands(level, root)) for level in LEVELS] == [0, 1, 4]
