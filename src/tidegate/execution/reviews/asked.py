# SPDX-License-Identifier: Apache-2.0
"""What a question says of whoever asks it and of the object it is about."""

from collections.abc import Mapping
from typing import Any, Final

from tidegate.execution.reviews.admission_review import AdmissionRequest

CONTROL_PLANE: Final = ("system:kube-controller-manager", "system:kube-scheduler", "system:apiserver")
"""Users that the control plane acts as when its controllers have no accounts of their own."""
CONTROLLERS: Final = "system:serviceaccounts:kube-system"
"""The group of accounts in the control plane's namespace."""
ROOT_CERTIFICATES: Final = "kube-root-ca.crt"
"""The ConfigMap that the control plane keeps in each namespace, and sets back whenever somebody changes it."""
_MAX_NAME_CHARS: Final = 253


def names_of(request: AdmissionRequest) -> tuple[str, ...]:
    """The user's name, and their groups as `group:…`."""
    return (request.user.username, *(f"group:{group}" for group in request.user.groups))


def is_control_plane(request: AdmissionRequest) -> bool:
    """True for the control plane itself: it could do anything as well by other ways."""
    return request.user.username in CONTROL_PLANE or CONTROLLERS in request.user.groups


def name_of(request: AdmissionRequest) -> str:
    """What the object is called, or the beginning of it where the API server makes the rest."""
    metadata = mapping(mapping(request.object).get("metadata"))
    return request.name or str(metadata.get("name") or metadata.get("generateName") or "")[:_MAX_NAME_CHARS]


def annotations_of(document: Any) -> Mapping[str, Any]:
    """Those of an object or a mould of pods; none where it has none."""
    return mapping(mapping(mapping(document).get("metadata")).get("annotations"))


def node_at(document: Any, at: tuple[str, ...]) -> Mapping[str, Any]:
    """The map that keys lead to; an empty one where they lead nowhere."""
    for key in at:
        document = mapping(document).get(key)
    return mapping(document)


def mapping(value: Any) -> Mapping[str, Any]:
    """The value when it is a map; an empty one otherwise."""
    return value if isinstance(value, dict) else {}
