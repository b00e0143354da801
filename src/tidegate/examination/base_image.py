# SPDX-License-Identifier: Apache-2.0
"""What an image was built upon: by its annotations, by the layers of known bases, or by the history of its build."""

from collections.abc import Sequence
from typing import Final

from tidegate.artifact import Digest, Reference
from tidegate.artifact.build_instruction import build_instruction
from tidegate.artifact.image_config import HistoryEntry, ImageConfig
from tidegate.errors import InvalidInputError
from tidegate.evidence import BaseImage, Finding
from tidegate.examination.bases import Bases, KnownBase
from tidegate.inventory import Inventory
from tidegate.values import replace

BASE_NAME: Final = "org.opencontainers.image.base.name"
BASE_DIGEST: Final = "org.opencontainers.image.base.digest"
"""OCI image-spec 1.1 `annotations.md`; some builders write labels instead."""
BASE: Final = "base"
YOURS: Final = "yours"

_ENDS: Final = frozenset({"CMD", "ENTRYPOINT"})


def recognise(inventory: Inventory, bases: Bases | None) -> tuple[BaseImage | None, KnownBase | None]:
    """What an image was built upon, and that base itself where it is known.

    Surest first: layers of a known base; annotations (which say what the builder was told, so the layers are counted
    only as far as a known base or the history tells); the point in the history where a first image ended.
    """
    config = inventory.config
    if config is None:
        return None, None
    known = bases.below(inventory.layers_unpacked) if bases else None
    name, digest = _annotated(inventory, config)
    if known is not None:
        said = BaseImage(
            name=known.name,
            layers=len(known.layers_unpacked),
            known_by="layers",
            digest=known.digest,
            part_of=known.part_of,
        )
        return said, known
    layers = base_layers_by_history(config.history, len(inventory.layers))
    if name or digest:
        return BaseImage(
            name=name, layers=layers, known_by="annotation", digest=digest, part_of=_repository(name)
        ), None
    return (BaseImage(name="", layers=layers, known_by="history"), None) if layers else (None, None)


def with_parts(findings: Sequence[Finding], inventory: Inventory, base: BaseImage | None) -> tuple[Finding, ...]:
    """The findings, each told whether the base brought its component in."""
    if base is None or not base.layers:
        return tuple(findings)
    below = frozenset(inventory.layers[: base.layers])
    return tuple(replace(finding, part=BASE if finding.layer in below else YOURS) for finding in findings)


def base_layers_by_history(history: Sequence[HistoryEntry], layers: int) -> int:
    """How many layers stood where a first image ended: at the last CMD or ENTRYPOINT that something was built upon.

    Returns:
        0 when the history tells of no such point, or does not fit the layers.
    """
    if sum(not entry.empty_layer for entry in history) != layers:
        return 0
    last = max((at for at, entry in enumerate(history) if not entry.empty_layer), default=-1)
    ends = [at for at, entry in enumerate(history[:last]) if entry.empty_layer and _is_end(entry)]
    return sum(not entry.empty_layer for entry in history[: ends[-1]]) if ends else 0


def _is_end(entry: HistoryEntry) -> bool:
    return build_instruction(entry).keyword in _ENDS


def _annotated(inventory: Inventory, config: ImageConfig) -> tuple[str, Digest | None]:
    name = inventory.annotations.get(BASE_NAME) or config.labels.get(BASE_NAME, "")
    text = inventory.annotations.get(BASE_DIGEST) or config.labels.get(BASE_DIGEST, "")
    try:
        return str(name), Digest(text) if text else None
    except InvalidInputError:
        return str(name), None


def _repository(name: str) -> str:
    try:
        reference = Reference.parse(name)
    except InvalidInputError:
        return ""
    return f"{reference.registry}/{reference.repository}"
