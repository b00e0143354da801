# SPDX-License-Identifier: Apache-2.0
"""Which workloads a rule speaks of: patterns of namespaces, kinds and images, and a condition in CEL."""

from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.execution.pod_spec import Resources
from tidegate.execution.quantity import parse_quantity
from tidegate.execution.workload import Workload
from tidegate.identity.condition import Condition
from tidegate.rules.field import FieldType, Variable
from tidegate.rules.reading import Fields, as_scalar
from tidegate.values import Struct

EVERYTHING: Final = ("*",)
MAX_INT32: Final = 2**31
WORKLOAD: Final = Variable(
    name="workload",
    evidence="",
    fields={
        "cluster": FieldType.STRING,
        "namespace": FieldType.STRING,
        "kind": FieldType.STRING,
        "name": FieldType.STRING,
        "owner": FieldType.STRING,
        "service_account": FieldType.STRING,
        "labels": FieldType.LABELS,  # of the object, those of its pods over them
        "annotations": FieldType.LABELS,
        "images": FieldType.STRINGS,
        "replicas": FieldType.INT,  # 1 where nothing is said
        "cpu": FieldType.DOUBLE,  # cores that one pod's containers ask for together
        "memory_mib": FieldType.DOUBLE,  # likewise
    },
)
TERM_KEYS: Final = ("clusters", "namespaces", "kinds", "when")


class Terms(Struct, frozen=True, kw_only=True):
    """Some workloads.

    Attributes:
        clusters, namespaces, kinds: shell patterns; all three must fit.
        when: must hold; None asks nothing. What cannot be evaluated does not hold.
    """

    clusters: tuple[str, ...] = EVERYTHING
    namespaces: tuple[str, ...] = EVERYTHING
    kinds: tuple[str, ...] = EVERYTHING
    when: Condition | None = None

    def fits(self, workload: Workload) -> bool:
        """True when it speaks of this workload."""
        return (
            _any(self.clusters, workload.cluster)
            and _any(self.namespaces, workload.namespace)
            and _any(self.kinds, workload.kind)
            and (self.when is None or self.when.holds({WORKLOAD.name: workload_values(workload)}))
        )


def workload_values(workload: Workload) -> dict[str, object]:
    """A workload as conditions see it."""
    return {
        "cluster": workload.cluster,
        "namespace": workload.namespace,
        "kind": workload.kind,
        "name": workload.name,
        "owner": workload.owner,
        "service_account": workload.pod.service_account_name or "default",
        "labels": {**workload.labels, **workload.pod_labels},
        "annotations": {**workload.annotations, **workload.pod_annotations},
        "images": [str(container.image) for container in workload.containers],
        "replicas": _replicas(workload),
        "cpu": float(asked_for(workload, "cpu")),
        "memory_mib": float(asked_for(workload, "memory") / MIB),
    }


def asked_for(workload: Workload, resource: str) -> Fraction:
    """What one pod's containers ask for together; where only a limit is said, the API server takes it."""
    return sum((_asked(spec.resources or Resources(), resource) for spec in workload.pod.containers), Fraction(0))


def _asked(said: Resources, resource: str) -> Fraction:
    for listed in (said.requests, said.limits):
        value = (listed or {}).get(resource)
        if value is not None:
            try:
                return parse_quantity(value)
            except InvalidInputError:
                return Fraction(0)  # the API server refuses it
    return Fraction(0)


def _replicas(workload: Workload) -> int:
    spec = workload.document.get("spec")
    said = spec.get("replicas") if isinstance(spec, dict) else None
    return said if isinstance(said, int) and abs(said) < MAX_INT32 else 1


def terms_in(fields: Fields) -> Terms:
    """The terms of a rule, which may have the keys `TERM_KEYS`.

    Raises:
        InvalidInputError: one is wrong; with its place.
    """
    when = fields.optional("when")
    return Terms(
        clusters=fields.texts("clusters") or EVERYTHING,
        namespaces=fields.texts("namespaces") or EVERYTHING,
        kinds=fields.texts("kinds") or EVERYTHING,
        when=None if when is None else Condition.of(as_scalar(when), WORKLOAD),
    )


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return patterns == EVERYTHING or any(fnmatchcase(text, pattern) for pattern in patterns)
