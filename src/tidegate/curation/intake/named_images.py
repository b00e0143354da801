# SPDX-License-Identifier: Apache-2.0
"""Images that a text names: a list, one name a line, or a Dockerfile, Compose file or Kubernetes manifest as it is.

A line of a list is `NAME`, or `NAME TARGET` where it shall be called otherwise here; `#` begins a remark.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final

from tidegate.checks.dockerfile import parse_dockerfile
from tidegate.checks.dockerfile_material import dockerfile_material
from tidegate.checks.documents import is_template, kind_by_content, kind_by_name
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.manifests.documents import read_documents
from tidegate.values import Struct

MAX_NAMES: Final = 10_000
MAX_TEXT_BYTES: Final = 4 << 20
_MAX_DEPTH: Final = 40
_DOCUMENT: Final = re.compile(rb"(?m)^[ \t]*(?:apiVersion|services):")
_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")


class NamedImage(Struct, frozen=True, kw_only=True):
    """One name in a text.

    Attributes:
        name: as it is written.
        target: what it shall be called here, `repository[:tag]`; "" for our usual name of it.
    """

    name: str
    target: str = ""


def named_images(raw: bytes, *, where: str) -> tuple[NamedImage, ...]:
    """Every image a text names, in order, each once.

    Args:
        raw: the text.
        where: its name; a file's name tells what it is, else its content does.

    Raises:
        BoundExceededError: over 4 MiB or 10000 names.
        InvalidInputError: it cannot be read as what it seems to be, or is a template.
    """
    if len(raw) > MAX_TEXT_BYTES:
        raise BoundExceededError("MAX_TEXT_BYTES", MAX_TEXT_BYTES, where=where)
    found = tuple(dict.fromkeys(_found(raw, where)))
    if len(found) > MAX_NAMES:
        raise BoundExceededError("MAX_NAMES", MAX_NAMES, where=where)
    return found


def _found(raw: bytes, where: str) -> Iterator[NamedImage]:
    kind = kind_by_name(PurePath(where).name)
    if not kind and (_DOCUMENT.search(raw) or kind_by_content(raw) == "dockerfile"):
        kind = kind_by_content(raw)
    if kind == "dockerfile":
        yield from _of_dockerfile(raw, where)
    elif kind:
        if is_template(raw):
            raise InvalidInputError("is a template", where=where, remedy="render it first")
        for document in read_documents(raw, where=where):
            yield from _of_document(document)
    else:
        yield from _of_list(raw, where)


def _of_list(raw: bytes, where: str) -> Iterator[NamedImage]:
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InvalidInputError("is no text", where=where) from error
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) > 2:  # noqa: PLR2004 - a name and a target
            raise InvalidInputError("more than a name and a target", where=f"{where}:{number}")
        yield NamedImage(name=words[0], target=words[1] if words[1:] else "")


def _of_dockerfile(raw: bytes, where: str) -> Iterator[NamedImage]:
    material = dockerfile_material(parse_dockerfile(raw, where=where), path=where)
    for stage, _ in material.collections["stages"]:
        if not stage["is_scratch"] and not stage["is_stage"]:
            yield NamedImage(name=str(stage["base"]))
    for instruction, _ in material.collections["instructions"]:
        if instruction["from_image"]:
            yield NamedImage(name=str(instruction["from_image"]))


def _of_document(document: Any, depth: int = 0) -> Iterator[NamedImage]:
    """Containers wherever a pod is described, image volumes, and Compose's services."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(document, list):
        for one in document:
            yield from _of_document(one, depth + 1)
    if not isinstance(document, Mapping):
        return
    services = document.get("services")
    if depth == 0 and isinstance(services, Mapping):
        yield from _images(list(services.values()))
    for key in _CONTAINERS:
        yield from _images(document.get(key))
    volume = document.get("image")
    if isinstance(volume, Mapping) and isinstance(volume.get("reference"), str):
        yield NamedImage(name=volume["reference"])
    for key, value in document.items():
        if key != "services":
            yield from _of_document(value, depth + 1)


def _images(holders: Any) -> Iterator[NamedImage]:
    for one in holders if isinstance(holders, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get("image"), str) and one["image"]:
            yield NamedImage(name=one["image"])
