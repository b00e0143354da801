# SPDX-License-Identifier: Apache-2.0
"""Who talks: a pod of the cluster, or an address outside."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

from tidegate.values import Struct, field

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that the API server gives each namespace."""


class Protocol(StrEnum):
    """What NetworkPolicy tells apart."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class Pod(Struct, frozen=True, kw_only=True):
    """A pod with an address of its own; pods of the host's network are no matter of NetworkPolicy.

    Attributes:
        namespace_labels: without the one every namespace has.
        named_ports: number and protocol by the name of a container's port.
        address: of the pod; "" when nobody says, and then no `ipBlock` speaks of it.
    """

    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    named_ports: Mapping[str, tuple[int, Protocol]] = field(default_factory=dict)
    address: str = ""

    @property
    def labels_of_namespace(self) -> dict[str, str]:
        """All labels of its namespace."""
        return {**self.namespace_labels, NAMESPACE_NAME: self.namespace}

    def __str__(self) -> str:
        said = ",".join(f"{key}={value}" for key, value in sorted(self.labels.items()))
        return f"{self.namespace}/{said or '(no labels)'}"


class Outside(Struct, frozen=True, kw_only=True):
    """An address that is no pod's."""

    address: str

    def __str__(self) -> str:
        return self.address


Endpoint: TypeAlias = Pod | Outside
