# SPDX-License-Identifier: Apache-2.0
"""Objects of an API server as they are: read, merged into (RFC 7386), made and deleted as plain data.

What is not known here survives, which typed kinds do not promise: who changes an object and changes it back needs that.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import httpx

from tidegate.bounds import printable
from tidegate.errors import BoundExceededError, OutsideError
from tidegate.kubernetes.client import FIELD_MANAGER
from tidegate.kubernetes.failures import failure, kubernetes_failures


class TooManyError(OutsideError):
    """Not now (429): a disruption budget says no, or the API server has too much to do."""


Object = Mapping[str, Any]
MERGE_PATCH: Final = "application/merge-patch+json"
_PAGE: Final = 250
_MAX_TOLD_CHARS: Final = 1000
_BAD: Final = 400
_TOO_MANY: Final = 429


class Objects:
    """Asks an API server. Safe for threads.

    Args:
        http: of the API server, as `tidegate.kubernetes.client.open_http` makes it.

    Every method raises as `kubernetes_failures` does.
    """

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, path: str, *, where: str) -> Object:
        """An object."""
        return self._asked("GET", path, where=where)

    def merge(self, path: str, patch: Object, *, where: str) -> Object:
        """Merges a patch into an object; where it carries a `resourceVersion`, only if the object is still that one."""
        return self._asked("PATCH", path, body=patch, kind=MERGE_PATCH, where=where)

    def create(self, path: str, document: Object, *, where: str) -> Object:
        """Makes an object, under the path of its kind."""
        return self._asked("POST", path, body=document, where=where)

    def delete(self, path: str, *, uid: str, where: str) -> None:
        """Deletes the object of that uid, and no other of its name."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        self._asked("DELETE", path, body=body, where=where)

    def listed(self, path: str, *, where: str, max_objects: int) -> Sequence[Object]:
        """All objects of a kind, page by page.

        Raises:
            BoundExceededError: there are more than `max_objects`.
        """
        found: list[Object] = []
        following = ""
        while True:
            query = {"limit": str(_PAGE), **({"continue": following} if following else {})}
            page = self._asked("GET", path, query=query, where=where)
            items = page.get("items") or []
            if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
                raise OutsideError("not a list of an API server", where=where)
            found += items
            if len(found) > max_objects:
                raise BoundExceededError("max_objects", max_objects, where=where)
            following = str((page.get("metadata") or {}).get("continue") or "")
            if not following:
                return found

    def _asked(
        self,
        method: str,
        path: str,
        *,
        where: str,
        body: Object | None = None,
        kind: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Object:
        writes = {"fieldManager": FIELD_MANAGER} if method in {"PATCH", "POST"} else {}
        with kubernetes_failures(where):
            answer = self._http.request(
                method,
                path,
                params={**writes, **(query or {})},
                json=body,
                headers={"Content-Type": kind} if body is not None else None,
            )
            document = answer.json()
            if not isinstance(document, dict):
                raise TypeError(f"{type(document).__name__} is no object")
        if answer.status_code == _TOO_MANY:
            raise TooManyError(_told(document) or "too many requests", where=where, remedy="ask again later")
        if answer.status_code >= _BAD:
            raise failure(answer.status_code, _told(document), where=where)
        return document


def _told(status: Object) -> str:
    """What a `Status` says, and the causes it names."""
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    more = [str(one.get("message") or "") for one in causes or () if isinstance(one, dict)]
    return printable(" ".join([str(status.get("message") or ""), *more]).strip()[:_MAX_TOLD_CHARS])


def object_path(api: str, plural: str, name: str = "", *, namespace: str = "", sub: str = "") -> str:
    """The path of an object, of a kind, or of a part of an object.

    Args:
        api: its `apiVersion`: `v1`, `apps/v1`.
        plural: of its kind: `pods`.
        name: "" for the kind.
        namespace: "" for kinds without, or all.
        sub: `eviction`, `scale`.
    """
    parts = [
        *(["namespaces", namespace] if namespace else []),
        plural,
        *([name] if name else []),
        *([sub] if sub else []),
    ]
    root = f"/apis/{api}" if "/" in api else f"/api/{api}"
    return "/".join([root, *(quote(part, safe="") for part in parts)])
