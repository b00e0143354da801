# SPDX-License-Identifier: Apache-2.0
"""A pod as an API server says it: no more of it is read than is told of what runs in it."""

from collections.abc import Mapping
from typing import Final

from tidegate.values import Struct, field
from tidegate.wire import from_json

MAX_POD_BYTES: Final = 8 << 20


class OwnerRef(Struct, frozen=True, rename="camel"):
    """What an object says it was made by."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None


class Author(Struct, frozen=True):
    """Who wrote fields of an object (`managedFields`), as their program calls itself."""

    manager: str | None = None
    subresource: str | None = None


class Metadata(Struct, frozen=True, rename="camel"):
    """Of any object."""

    name: str
    uid: str
    namespace: str = ""
    resource_version: str = ""
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    owner_references: tuple[OwnerRef, ...] | None = None
    managed_fields: tuple[Author, ...] | None = None

    @property
    def controller(self) -> OwnerRef | None:
        """What made it and keeps it; None for what somebody made by themselves."""
        return next((one for one in self.owner_references or () if one.controller), None)

    @property
    def author(self) -> str:
        """The first who wrote it, as their program calls itself; "" when nothing tells."""
        return next((one.manager or "" for one in self.managed_fields or () if not one.subresource), "")


class SpecContainer(Struct, frozen=True):
    """A container as it was asked for."""

    name: str
    image: str | None = None


class Spec(Struct, frozen=True, rename="camel"):
    """What was asked for."""

    node_name: str | None = None
    containers: tuple[SpecContainer, ...] = ()
    init_containers: tuple[SpecContainer, ...] | None = None
    ephemeral_containers: tuple[SpecContainer, ...] | None = None


class Ran(Struct, frozen=True, rename="camel"):
    """A run of a container that began, or ended too."""

    started_at: str | None = None
    finished_at: str | None = None
    container_id: str | None = field(default=None, name="containerID")


class State(Struct, frozen=True):
    """How a container is; None of both while it waits."""

    running: Ran | None = None
    terminated: Ran | None = None


class ContainerStatus(Struct, frozen=True, rename="camel"):
    """A container as its node says it is."""

    name: str
    image_id: str | None = field(default=None, name="imageID")
    container_id: str | None = field(default=None, name="containerID")
    restart_count: int = 0
    state: State | None = None
    last_state: State | None = None


class Status(Struct, frozen=True, rename="camel"):
    """What became of it."""

    container_statuses: tuple[ContainerStatus, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None
    ephemeral_container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(Struct, frozen=True):
    """A pod."""

    metadata: Metadata
    spec: Spec = Spec()
    status: Status = Status()


def read_pod(said: bytes) -> Pod:
    """A pod of JSON (`v1.Pod`), as far as it is asked.

    Raises:
        InvalidInputError: it is none, or too long.
    """
    return from_json(said, Pod, what="pod", max_bytes=MAX_POD_BYTES)


def read_metadata(said: bytes) -> Metadata:
    """The metadata of an object, or of `meta.k8s.io/v1` PartialObjectMetadata. Raises as `read_pod`."""
    return from_json(said, _Object, what="object", max_bytes=MAX_POD_BYTES).metadata


class _Object(Struct, frozen=True):
    metadata: Metadata
