# SPDX-License-Identifier: Apache-2.0
"""One rollout at a time in a namespace: a Lease of Kubernetes (coordination.k8s.io/v1), held and renewed.

A holder that died is told by a lease that does not change for as long as it lasts, by this machine's own clock: clocks
of two machines are never compared.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final
from uuid import uuid4

from tidegate.clock import Clock
from tidegate.errors import NotFoundError, RefusedError
from tidegate.kubernetes.failures import ConflictError
from tidegate.kubernetes.objects import Object, Objects, object_path

NAME: Final = "tidegate-update"
_API: Final = "coordination.k8s.io/v1"
Pause = Callable[[float], None]
"""Waits so many seconds."""


class Turn:
    """The turn to change workloads of one namespace.

    Args:
        objects: the API server.
        namespace: whose turn.
        lasts_s: seconds without a renewal after which another may take it.
        clock: now.
        pause: waits.
    """

    def __init__(self, objects: Objects, namespace: str, *, lasts_s: float, clock: Clock, pause: Pause) -> None:
        self._objects = objects
        self._path = object_path(_API, "leases", NAME, namespace=namespace)
        self._all = object_path(_API, "leases", namespace=namespace)
        self._where = f"lease {NAME} of {namespace}"
        self._lasts_s = lasts_s
        self._clock = clock
        self._pause = pause
        self._holder = uuid4().hex
        self._held: Object = {}

    def take(self) -> None:
        """Takes it, once whoever has it gave it back or was silent for as long as it lasts.

        Raises:
            RefusedError: somebody else is at work there.
        """
        seen: tuple[object, object] | None = None
        waited = 0.0
        while True:
            found = self._found()
            spec = found.get("spec") or {}
            now = (spec.get("holderIdentity"), spec.get("renewTime"))
            if not spec.get("holderIdentity") or (now == seen and waited >= self._lasts_s):
                self._write(found)
                return
            if seen is not None and now != seen:
                raise RefusedError("another update is under way in this namespace", where=self._where)
            seen = now
            self._pause(min(1.0, self._lasts_s / 4))
            waited += min(1.0, self._lasts_s / 4)

    def renew(self) -> None:
        """Keeps it.

        Raises:
            RefusedError: somebody else took it.
        """
        self._write(self._held)

    def give_back(self) -> None:
        """Gives it back, if it is still ours."""
        version = (self._held.get("metadata") or {}).get("resourceVersion")
        patch = {"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": None}}
        with suppress(ConflictError, NotFoundError):
            self._objects.merge(self._path, patch, where=self._where)

    def _found(self) -> Object:
        try:
            return self._objects.get(self._path, where=self._where)
        except NotFoundError:
            document = {"apiVersion": _API, "kind": "Lease", "metadata": {"name": NAME}, "spec": {}}
            with suppress(ConflictError):
                return self._objects.create(self._all, document, where=self._where)
            return self._objects.get(self._path, where=self._where)

    def _write(self, found: Object) -> None:
        version = (found.get("metadata") or {}).get("resourceVersion")
        spec = {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": max(1, int(self._lasts_s)),
            "renewTime": _micro(self._clock()),
        }
        patch = {"metadata": {"resourceVersion": version}, "spec": spec}
        try:
            self._held = self._objects.merge(self._path, patch, where=self._where)
        except ConflictError as error:
            raise RefusedError("another update took its turn in this namespace", where=self._where) from error


def _micro(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
