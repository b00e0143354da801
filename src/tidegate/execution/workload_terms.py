# SPDX-License-Identifier: Apache-2.0
"""Which workloads a rule speaks of: patterns of namespaces, kinds and images, and a condition in CEL."""

from fnmatch import fnmatchcase
from typing import Final

from tidegate.execution.workload import Workload
from tidegate.identity.condition import Condition
from tidegate.rules.field import FieldType, Variable
from tidegate.rules.reading import Fields, as_scalar
from tidegate.values import Struct

EVERYTHING: Final = ("*",)
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
    }


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
