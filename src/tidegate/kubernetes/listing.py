# SPDX-License-Identifier: Apache-2.0
"""All objects of a kind: page by page, bounded, and of one moment."""

from typing import Final, TypeVar

from lightkube import ALL_NS, Client
from lightkube.core.resource import GlobalResource, NamespacedResource

from tidegate.errors import BoundExceededError
from tidegate.kubernetes.failures import ExpiredError, kubernetes_failures

PAGE: Final = 250
MAX_OBJECTS: Final = 200_000
_TRIES: Final = 3
_Kind = TypeVar("_Kind", bound=GlobalResource | NamespacedResource)


def list_objects(
    client: Client,
    kind: type[_Kind],
    *,
    namespace: str = "",
    labels: dict[str, str] | None = None,
    max_objects: int = MAX_OBJECTS,
) -> tuple[_Kind, ...]:
    """Lists objects in the API server's order; a list that took so long that its beginning is forgotten begins anew.

    Args:
        client: asks.
        kind: of them, a class of `lightkube.resources`.
        namespace: theirs; "" is all. Kinds without namespaces have none.
        labels: what they must carry.
        max_objects: how many are allowed.

    Raises:
        BoundExceededError: there are more.
        TidegateError: as `kubernetes_failures`.
    """
    where = f"{kind.__name__} of {namespace or 'the cluster'}"
    for attempt in range(_TRIES):
        try:
            with kubernetes_failures(where):
                return _listed(client, kind, namespace, labels, max_objects, where)
        except ExpiredError:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError(where)


def _listed(
    client: Client, kind: type[_Kind], namespace: str, labels: dict[str, str] | None, max_objects: int, where: str
) -> tuple[_Kind, ...]:
    scope = {"namespace": namespace or ALL_NS} if issubclass(kind, NamespacedResource) else {}
    found: list[_Kind] = []
    for one in client.list(kind, chunk_size=PAGE, labels=labels, **scope):  # type: ignore[call-overload] # its namespace, or none
        if len(found) >= max_objects:
            raise BoundExceededError("max_objects", max_objects, where=where)
        found.append(one)
    return tuple(found)
