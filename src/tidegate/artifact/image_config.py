# SPDX-License-Identifier: Apache-2.0
"""The image configuration (OCI image-spec 1.1 `config.md`; Docker's is the same but for extra fields)."""

from collections.abc import Mapping
from typing import Any, Final

from tidegate.artifact.digest import Digest
from tidegate.artifact.platform import Platform
from tidegate.bounds import MIB
from tidegate.values import Struct, field
from tidegate.wire import from_json

MAX_CONFIG_BYTES: Final = 8 * MIB


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """One step of the build, as its builder told it."""

    created_by: str = ""
    comment: str = ""
    empty_layer: bool = False


class ImageConfig(Struct, frozen=True, kw_only=True):
    """How a container of this image is started, and which layers (by uncompressed digest) it has."""

    platform: Platform
    diff_ids: tuple[Digest, ...]
    user: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    working_dir: str = ""
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str = ""
    has_healthcheck: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    history: tuple[HistoryEntry, ...] = ()

    @property
    def runs_as_root(self) -> bool:
        """True when nobody else is named: an empty user is uid 0."""
        name = self.user.partition(":")[0]
        return name in {"", "root"} or (name.isdecimal() and int(name) == 0)


class _Run(Struct, frozen=True, kw_only=True):
    User: str | None = None
    Env: tuple[str, ...] | None = None
    Entrypoint: tuple[str, ...] | str | None = None
    Cmd: tuple[str, ...] | str | None = None
    WorkingDir: str | None = None
    ExposedPorts: Mapping[str, Any] | None = None
    Volumes: Mapping[str, Any] | None = None
    StopSignal: str | None = None
    Healthcheck: Mapping[str, Any] | None = None
    Labels: Mapping[str, str] | None = None


class _RootFs(Struct, frozen=True, kw_only=True):
    diff_ids: tuple[Digest, ...] = ()


class _Document(Struct, frozen=True, kw_only=True):
    os: str = ""
    architecture: str = ""
    variant: str | None = None
    created: str | None = None
    config: _Run | None = None
    rootfs: _RootFs = field(default_factory=_RootFs)
    history: tuple[HistoryEntry, ...] | None = None


def parse_image_config(raw: bytes, *, where: str = "image config") -> ImageConfig:
    """Reads an image configuration.

    Raises:
        BoundExceededError: over 8 MiB.
        InvalidInputError: not such a document.
    """
    document = from_json(raw, _Document, what=where, max_bytes=MAX_CONFIG_BYTES)
    run = document.config or _Run()
    return ImageConfig(
        platform=Platform(os=document.os, architecture=document.architecture, variant=document.variant or ""),
        diff_ids=document.rootfs.diff_ids,
        user=run.User or "",
        env=run.Env or (),
        entrypoint=_words(run.Entrypoint),
        cmd=_words(run.Cmd),
        working_dir=run.WorkingDir or "",
        exposed_ports=tuple(run.ExposedPorts or ()),
        volumes=tuple(run.Volumes or ()),
        stop_signal=run.StopSignal or "",
        has_healthcheck=_watches(run.Healthcheck),
        labels=run.Labels or {},
        created=document.created or "",
        history=document.history or (),
    )


def _words(value: tuple[str, ...] | str | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def _watches(healthcheck: Mapping[str, Any] | None) -> bool:
    """`HEALTHCHECK NONE` leaves a test that says so."""
    return bool(healthcheck) and (healthcheck or {}).get("Test") != ["NONE"]
