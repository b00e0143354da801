# SPDX-License-Identifier: Apache-2.0
"""Which steps follow, and that no flood of alarms takes more out of service than the limits let."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate.execution.drift_rules import Mode
from tidegate.execution.observation import Act, Container, Observation
from tidegate.execution.response_plan import Place, plan
from tidegate.execution.response_policy import Limits, ResponsePolicy, ResponseRule, Severity, Step, severity_of

RULE = ResponseRule(name="r", steps=(Step.LABEL, Step.ISOLATE, Step.KILL))


def place(number: int, *, node: str = "n", namespace: str = "s", image: str = "i") -> Place:
    return Place(node=node, container=f"{number:064x}", namespace=namespace, image=image)


def test_drastic_steps_wait_and_only_what_contains_is_limited() -> None:
    policy = ResponsePolicy(limits=Limits(per_node=1))
    steps = plan(policy, RULE, place(1), fleet=[place(1), place(2)], contained=[place(2)])
    assert [(one.step, one.waits, bool(one.refused)) for one in steps] == [
        (Step.LABEL, False, False),
        (Step.ISOLATE, False, True),
        (Step.KILL, True, True),
    ]
    assert "perNode = 1" in steps[1].refused


def test_what_is_contained_already_may_be_contained_further() -> None:
    policy = ResponsePolicy(limits=Limits(per_node=1))
    steps = plan(policy, RULE, place(1), fleet=[place(1)], contained=[place(1)])
    assert not any(one.refused for one in steps)


def test_what_a_cluster_does_counts_for_the_cluster_and_a_container_told_twice_counts_once() -> None:
    policy = ResponsePolicy(limits=Limits(per_node=1, per_cluster=2, namespace_percent=100, workload_percent=100))
    rule = ResponseRule(name="r", steps=(Step.ISOLATE, Step.EVICT))
    fleet = [place(number, node=node) for number in range(1, 5) for node in (f"n{number}", "prod")]
    clusters = {Step.EVICT: "prod"}

    def refused(gone: list[Place]) -> list[bool]:
        steps = plan(policy, rule, place(1, node="n1"), fleet=fleet, contained=gone, clusters=clusters)
        return [bool(one.refused) for one in steps]

    assert refused([]) == [False, False]
    assert refused([place(2, node="n1")]) == [True, False]
    assert refused([place(2, node="prod"), place(3, node="prod")]) == [False, True]
    halves = ResponsePolicy(limits=Limits(per_node=9, namespace_percent=50, workload_percent=100))
    gone = [place(2, node="n2"), place(3, node="n3")]
    (isolate, _) = plan(halves, rule, place(1, node="n1"), fleet=fleet, contained=gone)
    assert "namespacePercent = 50: 2 of 4" in isolate.refused


def test_a_rule_may_let_the_whole_of_a_workload_go() -> None:
    fleet = [place(number, node=f"n{number}") for number in range(4)]
    whole = ResponseRule(name="recalled", steps=(Step.ISOLATE,), workload_percent=100)
    assert plan(ResponsePolicy(), RULE, fleet[3], fleet=fleet, contained=fleet[:2])[1].refused
    assert not plan(ResponsePolicy(), whole, fleet[3], fleet=fleet, contained=fleet[:3])[0].refused


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60),
    st.integers(1, 5),
    st.integers(1, 100),
    st.integers(1, 100),
)
def test_whatever_comes_the_limits_hold(
    fleet_of: list[tuple[int, int, int]], per_node: int, namespace_percent: int, workload_percent: int
) -> None:
    fleet = [
        place(at, node=f"n{node}", namespace=f"s{space}", image=f"i{image}")
        for at, (node, space, image) in enumerate(fleet_of)
    ]
    limits = Limits(per_node=per_node, namespace_percent=namespace_percent, workload_percent=workload_percent)
    policy, contained = ResponsePolicy(limits=limits), list[Place]()
    for one in fleet:
        if not plan(policy, RULE, one, fleet=fleet, contained=contained)[1].refused:
            contained.append(one)
    for node in {one.node for one in fleet}:
        assert sum(one.node == node for one in contained) <= per_node
    for space in {one.namespace for one in fleet}:
        total = sum(one.namespace == space for one in fleet)
        assert sum(one.namespace == space for one in contained) <= max(1, total * namespace_percent // 100)
    assert contained, "one is always let"


def test_rules_are_chosen_by_act_mode_and_place() -> None:
    policy = ResponsePolicy(
        rules=(
            ResponseRule(name="prod", acts=frozenset({Act.EXECUTED}), namespaces=("prod-*",), severity=Severity.LOW),
        )
    )

    def seen(act: Act, mode: Mode, namespace: str) -> Observation:
        return Observation(
            at="2026-11-30T00:00:00Z", act=act, mode=mode, container=Container(id="a" * 64, namespace=namespace)
        )

    found = policy.rule_for(seen(Act.EXECUTED, Mode.ALERT, "prod-1"))
    assert found is not None
    assert (found.name, severity_of(found, seen(Act.EXECUTED, Mode.ALERT, "prod-1"))) == ("prod", Severity.LOW)
    otherwise = policy.rule_for(seen(Act.FILELESS, Mode.ALERT, "prod-1"))
    assert otherwise is not None
    assert (otherwise.name, otherwise.steps) == ("otherwise", ())
    assert policy.rule_for(seen(Act.EXECUTED, Mode.OBSERVE, "dev")) is None
    assert policy.rule_for(seen(Act.CONTAINED, Mode.ALERT, "dev")) is None
