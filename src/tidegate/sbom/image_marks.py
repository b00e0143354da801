# SPDX-License-Identifier: Apache-2.0
"""Marks of the image itself: its layers, annotations and operating system, written into a document and read back.

Of the image's configuration what may hold secrets is left out: environment, history, and arguments of what is started.
"""

import json
import re
from collections.abc import Iterator
from typing import Final, TypeVar

from tidegate.artifact import Digest, ImageConfig
from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import Census, Inventory, OsRelease
from tidegate.sbom.marks import EXACT, Marks
from tidegate.wire import from_json, to_builtins

MAX_MARK_BYTES: Final = 4 * MIB
T = TypeVar("T")

_NUMBERED: Final = re.compile(r"(layer|diff-id):([0-9]{1,4})")


def image_marks(inventory: Inventory) -> Iterator[tuple[str, str]]:
    """Layers, unpacked layers and annotations, as (name, value)."""
    for at, layer in enumerate(inventory.layers):
        yield f"layer:{at}", str(layer)
    for at, layer in enumerate(inventory.layers_unpacked):
        yield f"diff-id:{at}", str(layer)
    if inventory.annotations:
        yield "annotations", in_ascii(inventory.annotations)
    if not _is_fit(inventory.name):
        yield "image-name", in_ascii(inventory.name)
    if inventory.config is not None:
        yield "config", in_ascii(told_config(inventory.config))
    if inventory.census is not None:
        yield "census", in_ascii(inventory.census)
    if inventory.passed_over:
        yield "passed-over", in_ascii(inventory.passed_over)


def told_config(config: ImageConfig) -> ImageConfig:
    """What is told of an image's configuration. Of what is started, whether a shell starts it."""
    return ImageConfig(
        platform=config.platform,
        diff_ids=(),
        user=config.user,
        entrypoint=_first_words(config.entrypoint),
        cmd=_first_words(config.cmd),
        working_dir=config.working_dir,
        exposed_ports=config.exposed_ports,
        volumes=config.volumes,
        stop_signal=config.stop_signal,
        has_healthcheck=config.has_healthcheck,
        labels=config.labels,
        created=config.created,
    )


def in_ascii(value: object) -> str:
    """A value as JSON on one line that no form can hurt."""
    told = json.dumps(to_builtins(value), ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return told.replace("<", "\\u003c")


def config_from(marks: Marks, where: str) -> ImageConfig | None:
    """The configuration that marks tell of; None when they tell of none.

    Raises:
        InvalidInputError: it is none.
    """
    return _read(marks, "config", ImageConfig, where)


def census_from(marks: Marks, where: str) -> Census | None:
    """The census that marks tell of; None when they tell of none.

    Raises:
        InvalidInputError: it is none.
    """
    return _read(marks, "census", Census, where)


def passed_over_from(marks: Marks, where: str) -> tuple[str, ...]:
    """The globs of what was passed over that marks tell of.

    Raises:
        InvalidInputError: they are none.
    """
    return _read(marks, "passed-over", tuple[str, ...], where) or ()


def os_marks(release: OsRelease) -> Iterator[tuple[str, str]]:
    """All of os-release(5) that is kept, as (name, value); empty ones are left out."""
    for name, value in (
        ("version-codename", release.version_codename),
        ("name", release.name),
        ("pretty-name", release.pretty_name),
        ("cpe-name", release.cpe_name),
    ):
        if value:
            yield name, value
    for like in release.id_like:
        yield "id-like", like
    texts = release.id, release.version_id, release.version_codename, release.name, release.pretty_name
    if not all(map(_is_fit, (*texts, release.cpe_name, *release.id_like))) or "" in release.id_like:
        yield EXACT, in_ascii(release)


def layers_from(marks: Marks, kind: str) -> tuple[Digest, ...]:
    """The layers that marks tell of, bottom first.

    Args:
        marks: values by name.
        kind: `layer` or `diff-id`.

    Raises:
        InvalidInputError: one is no digest.
    """
    numbered = {
        int(found[2]): values[0]
        for name, values in marks.items()
        if (found := _NUMBERED.fullmatch(name)) and found[1] == kind
    }
    return tuple(Digest(numbered[at]) for at in sorted(numbered))


def annotations_from(marks: Marks, where: str) -> dict[str, str]:
    """The annotations that marks tell of.

    Raises:
        InvalidInputError: they are none.
    """
    return _read(marks, "annotations", dict[str, str], where) or {}


def name_from(marks: Marks, name: str, where: str) -> str:
    """The image's name as it was, where the document's own field could not hold it.

    Raises:
        InvalidInputError: the mark is no text.
    """
    told = _read(marks, "image-name", str, where)
    return name if told is None else told


def os_from(marks: Marks, *, name: str, version: str, where: str) -> OsRelease:
    """The operating system that marks tell of, beside its name and version.

    Raises:
        InvalidInputError: it has no name.
    """
    told = _read(marks, EXACT, OsRelease, where)
    if told is not None:
        return told
    if not name:
        raise InvalidInputError("an operating system without a name")

    def one(mark: str) -> str:
        return marks[mark][0] if mark in marks else ""

    return OsRelease(
        id=name,
        version_id=version,
        version_codename=one("version-codename"),
        name=one("name"),
        pretty_name=one("pretty-name"),
        id_like=tuple(marks.get("id-like", ())),
        cpe_name=one("cpe-name"),
    )


def _read(marks: Marks, name: str, type_: type[T], where: str) -> T | None:
    return from_json(marks[name][0].encode(), type_, what=where, max_bytes=MAX_MARK_BYTES) if name in marks else None


def _first_words(words: tuple[str, ...]) -> tuple[str, ...]:
    return words[:2] if words[1:2] == ("-c",) else words[:1]


def _is_fit(text: str) -> bool:
    return text.isprintable() and text == text.strip()
