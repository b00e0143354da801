# SPDX-License-Identifier: Apache-2.0
"""What steps send to an API server: each once whatever is killed when, undone exactly, and only on what is meant."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from kept_objects import KeptObjects, Killed
from ordered import NAMESPACE, POD, a_shop, order, steps

from tidegate.cluster.held import ISOLATED, MARK, WHY, annotation_of
from tidegate.execution.order import PodOf
from tidegate.execution.response_policy import IN_THE_CLUSTER, REVERSIBLE, Step
from tidegate.reporting.spool import Spool
from tidegate.values import replace

UNDOABLE = sorted(IN_THE_CLUSTER & REVERSIBLE)


@pytest.mark.parametrize("step", UNDOABLE)
def test_undone_everything_is_as_it_was(kept: KeptObjects, spool: Spool, step: Step) -> None:
    a_shop(kept)
    before, carry = kept.bare(), steps(kept, spool)
    done = carry(order(step))
    assert done.done, done.what
    assert kept.bare() != before
    back = carry(order(step, undoes=order(step)))
    assert back.done, back.what
    assert kept.bare() == before


@pytest.mark.parametrize("step", UNDOABLE)
def test_it_stays_until_the_last_order_is_undone(kept: KeptObjects, spool: Spool, step: Step) -> None:
    a_shop(kept)
    before, carry = kept.bare(), steps(kept, spool)
    first, second = order(step, key="1"), order(step, key="2")
    assert carry(first).done
    assert carry(second).done
    once = kept.bare()
    assert carry(order(step, undoes=first)).done
    assert kept.bare() != before
    assert kept.bare().keys() == once.keys()
    assert carry(order(step, undoes=second)).done
    assert kept.bare() == before


@pytest.mark.parametrize("step", sorted(IN_THE_CLUSTER))
def test_killed_at_any_write_it_is_done_once(tmp_path: Path, step: Step) -> None:
    """Before each write and right after it, in the step and in what takes it back."""
    orders = [order(step)] + ([order(step, undoes=order(step))] if step in REVERSIBLE else [])
    expected = _run(tmp_path / "unbroken", lambda _: None, orders)[0]
    for number in count(1):
        reached = False
        for after in (False, True):

            def kill(kept: KeptObjects, at: tuple[int, bool] = (number, after)) -> None:
                kept.kill_at = at

            found, was_killed = _run(tmp_path / f"{number}{after}", kill, orders)
            assert found == expected
            reached = reached or was_killed
        if not reached:
            assert number > 1
            return


def test_killed_before_its_record_it_is_found_done_though_the_pod_went(kept: KeptObjects, spool: Spool) -> None:
    path = a_shop(kept)
    kept.kill_at = (1, True)
    with pytest.raises(Killed):
        steps(kept, spool)(order(Step.SCALE_TO_ZERO))
    del kept.objects[path]  # as the controllers of a workload at zero have it
    again = steps(kept, spool)(order(Step.SCALE_TO_ZERO))
    assert (again.done, again.what) == (True, "at zero already: Deployment shop/web")
    assert len(kept.writes) == 1
    other = steps(kept, spool)(order(Step.SCALE_TO_ZERO, key="other"))
    assert not other.done, "who finds no pod has done nothing"


def _run(folder: Path, prepare: Callable[[KeptObjects], None], orders: list[Any]) -> tuple[Any, bool]:
    folder.mkdir()
    was_killed = False
    with KeptObjects() as kept:
        a_shop(kept)
        prepare(kept)
        for one in orders:
            try:
                with Spool(folder / "spool.db") as spool:
                    steps(kept, spool)(one)
            except Killed:
                was_killed = True
            with Spool(folder / "spool.db") as spool:
                again = steps(kept, spool)(one)
            assert again.done, again.what
        return kept.bare(), was_killed


@pytest.mark.parametrize("step", sorted(IN_THE_CLUSTER))
def test_another_pod_of_its_name_is_not_meant(kept: KeptObjects, spool: Spool, step: Step) -> None:
    path = a_shop(kept)
    kept.objects[path]["metadata"]["uid"] = "another"
    before = kept.bare()
    done = steps(kept, spool)(order(step))
    assert done.done is (step in {Step.EVICT, Step.DELETE}), done.what
    assert kept.bare() == before


@pytest.mark.parametrize("step", sorted(IN_THE_CLUSTER))
@pytest.mark.parametrize("protection", ["kube-system", "tidegate", "mirror", "critical"])
def test_what_the_cluster_stands_on_is_refused(kept: KeptObjects, spool: Spool, step: Step, protection: str) -> None:
    pod = POD
    if protection in {"kube-system", "tidegate"}:
        pod = PodOf(namespace=protection, name="dns", uid="uid-dns")
        kept.put("Pod", "dns", namespace=protection, spec={})
    elif protection == "mirror":
        path = a_shop(kept)
        kept.objects[path]["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    else:
        a_shop(kept, priorityClassName="system-node-critical")
    before = kept.bare()
    done = steps(kept, spool)(order(step, pod=pod))
    assert not done.done
    assert kept.bare() == before
    assert not kept.writes


def test_what_others_changed_since_stays_theirs(kept: KeptObjects, spool: Spool) -> None:
    a_shop(kept)
    carry = steps(kept, spool)
    assert carry(order(Step.SCALE_TO_ZERO)).done
    path = "/apis/apps/v1/namespaces/shop/deployments/web"
    assert kept.objects[path]["spec"]["replicas"] == 0
    kept.objects[path]["spec"]["replicas"] = 5
    assert carry(order(Step.SCALE_TO_ZERO, undoes=order(Step.SCALE_TO_ZERO))).done
    assert kept.objects[path]["spec"]["replicas"] == 5
    assert "annotations" not in kept.objects[path]["metadata"]


def test_what_controllers_copied_to_a_replica_set_is_forgotten(kept: KeptObjects, spool: Spool) -> None:
    a_shop(kept)
    before, carry = kept.bare(), steps(kept, spool)
    assert carry(order(Step.SCALE_TO_ZERO)).done
    above, between = (f"/apis/apps/v1/namespaces/shop/{one}" for one in ("deployments/web", "replicasets/web-7d"))
    kept.objects[between]["metadata"]["annotations"] = dict(kept.objects[above]["metadata"]["annotations"])
    kept.objects[between]["spec"]["replicas"] = 0
    assert carry(order(Step.SCALE_TO_ZERO, undoes=order(Step.SCALE_TO_ZERO))).what == "Deployment shop/web is at 3"
    assert kept.objects[between]["spec"]["replicas"] == 0, "its Deployment's controller does that"
    kept.objects[between]["spec"]["replicas"] = 3
    assert kept.bare() == before


def test_another_change_meanwhile_is_read_again(kept: KeptObjects, spool: Spool) -> None:
    path = a_shop(kept)

    def meddle() -> None:
        kept.objects[path]["metadata"]["labels"]["added"] = "meanwhile"
        kept.objects[path]["metadata"]["resourceVersion"] = "other"

    kept.before_merge.append(meddle)
    assert steps(kept, spool)(order(Step.LABEL)).done
    assert kept.objects[path]["metadata"]["labels"]["added"] == "meanwhile"
    assert kept.objects[path]["metadata"]["labels"][MARK] == "cd" * 16


@pytest.mark.parametrize(
    ("step", "path", "held"),
    [
        (Step.SCALE_TO_ZERO, "/apis/apps/v1/namespaces/shop/deployments/web", ["spec", "template"]),
        (Step.LABEL, "/api/v1/namespaces/shop/pods/web-1", ["spec", "nodeName"]),
        (Step.ISOLATE, "/api/v1/namespaces/shop/pods/web-1", ["metadata", "finalizers"]),
    ],
)
def test_an_annotation_of_others_has_us_change_nothing_else(
    kept: KeptObjects, spool: Spool, step: Step, path: str, held: list[str]
) -> None:
    """Who may write annotations there is not who may have tidegate write what they say."""
    a_shop(kept)
    forged = (
        f'{{"orders":["{order(step).id}"],"values":[{{"path":["{held[0]}","{held[1]}"],"before":"x","after":null}}]}}'
    )
    kept.objects[path]["metadata"]["annotations"] = {annotation_of(step): forged}
    before = kept.bare()
    steps(kept, spool)(order(step, undoes=order(step)))
    assert kept.bare()[path] == before[path]


def test_every_owner_is_known_and_what_cannot_be_at_zero_says_so(kept: KeptObjects, spool: Spool) -> None:
    carry = steps(kept, spool)
    kept.put(
        "HorizontalPodAutoscaler",
        "web",
        namespace=NAMESPACE,
        spec={"scaleTargetRef": {"kind": "Deployment", "name": "web"}},
    )
    a_shop(kept)
    assert "HorizontalPodAutoscaler web does nothing" in carry(order(Step.SCALE_TO_ZERO)).what
    cron = kept.put("CronJob", "nightly", namespace=NAMESPACE, spec={"suspend": False, "schedule": "@daily"})
    job = kept.put("Job", "nightly-1", namespace=NAMESPACE, owner=cron, spec={"parallelism": 1})
    for name, owner in (
        ("nightly-1-x", job),
        ("agent-x", kept.put("DaemonSet", "agent", namespace=NAMESPACE)),
        ("bare", ""),
    ):
        kept.put("Pod", name, namespace=NAMESPACE, owner=owner, spec={"nodeName": "worker-1"})
    before = kept.bare()
    suspended = order(Step.SCALE_TO_ZERO, pod=_named("nightly-1-x"))
    assert carry(suspended).done
    assert [kept.objects[one]["spec"]["suspend"] for one in (cron, job)] == [True, True]
    assert carry(order(Step.SCALE_TO_ZERO, pod=suspended.pod or POD, undoes=suspended)).done
    assert kept.bare() == before
    for name, said in (("agent-x", "a DaemonSet has no number of pods"), ("bare", "no workload makes its pod anew")):
        done = carry(order(Step.SCALE_TO_ZERO, pod=_named(name)))
        assert (done.done, said in done.what) == (False, True), done.what


def _named(name: str) -> PodOf:
    return replace(POD, name=name, uid=f"uid-{name}")


def test_a_disruption_budget_is_respected_and_told(kept: KeptObjects, spool: Spool) -> None:
    path = a_shop(kept)
    kept.shut_budgets.add(path)
    done = steps(kept, spool)(order(Step.EVICT))
    assert (done.done, "disruption budget does not let it go now" in done.what) == (False, True), done.what
    assert path in kept.objects
    assert steps(kept, spool)(order(Step.DELETE)).done
    assert path not in kept.objects


def test_the_last_node_and_the_control_plane_take_pods_on(kept: KeptObjects, spool: Spool) -> None:
    a_shop(kept)
    kept.objects["/api/v1/nodes/worker-2"]["metadata"]["labels"] = {"node-role.kubernetes.io/control-plane": ""}
    done = steps(kept, spool)(order(Step.CORDON))
    assert (done.done, "no other node takes pods" in done.what) == (False, True), done.what


def test_policies_of_others_select_it_no_more_or_are_named(kept: KeptObjects, spool: Spool) -> None:
    path = a_shop(kept)
    lets = {"policyTypes": ["Egress"], "egress": [{}]}
    kept.put(
        "NetworkPolicy", "front", namespace=NAMESPACE, spec={"podSelector": {"matchLabels": {"tier": "front"}}, **lets}
    )
    before = kept.bare()
    done = steps(kept, spool)(order(Step.ISOLATE))
    assert done.done, done.what
    assert kept.objects[path]["metadata"]["labels"] == {"app": "web", ISOLATED: POD.uid}
    assert "it lost the labels tier" in done.what
    assert steps(kept, spool)(order(Step.ISOLATE, undoes=order(Step.ISOLATE))).done
    assert kept.bare() == before
    kept.put("NetworkPolicy", "names", namespace=NAMESPACE, spec={"podSelector": {}, **lets})
    again = order(Step.ISOLATE, key="again")
    done = steps(kept, spool)(again)
    assert (done.done, "still let by NetworkPolicy names" in done.what) == (False, True), done.what
    assert kept.objects[path]["metadata"]["labels"][ISOLATED] == POD.uid, "what can be shut is shut"
    assert steps(kept, spool)(order(Step.ISOLATE, undoes=again)).done
    assert path in kept.objects
    assert ISOLATED not in kept.objects[path]["metadata"]["labels"]


def test_a_policy_that_somebody_put_in_its_place_is_replaced(kept: KeptObjects, spool: Spool) -> None:
    a_shop(kept)
    name = f"tidegate-isolated-{POD.uid}"
    there = kept.put("NetworkPolicy", name, namespace=NAMESPACE, spec={"podSelector": {}, "ingress": [{}]})
    assert steps(kept, spool)(order(Step.ISOLATE)).done
    wanted = {"podSelector": {"matchLabels": {ISOLATED: POD.uid}}, "policyTypes": ["Ingress", "Egress"]}
    assert kept.objects[there]["spec"] == wanted


def test_no_more_than_so_many_in_an_hour(kept: KeptObjects, spool: Spool) -> None:
    a_shop(kept)
    carry = steps(kept, spool, most=2)
    for step in (Step.LABEL, Step.ANNOTATE, Step.ISOLATE, Step.CORDON):
        assert carry(order(step)).done
    done = carry(order(Step.EVICT))
    assert (done.done, "max_responses_per_hour = 2" in done.what) == (False, True), done.what
    assert carry(order(Step.CORDON, undoes=order(Step.CORDON))).done, "what takes one back is let"


def test_why_stands_where_its_owners_look(kept: KeptObjects, spool: Spool) -> None:
    path = a_shop(kept)
    assert steps(kept, spool)(order(Step.ANNOTATE)).done
    for one in (path, "/apis/apps/v1/namespaces/shop/deployments/web"):
        assert kept.objects[one]["metadata"]["annotations"][WHY].startswith("it calls home (response ")


def test_its_workload_says_it_no_more_though_the_pod_is_gone(kept: KeptObjects, spool: Spool) -> None:
    path = a_shop(kept)
    before, carry = kept.bare(), steps(kept, spool)
    assert carry(order(Step.ANNOTATE)).done
    del kept.objects[path], before[path]
    assert kept.bare() != before
    assert carry(order(Step.ANNOTATE, undoes=order(Step.ANNOTATE))).done
    assert kept.bare() == before


def test_a_step_that_only_a_node_takes_says_so(kept: KeptObjects, spool: Spool) -> None:
    a_shop(kept)
    done = steps(kept, spool)(order(Step.FREEZE))
    assert (done.done, "a cluster cannot freeze" in done.what) == (False, True)
