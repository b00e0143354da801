# SPDX-License-Identifier: Apache-2.0
"""Other images put in YAML files: only the names change, comments, order and quotes stay, and it is proved afterwards.

Proved: the text is read again, every place names what was wanted, and nothing else says anything else.
"""

from collections.abc import Mapping
from typing import Any, Final

from tidegate.artifact import Digest, Repository, Tag
from tidegate.errors import InvalidInputError
from tidegate.manifests.documents import read_documents
from tidegate.manifests.image_places import Form, ImagePlace, Path, Piece, image_places
from tidegate.values import Struct

_KEYS: Final[Mapping[Form, tuple[str, ...]]] = {
    Form.KUSTOMIZATION: ("newName", "newTag", "digest"),
    Form.VALUES: ("repository", "tag", "digest"),
}


class NewImage(Struct, frozen=True, kw_only=True):
    """What a place is to name; the registry's host stays as it was written.

    Attributes:
        repository: None keeps it as it was written.
    """

    tag: Tag | None
    digest: Digest
    repository: Repository | None = None


def with_images(text: str, wanted: Mapping[Path, NewImage], *, where: str) -> str:
    """The text with other images at some of its places (`ImagePlace.path`).

    Raises:
        InvalidInputError: not YAML, or a place is written in a way that cannot be edited without changing more.
    """
    before = image_places(text, where=where)
    edits: dict[tuple[int, int], str] = {}
    for place in before:
        if (new := wanted.get(place.path)) is not None:
            for span, put in _edits(text, place, new):
                if edits.setdefault(span, put) != put:
                    raise _cannot(place, where, "an anchor names it for two places that differ")
    made = text
    for (start, end), put in sorted(edits.items(), reverse=True):
        made = made[:start] + put + made[end:]
    _prove(text, made, before, wanted, where)
    return made


def renamed(written: str, new: NewImage) -> str:
    """The name of another image as somebody writes names: with their host, or without."""
    name = written.partition("@")[0]
    slash = name.rfind("/")
    colon = name.find(":", slash + 1)
    name = name[:colon] if colon > 0 else name
    tag = f":{new.tag}" if new.tag else ""
    return f"{_renamed(name, new.repository) if new.repository else name}{tag}@{new.digest}"


def _edits(text: str, place: ImagePlace, new: NewImage) -> list[tuple[tuple[int, int], str]]:
    pieces = place.pieces
    if place.form is Form.WHOLE:
        return [_replaced(pieces["image"], renamed(pieces["image"].text, new))]
    name_key, tag_key, _ = _KEYS[place.form]
    found: list[tuple[tuple[int, int], str]] = []
    pins_in_tag = place.form is Form.VALUES and "digest" not in pieces
    tag = str(new.tag or "") + (f"@{new.digest}" if pins_in_tag else "")
    if tag_key in pieces:
        found.append(_replaced(pieces[tag_key], tag))
    if new.repository is not None:
        key = name_key if name_key in pieces else "name"
        found.append(_replaced(pieces[key], _renamed(pieces[key].text, new.repository)))
    if "digest" in pieces:
        found.append(_replaced(pieces["digest"], new.digest))
    elif not pins_in_tag:
        found.append(_after(text, pieces[tag_key], f"digest: {new.digest}", flow=place.flow))
    return found


def _renamed(name: str, repository: Repository) -> str:
    head, slash, _ = name.partition("/")
    is_host = bool(slash) and (head == "localhost" or any(mark in head for mark in ".:["))
    return f"{head}/{repository}" if is_host else str(repository)


def _replaced(piece: Piece, text: str) -> tuple[tuple[int, int], str]:
    quote = piece.style or ("" if read_documents(f"- {text}".encode(), where="tag") == [[text]] else '"')
    return (piece.start, piece.end), f"{quote}{text}{quote}"


def _after(text: str, piece: Piece, line: str, *, flow: bool) -> tuple[tuple[int, int], str]:
    """A key more, behind one that is there."""
    if flow:
        return (piece.end, piece.end), f", {line}"
    ends = text.find("\n", piece.end)
    ends = len(text) if ends < 0 else ends
    if ends and text[ends - 1] == "\r":
        return (ends - 1, ends - 1), f"\r\n{' ' * piece.column}{line}"
    return (ends, ends), f"\n{' ' * piece.column}{line}"


def _prove(text: str, made: str, before: tuple[ImagePlace, ...], wanted: Mapping[Path, NewImage], where: str) -> None:
    after = {place.path: place for place in image_places(made, where=where)}
    for place in before:
        new, now = wanted.get(place.path), after.get(place.path)
        if now is None:
            raise _cannot(place, where, "it would no longer name an image")
        aliased = new is None and now.reference != place.reference
        if aliased or (new is not None and not _says(now, new)):
            raise _cannot(place, where, "another place shares its text")
    old, changed = _masked(text, before, where), _masked(made, before, where)
    if old != changed:
        raise InvalidInputError("cannot be edited without changing more than the images", where=where)


def _says(place: ImagePlace, new: NewImage) -> bool:
    named = place.reference
    return (named.tag, named.digest) == (new.tag, new.digest) and new.repository in {None, named.repository}


def _masked(text: str, places: tuple[ImagePlace, ...], where: str) -> list[Any]:
    """The documents without what an edit may change."""
    documents: Any = read_documents(text.encode(), where=where)
    for place in places:
        node = documents
        try:
            for key in place.path[:-1] if place.form is Form.WHOLE else place.path:
                node = node[key]
            for key in ("image",) if place.form is Form.WHOLE else _KEYS[place.form]:
                node.pop(key, None)
        except (LookupError, TypeError, AttributeError) as error:
            raise _cannot(place, where, "the keys that lead there are not plain text") from error
    return list(documents)


def _cannot(place: ImagePlace, where: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"the image cannot be edited there: {why}", where=f"{where}:{place.line}", remedy="edit it by hand"
    )
