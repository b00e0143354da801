# SPDX-License-Identifier: Apache-2.0
"""Where YAML files name images: Kubernetes objects, `images` of kustomizations, Helm values of the common shape.

Places are told by characters of the text, so that an edit touches nothing else. The form of values is looked for in
files that are no Kubernetes objects, and under `spec.values` and `valuesObject` of objects that carry such.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final

import yaml

from tidegate.artifact import Reference
from tidegate.errors import InvalidInputError
from tidegate.manifests.documents import read_documents
from tidegate.manifests.limits import DEFAULT_LIMITS, ManifestLimits
from tidegate.values import Struct

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")
_VALUES: Final = ("values", "valuesObject")
_MERGE: Final = "<<"
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BEFORE_VALUE: Final = re.compile(r"(?:(?:&\S+|!\S*)\s+)*")

Path = tuple[str | int, ...]


class Form(StrEnum):
    """How an image is named there."""

    WHOLE = "whole"
    """One text: `registry.example/app:1.2@sha256:…`."""
    KUSTOMIZATION = "kustomization"
    """An item of `images`: `name`, `newName`, `newTag`, `digest`."""
    VALUES = "values"
    """Keys of one map: `registry`, `repository`, `tag`, `digest`."""


class Piece(Struct, frozen=True, kw_only=True):
    """A scalar of the text.

    Attributes:
        start, end: characters; of the value alone, quotes included, anchors and tags not.
        column: of its key, counted from 0.
        style: the quote, or "" for none.
    """

    text: str
    start: int
    end: int
    column: int
    style: str = ""


class ImagePlace(Struct, frozen=True, kw_only=True):
    """One place that names an image.

    Attributes:
        path: keys and positions that lead to the text, or to the map that holds the pieces, the document's first.
        pieces: by key; of a whole one, the one of `image`.
        flow: the map is written in braces.
        kind, name, namespace: of the Kubernetes object it stands in; "" for none.
        line: counted from 1.
    """

    form: Form
    path: Path
    pieces: dict[str, Piece]
    reference: Reference
    kind: str
    name: str
    namespace: str
    container: str
    line: int
    flow: bool = False


def image_places(text: str, *, where: str, limits: ManifestLimits = DEFAULT_LIMITS) -> tuple[ImagePlace, ...]:
    """Every place of a YAML stream that names an image as Docker's clients read it; others are passed over.

    Raises:
        BoundExceededError: over a limit of `limits`.
        InvalidInputError: not YAML.
    """
    read_documents(text.encode(), where=where, limits=limits)  # holds it to every bound
    found: list[ImagePlace] = []
    try:
        documents = (one for one in yaml.compose_all(text, Loader=_LOADER) if not _is_nothing(one))
        for at, document in enumerate(documents):  # counted as `read_documents` does
            if isinstance(document, yaml.MappingNode):
                found += _Document(text, document).places((at,))
    except yaml.YAMLError as error:
        raise InvalidInputError("not YAML", where=where) from error
    return tuple(found)


class _Document:
    """One document; nodes that an alias names again are found again, at their own place in the text."""

    def __init__(self, text: str, node: yaml.MappingNode) -> None:
        self._text = text
        self._node = node
        said = _entries(node)
        self._kind = _text(said.get("kind"))
        self._is_object = bool(self._kind and _text(said.get("apiVersion")))
        metadata = _entries(said.get("metadata"))
        self._name, self._namespace = _text(metadata.get("name")), _text(metadata.get("namespace"))

    def places(self, path: Path) -> Iterator[ImagePlace]:
        if self._kind == "Kustomization":
            yield from self._kustomization(path)
        elif self._kind == "List" or (self._kind.endswith("List") and self._is_object):
            items = _entries(self._node).get("items")
            for at, item in enumerate(items.value if isinstance(items, yaml.SequenceNode) else ()):
                if isinstance(item, yaml.MappingNode):
                    yield from _Document(self._text, item).places((*path, "items", at))
        elif self._is_object:
            yield from self._containers(self._node, path)
        else:
            yield from self._values(self._node, path)

    def _kustomization(self, path: Path) -> Iterator[ImagePlace]:
        images = _entries(self._node).get("images")
        for at, item in enumerate(images.value if isinstance(images, yaml.SequenceNode) else ()):
            pieces = self._pieces(item, ("name", "newName", "newTag", "digest"))
            name = pieces.get("newName") or pieces.get("name")
            if name and (pieces.keys() & {"newTag", "digest"}):
                place = (*path, "images", at)
                yield from self._place(Form.KUSTOMIZATION, place, item, pieces, _joined(name.text, pieces, "newTag"))

    def _containers(self, node: Any, path: Path) -> Iterator[ImagePlace]:
        for key, child in _entries(node).items():
            here = (*path, key)
            if key in _CONTAINERS and isinstance(child, yaml.SequenceNode):
                for at, item in enumerate(child.value):
                    pieces = self._pieces(item, ("image", "name"))
                    if "image" in pieces:
                        own = {"image": pieces["image"]}
                        container = pieces["name"].text if "name" in pieces else ""
                        written = pieces["image"].text
                        yield from self._place(Form.WHOLE, (*here, at, "image"), item, own, written, container)
            elif key in _VALUES and isinstance(child, yaml.MappingNode):
                yield from self._values(child, here)
            elif isinstance(child, yaml.MappingNode):
                yield from self._containers(child, here)
            elif isinstance(child, yaml.SequenceNode):
                for at, item in enumerate(child.value):
                    yield from self._containers(item, (*here, at))

    def _values(self, node: Any, path: Path) -> Iterator[ImagePlace]:
        if isinstance(node, yaml.SequenceNode):
            for at, item in enumerate(node.value):
                yield from self._values(item, (*path, at))
            return
        pieces = self._pieces(node, ("registry", "repository", "tag", "digest"))
        if "repository" in pieces and (pieces.keys() & {"tag", "digest"}):
            registry = f"{pieces['registry'].text}/" if "registry" in pieces and pieces["registry"].text else ""
            name = registry + pieces["repository"].text
            yield from self._place(Form.VALUES, path, node, pieces, _joined(name, pieces, "tag"))
        for key, child in _entries(node).items():
            if key == "image" and isinstance(child, yaml.ScalarNode):
                own = self._pieces(node, ("image",))
                if own:
                    yield from self._place(Form.WHOLE, (*path, key), node, own, own["image"].text)
            else:
                yield from self._values(child, (*path, key))

    def _place(
        self, form: Form, path: Path, node: Any, pieces: dict[str, Piece], written: str, container: str = ""
    ) -> Iterator[ImagePlace]:
        try:
            reference = Reference.parse(written)
        except InvalidInputError:
            return  # a variable of somebody's templates, or no image at all
        first = min(pieces.values(), key=lambda piece: piece.start)
        yield ImagePlace(
            form=form,
            path=path,
            pieces=pieces,
            reference=reference,
            kind=self._kind if self._is_object else "",
            name=self._name,
            namespace=self._namespace,
            container=container or str(path[-2] if form is Form.WHOLE else path[-1]),
            line=self._text.count("\n", 0, first.start) + 1,
            flow=bool(node.flow_style),
        )

    def _pieces(self, node: Any, keys: tuple[str, ...]) -> dict[str, Piece]:
        found: dict[str, Piece] = {}
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if _text(key) in keys and (piece := self._piece(key, value)) is not None:
                found[_text(key)] = piece
        return found

    def _piece(self, key: yaml.Node, value: Any) -> Piece | None:
        if not isinstance(value, yaml.ScalarNode) or value.style in {"|", ">"} or "\n" in value.value:
            return None
        start, end = value.start_mark.index, value.end_mark.index
        if (before := _BEFORE_VALUE.match(self._text, start, end)) is not None:
            start = before.end()
        raw = self._text[start:end]
        if (raw[1:-1] if value.style else raw) != value.value:
            return None  # escapes: what stands there is not what is meant
        return Piece(text=value.value, start=start, end=end, column=key.start_mark.column, style=value.style or "")


def _joined(name: str, pieces: dict[str, Piece], tag_key: str) -> str:
    """One text of the pieces; values may carry a digest in their tag."""
    tag = pieces[tag_key].text if tag_key in pieces else ""
    digest = pieces["digest"].text if "digest" in pieces else ""
    tag, at, in_tag = tag.partition("@")
    digest = digest or (in_tag if at else "")
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def _entries(node: Any) -> dict[str, Any]:
    """Keys and values; what is merged in is found where it stands."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {_text(key): value for key, value in node.value if _text(key) != _MERGE}


def _is_nothing(node: Any) -> bool:
    return node is None or (isinstance(node, yaml.ScalarNode) and not node.style and node.value in _NULL)


def _text(node: Any) -> str:
    return node.value if isinstance(node, yaml.ScalarNode) else ""
