# SPDX-License-Identifier: Apache-2.0
"""Takes steps at a cluster's API server, and takes them back: each once, and on the very pod that was meant.

What is changed remembers what it was (`tidegate.cluster.held`), so a step broken off by a kill is found done or begun
again, and taking it back needs no record but the cluster's own.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from tidegate.clock import Clock, system_clock
from tidegate.cluster.cordon import cordon, uncordon
from tidegate.cluster.held import MARK, WHY, Path, Value, give_back, is_held_by, take, value_at
from tidegate.cluster.isolation import Isolation
from tidegate.cluster.leaving import delete, evict
from tidegate.cluster.owners import owners_of, workloads_of
from tidegate.cluster.protected import demand_unprotected
from tidegate.cluster.scaling import back_from_zero, to_zero
from tidegate.errors import NotFoundError, RefusedError, TidegateError, UsageError
from tidegate.execution.carrying import CarriedOnce, Memory
from tidegate.execution.order import Order, Outcome, PodOf
from tidegate.execution.response_policy import IN_THE_CLUSTER, Step
from tidegate.kubernetes.change import changed
from tidegate.kubernetes.objects import Object, Objects, object_path

_log = logging.getLogger(__name__)
_MAX_WHY_CHARS: Final = 1000
_MAX_LABEL_CHARS: Final = 63
_Taken = Callable[[Order, PodOf, Object], str]


class ClusterSteps:
    """Carries orders to a cluster out.

    Args:
        objects: its API server.
        memory: remembers what was carried out.
        own_namespace: tidegate's, which no step touches; "" where it runs elsewhere.
        most_per_hour: steps in an hour; those that take one back, or only mark, are not counted.
        limit: what the setting of that is called.
        clock: now.
    """

    def __init__(
        self,
        objects: Objects,
        memory: Memory,
        *,
        own_namespace: str,
        most_per_hour: int,
        limit: str = "sensor.max_responses_per_hour",
        clock: Clock = system_clock,
    ) -> None:
        self._objects = objects
        self._own = own_namespace
        self._once = CarriedOnce(memory, most_per_hour=most_per_hour, limit=limit, clock=clock)
        self._isolation = Isolation(objects)
        self._taken: Mapping[Step, _Taken] = {
            Step.LABEL: self._label,
            Step.ANNOTATE: self._annotate,
            Step.ISOLATE: self._isolation.take,
            Step.CORDON: lambda order, pod, found: cordon(objects, order, _host(pod, found)),
            Step.SCALE_TO_ZERO: lambda order, pod, found: to_zero(objects, order, pod, found),
            Step.EVICT: lambda _, pod, found: evict(objects, pod, found),
            Step.DELETE: lambda _, pod, found: delete(objects, pod, found),
        }

    def __call__(self, order: Order) -> Outcome:
        """Carries an order out, or says what became of it before; one that was broken off by a kill is begun again."""
        return self._once(order, self._try)[0]

    def _try(self, order: Order) -> Outcome:
        try:
            if order.pod is None or order.step not in IN_THE_CLUSTER:
                raise UsageError(f"a cluster cannot {order.step} this", where=order.id)
            return self._undo(order, order.pod) if order.undoes else self._do(order, order.pod)
        except TidegateError as error:
            _log.error("%s of %s failed: %s", order.step, order.container[:12], error)
            return Outcome(done=False, what=str(error)[:4000])

    def _do(self, order: Order, pod: PodOf) -> Outcome:
        found = self._pod(pod)
        if found is not None:
            demand_unprotected(found, pod.namespace, self._own)
            return Outcome(done=True, what=self._taken[order.step](order, pod, found))
        if order.step in {Step.EVICT, Step.DELETE}:
            return Outcome(done=True, what="it does not run there any more")
        # A kill may have come between the change and its record: then the change says whose it is.
        if order.step is Step.SCALE_TO_ZERO and (held := back_from_zero(self._objects, order.id, pod, look=True)):
            return Outcome(done=True, what=f"at zero already: {held}")
        return Outcome(done=False, what="it does not run there any more, or another pod has its name")

    def _undo(self, order: Order, pod: PodOf) -> Outcome:
        if order.step is Step.SCALE_TO_ZERO:
            back = back_from_zero(self._objects, order.undoes, pod)
            return Outcome(done=True, what=back or "nothing is held at zero by it")
        if order.step is Step.CORDON:
            return Outcome(done=True, what=uncordon(self._objects, order.undoes))
        if order.step is Step.ANNOTATE:  # its workload says it still when the pod is gone
            for one in workloads_of(self._objects, pod.namespace):
                if is_held_by(one.found, order.step, order.undoes):
                    self._give_back(one.path, str(one), order)
        found = self._pod(pod)
        if found is None:
            return Outcome(done=True, what="it does not run there any more")
        if order.step is Step.ISOLATE:
            return Outcome(done=True, what=self._isolation.undo(order, pod, found))
        if order.step in {Step.LABEL, Step.ANNOTATE}:
            self._give_back(_path(pod), str(_name(pod)), order)
            return Outcome(done=True, what="it says nothing of it any more")
        raise UsageError(f"{order.step} cannot be taken back", where=order.id)

    def _pod(self, pod: PodOf) -> Object | None:
        try:
            found = self._objects.get(_path(pod), where=_name(pod))
        except NotFoundError:
            return None
        return found if value_at(found, ("metadata", "uid")) == pod.uid else None

    def _label(self, order: Order, pod: PodOf, _: Object) -> str:
        mark = (order.incident or order.id)[:_MAX_LABEL_CHARS]
        wanted: dict[Path, Value] = {("metadata", "labels", MARK): mark}
        self._take(_path(pod), _name(pod), order, wanted, uid=pod.uid)
        return f"its pod is marked: {MARK}={mark}"

    def _annotate(self, order: Order, pod: PodOf, found: Object) -> str:
        text = f"{order.why} (response {order.id}{f', incident {order.incident}' if order.incident else ''})"
        wanted: dict[Path, Value] = {("metadata", "annotations", WHY): text[:_MAX_WHY_CHARS]}
        workloads = owners_of(self._objects, found, pod.namespace).workloads
        self._take(_path(pod), _name(pod), order, wanted, uid=pod.uid)
        for one in workloads[-1:]:
            self._take(one.path, str(one), order, wanted, uid=str(value_at(one.found, ("metadata", "uid"))))
        told = ", ".join(["its pod", *map(str, workloads[-1:])])
        return f"the annotation {WHY} tells it on {told}"

    def _take(self, path: str, where: str, order: Order, wanted: Mapping[Path, Value], *, uid: str) -> None:
        def patch(found: Object) -> Mapping[str, object]:
            if value_at(found, ("metadata", "uid")) != uid:
                raise RefusedError("another object has its name by now", where=where)
            return take(found, order.step, order.id, wanted)

        changed(self._objects, path, patch, where=where)

    def _give_back(self, path: str, where: str, order: Order) -> None:
        with suppress(NotFoundError):  # it went meanwhile
            changed(self._objects, path, lambda found: give_back(found, order.step, order.undoes), where=where)


def _path(pod: PodOf) -> str:
    return object_path("v1", "pods", pod.name, namespace=pod.namespace)


def _name(pod: PodOf) -> str:
    return f"pod {pod.namespace}/{pod.name}"


def _host(pod: PodOf, found: Object) -> str:
    host = str(value_at(found, ("spec", "nodeName")) or pod.host)
    if not host:
        raise RefusedError("it is on no node yet", where=_name(pod))
    return host
