# SPDX-License-Identifier: Apache-2.0
"""Breaking the glass: somebody who may lets a workload in that is not admitted, says why, and for a while.

Who breaks it writes a reason into an annotation. The answer puts a seal beside it on the pod or its mould: pods are
made by controllers, who may break nothing, and the seal tells that this very pod was let in, by whom and until when.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Final

from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

REASON: Final = "tidegate.dev/break-glass"
SEAL: Final = "tidegate.dev/broken-glass"
MIN_REASON_CHARS: Final = 10
MAX_REASON_CHARS: Final = 1000
_MAX_SEAL_BYTES: Final = 4096
_ROLES: Final = ("initContainers", "containers", "ephemeralContainers")
_HOST: Final = ("hostNetwork", "hostPID", "hostIPC", "securityContext")
_OF_A_CONTAINER: Final = ("name", "image", "command", "args", "securityContext")


class Broken(Struct, frozen=True, kw_only=True):
    """What a seal says.

    Attributes:
        by: who broke the glass.
        until: pods are let in by it so long.
    """

    by: str
    until: datetime
    reason: str


class _Seal(Struct, frozen=True, kw_only=True):
    by: str
    until: str
    reason: str
    mac: str


class GlassOptions(Struct, frozen=True, kw_only=True):
    """Who may, and for how long.

    Attributes:
        who: patterns of users' names, and of their groups as `group:…`; nobody when empty.
        lasting: how long a seal lets pods in.
    """

    who: tuple[str, ...] = ()
    lasting: timedelta = timedelta(hours=1)

    def lets(self, names: Sequence[str]) -> bool:
        """True for somebody who may."""
        return any(fnmatchcase(name, pattern) for name in names for pattern in self.who)


def reason_in(*annotations: Mapping[str, Any] | None) -> str:
    """Why somebody wants to break the glass; "" when nobody does."""
    for one in annotations:
        if one and isinstance(text := one.get(REASON), str):
            return text.strip()[:MAX_REASON_CHARS]
    return ""


class Sealer:
    """Makes and believes seals.

    Args:
        key: secret; the same for every replica.
        cluster: in which they hold.
    """

    def __init__(self, key: bytes, cluster: str) -> None:
        self._key = key
        self._cluster = cluster

    def seal(self, broken: Broken, namespace: str, pod: Mapping[str, Any]) -> str:
        """The seal for a pod, as an annotation's text."""
        mac = self._mac(broken, namespace, pod)
        made = _Seal(by=broken.by, until=rfc3339(broken.until), reason=broken.reason, mac=mac)
        return to_json(made).decode()

    def broken(self, text: object, namespace: str, pod: Mapping[str, Any], at: datetime) -> Broken | None:
        """What a seal says of a pod; None when it is none, of another pod, or over."""
        if not isinstance(text, str):
            return None
        try:
            seal = from_json(text.encode(), _Seal, what=SEAL, max_bytes=_MAX_SEAL_BYTES)
            broken = Broken(by=seal.by, until=parse_rfc3339(seal.until), reason=seal.reason)
        except (InvalidInputError, UnicodeEncodeError):
            return None
        good = hmac.compare_digest(seal.mac.encode(), self._mac(broken, namespace, pod).encode())
        return broken if good and at <= broken.until else None

    def _mac(self, broken: Broken, namespace: str, pod: Mapping[str, Any]) -> str:
        said = [self._cluster, namespace, broken.by, rfc3339(broken.until), broken.reason, _essence(pod)]
        return hmac.new(self._key, to_json(said), hashlib.sha256).hexdigest()


def _essence(pod: Mapping[str, Any]) -> Any:
    """What makes a pod the one that was let in, whatever controllers and the API server fill in."""
    volumes = pod.get("volumes")
    listed = volumes if isinstance(volumes, list) else []
    outside = [one for one in listed if isinstance(one, dict) and ("hostPath" in one or "image" in one)]
    return {
        "host": {name: pod.get(name) or None for name in _HOST},
        "volumes": outside,
        "containers": {role: [_of_container(one) for one in pod.get(role) or ()] for role in _ROLES},
    }


def _of_container(container: Any) -> Any:
    if not isinstance(container, dict):
        return None
    return {name: container.get(name) or None for name in _OF_A_CONTAINER}
