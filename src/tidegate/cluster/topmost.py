# SPDX-License-Identifier: Apache-2.0
"""What a pod is of in the end: the Deployment above its ReplicaSet, the CronJob above its Job. Asked once for each.

Only what stands between is asked of the API server, by its metadata alone.
"""

from collections.abc import Mapping
from typing import Final, Protocol

import httpx

from tidegate.cluster.pod import Metadata, read_metadata
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, RefusedError
from tidegate.execution.observation import MAX_WORD_CHARS, clean
from tidegate.execution.report import Owner
from tidegate.kubernetes.failures import failure, kubernetes_failures
from tidegate.kubernetes.objects import object_path

_BETWEEN: Final[Mapping[tuple[str, str], str]] = {
    ("apps/v1", "ReplicaSet"): "replicasets",
    ("batch/v1", "Job"): "jobs",
    ("v1", "ReplicationController"): "replicationcontrollers",
}
_METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_OK: Final = 200


class OwnerMemory(Protocol):
    """Remembers owners by the uid of what they own."""

    def owner(self, uid: str) -> Owner | None:
        """What was remembered; None for nothing."""
        ...

    def remember_owner(self, uid: str, owner: Owner) -> None:
        """Remembers it."""
        ...


class Topmost:
    """Finds the topmost owner.

    Args:
        http: of the API server.
        memory: of what was found.
    """

    def __init__(self, http: httpx.Client, memory: OwnerMemory) -> None:
        self._http = http
        self._memory = memory

    def of(self, pod: Metadata) -> Owner:
        """The owner of a pod; one that may not be read, or is gone, is itself the topmost that is known.

        Raises:
            OutsideError: the API server is away.
        """
        above = pod.controller
        if above is None:
            return _owner("Pod", pod.name)
        direct = _owner(above.kind, above.name)
        plural = _BETWEEN.get((above.api_version, above.kind))
        if plural is None:
            return direct
        if (known := self._memory.owner(above.uid)) is not None:
            return known
        try:
            found = self._metadata(object_path(above.api_version, plural, above.name, namespace=pod.namespace))
        except (NotFoundError, RefusedError, InvalidInputError):
            return direct
        further = found.controller if found.uid == above.uid else None
        top = direct if further is None else _owner(further.kind, further.name)
        self._memory.remember_owner(above.uid, top)
        return top

    def _metadata(self, path: str) -> Metadata:
        with kubernetes_failures(path):
            answer = self._http.get(path, headers={"Accept": _METADATA})
        if answer.status_code != _OK:
            raise failure(answer.status_code, "", where=path)
        try:
            return read_metadata(answer.content)
        except InvalidInputError as error:
            raise OutsideError("not an answer of an API server", where=path) from error


def _owner(kind: str, name: str) -> Owner:
    return Owner(kind=clean(kind, MAX_WORD_CHARS), name=clean(name, MAX_WORD_CHARS))
