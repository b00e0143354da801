# SPDX-License-Identifier: Apache-2.0
"""Objects behind the paths of an API server, for what is sent to one: merge patches, uids, versions, preconditions.

The real one is asked in tests/kubernetes; this one can be cut off before or after any write.
"""

import copy
import json
from collections.abc import Mapping
from typing import Any, Self

import httpx

from tidegate.cluster.owners import KINDS
from tidegate.kubernetes.objects import Objects, object_path

_PLURALS = {kind.name: (kind.api, kind.plural) for kind in KINDS} | {
    "Pod": ("v1", "pods"),
    "Node": ("v1", "nodes"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "horizontalpodautoscalers"),
}


class Killed(BaseException):
    """The process is gone: nothing of ours goes on."""


class KeptObjects:
    """Objects by path.

    Attributes:
        writes: what was asked for that changes something, oldest first.
        kill_at: the write (from 1) at which the process is killed, and whether it was done by then.
    """

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.writes: list[tuple[str, str]] = []
        self.kill_at: tuple[int, bool] | None = None
        self.shut_budgets: set[str] = set()
        self.before_merge: list[Any] = []
        self._version = 0
        self._http = httpx.Client(base_url="https://cluster.example", transport=httpx.MockTransport(self._answer))
        self.api = Objects(self._http)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def put(self, kind: str, name: str, *, namespace: str = "", owner: str = "", **rest: Any) -> str:
        """Puts an object there; its path. `owner` is the path of what controls it."""
        api, plural = _PLURALS[kind]
        path = object_path(api, plural, name, namespace=namespace)
        metadata: dict[str, Any] = {"name": name, "uid": f"uid-{name}", **rest.pop("metadata", {})}
        if namespace:
            metadata["namespace"] = namespace
        if owner:
            above = self.objects[owner]
            reference = {"kind": above["kind"], "apiVersion": above["apiVersion"], "controller": True}
            metadata["ownerReferences"] = [
                {**reference, "name": above["metadata"]["name"], "uid": above["metadata"]["uid"]}
            ]
        self._store(path, {"kind": kind, "apiVersion": api, "metadata": metadata, **rest})
        return path

    def bare(self) -> dict[str, Any]:
        """All objects, without what a server counts."""
        return {path: without_versions(found) for path, found in self.objects.items()}

    def _store(self, path: str, document: dict[str, Any]) -> None:
        self._version += 1
        self.objects[path] = tidy(document)
        self.objects[path]["metadata"]["resourceVersion"] = str(self._version)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path, body = request.url.path, json.loads(request.content or b"null")
        if request.method == "GET":
            return self._read(path)
        self.writes.append((request.method, path))
        if self.kill_at == (len(self.writes), False):
            raise Killed
        answer = self._write(request.method, path, body)
        if self.kill_at == (len(self.writes), True):
            raise Killed
        return answer

    def _read(self, path: str) -> httpx.Response:
        if path in self.objects:
            return httpx.Response(200, json=self.objects[path])
        below = [found for name, found in self.objects.items() if name.rpartition("/")[0] == path]
        is_kind = path.rpartition("/")[2] in {plural for _, plural in _PLURALS.values()}
        return httpx.Response(200, json={"items": below}) if is_kind else _status(404, "not found")

    def _write(self, method: str, path: str, body: Any) -> httpx.Response:
        if path.endswith("/eviction"):
            return self._leave(path.removesuffix("/eviction"), body["deleteOptions"]["preconditions"]["uid"], asks=True)
        if method == "DELETE":
            return self._leave(path, body["preconditions"]["uid"], asks=False)
        return self._make(path, body) if method == "POST" else self._merge(path, body)

    def _make(self, path: str, body: Any) -> httpx.Response:
        made = f"{path}/{body['metadata']['name']}"
        if made in self.objects:
            return _status(409, "it is there")
        body["metadata"]["uid"] = f"uid-{body['metadata']['name']}"
        self._store(made, body)
        return httpx.Response(201, json=self.objects[made])

    def _merge(self, path: str, body: Any) -> httpx.Response:
        while self.before_merge:
            self.before_merge.pop()()
        if path not in self.objects:
            return _status(404, "not found")
        if body["metadata"]["resourceVersion"] != self.objects[path]["metadata"]["resourceVersion"]:
            return _status(409, "the object has been modified")
        self._store(path, merged(self.objects[path], body))
        return httpx.Response(200, json=self.objects[path])

    def _leave(self, path: str, uid: str, *, asks: bool) -> httpx.Response:
        if path not in self.objects:
            return _status(404, "not found")
        if self.objects[path]["metadata"]["uid"] != uid:
            return _status(409, "the UID in the precondition does not match")
        if asks and path in self.shut_budgets:
            return _status(429, "Cannot evict pod as it would violate the pod's disruption budget.")
        del self.objects[path]
        return httpx.Response(200, json={"kind": "Status", "status": "Success"})


def merged(found: Any, patch: Any) -> Any:
    """A merge patch applied, as RFC 7386 has it."""
    if not isinstance(patch, Mapping):
        return patch
    made = dict(found) if isinstance(found, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made


def tidy(document: Any) -> Any:
    """As an API server keeps an object: maps of metadata that became empty are not there."""
    made = copy.deepcopy(document)
    for key in ("labels", "annotations"):
        if not made["metadata"].get(key, True):
            del made["metadata"][key]
    return made


def without_versions(document: Any) -> Any:
    """An object without its version."""
    made = copy.deepcopy(document)
    made["metadata"].pop("resourceVersion", None)
    return made


def _status(code: int, message: str) -> httpx.Response:
    return httpx.Response(code, json={"kind": "Status", "code": code, "message": message})
