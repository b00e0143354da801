# SPDX-License-Identifier: Apache-2.0
"""Commits and tags of git, byte for byte: what was signed, by what, and the rest parsed.

Form: gitformat-commit as `git cat-file` writes it: header lines, continued by a leading space, an empty line, the
message. A signature covers all but its own header (`gpgsig`, in repositories of SHA-256 objects `gpgsig-sha256`). git
joins several headers of one name; here an object with more than one is not read at all, because readers differ.
"""

import hashlib
import re
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.values import Struct

MAX_OBJECT_BYTES: Final = 16 * MIB
"""Longest commit or tag that is read."""
MAX_HEADERS: Final = 10_000

SIGNATURE_HEADERS: Final = {40: "gpgsig", 64: "gpgsig-sha256"}
"""Name of the header that holds the signature, by the length of the repository's object names."""
_PERSON: Final = re.compile(rb"(?P<name>[^<>\n]*?) ?<(?P<address>[^<>\n]*)> (?P<time>[0-9]{1,12}) [+-][0-9]{4}")
_ID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TAG_SIGNATURE: Final = re.compile(
    rb"^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----$", re.MULTILINE
)


class Person(Struct, frozen=True, kw_only=True):
    """Who wrote or recorded something, as it claims itself; `at` in seconds since 1970."""

    name: str
    address: str
    at: int

    @property
    def shown(self) -> str:
        """`Name <address>`."""
        return f"{self.name} <{self.address}>".strip()


class Signed(Struct, frozen=True, kw_only=True):
    """A signature and the bytes it is of."""

    payload: bytes
    signature: bytes


class Commit(Struct, frozen=True, kw_only=True):
    """A commit.

    Attributes:
        signed: None without a signature.
        defect: why its signature cannot be read; "" when it can.
    """

    id: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str
    signed: Signed | None = None
    defect: str = ""


class Tag(Struct, frozen=True, kw_only=True):
    """An annotated tag."""

    id: str
    name: str
    target: str
    target_type: str
    tagger: Person | None
    message: str
    signed: Signed | None = None


def check_name(kind: str, content: bytes, name: str) -> None:
    """Holds an object to its name.

    Raises:
        InvalidInputError: it is not what its name says.
    """
    algorithm = "sha1" if len(name) == 40 else "sha256"  # noqa: PLR2004 - hexadecimal digits of SHA-1
    actual = hashlib.new(algorithm, b"%s %d\0" % (kind.encode(), len(content)), usedforsecurity=False)
    actual.update(content)
    if actual.hexdigest() != name:
        raise InvalidInputError(f"an object of git whose content is that of {actual.hexdigest()}", where=name)


def parse_commit(content: bytes, *, name: str) -> Commit:
    """Reads a commit and holds it to its name.

    Raises:
        BoundExceededError: over `MAX_OBJECT_BYTES` or `MAX_HEADERS`.
        InvalidInputError: it is none, or not what its name says.
    """
    headers, message = _parts(content, "commit", name)
    return Commit(
        id=name,
        tree=_one_id(headers, "tree", name),
        parents=tuple(_id(value, name) for key, value in headers if key == "parent"),
        author=_person(_one(headers, "author", name), name),
        committer=_person(_one(headers, "committer", name), name),
        message=message.decode("utf-8", "replace"),
        signed=_signed_commit(content, headers, name),
        defect=_defect(headers, name),
    )


def parse_tag(content: bytes, *, name: str) -> Tag:
    """Reads an annotated tag and holds it to its name; its signature stands at the end of its message.

    Raises:
        BoundExceededError: over `MAX_OBJECT_BYTES` or `MAX_HEADERS`.
        InvalidInputError: it is none, or not what its name says.
    """
    headers, message = _parts(content, "tag", name)
    tagger = [value for key, value in headers if key == "tagger"]
    starts = list(_TAG_SIGNATURE.finditer(message))
    start = len(content) - len(message) + starts[0].start() if starts else len(content)
    signed = Signed(payload=content[:start], signature=content[start:]) if starts else None
    return Tag(
        id=name,
        name=_one(headers, "tag", name).decode("utf-8", "replace"),
        target=_one_id(headers, "object", name),
        target_type=_one(headers, "type", name).decode("utf-8", "replace"),
        tagger=_person(tagger[0], name) if tagger else None,
        message=message[: starts[0].start() if starts else len(message)].decode("utf-8", "replace"),
        signed=signed,
    )


_Headers = list[tuple[str, bytes]]


def _parts(content: bytes, kind: str, name: str) -> tuple[_Headers, bytes]:
    if len(content) > MAX_OBJECT_BYTES:
        raise BoundExceededError("MAX_OBJECT_BYTES", MAX_OBJECT_BYTES, where=name)
    check_name(kind, content, name)
    head, separator, message = content.partition(b"\n\n")
    if not separator:
        head = content.removesuffix(b"\n")
    headers: _Headers = []
    for line in head.split(b"\n"):
        if line.startswith(b" ") and headers:
            headers[-1] = (headers[-1][0], headers[-1][1] + b"\n" + line[1:])
            continue
        key, space, value = line.partition(b" ")
        if not space:
            raise InvalidInputError(f"a {kind} with a header that has no value", where=name)
        headers.append((key.decode("utf-8", "replace"), value))
        if len(headers) > MAX_HEADERS:
            raise BoundExceededError("MAX_HEADERS", MAX_HEADERS, where=name)
    return headers, message


def _signed_commit(content: bytes, headers: _Headers, name: str) -> Signed | None:
    """What git signs: the commit without its own signature, nor that of the other algorithm."""
    own = SIGNATURE_HEADERS[len(name)]
    found = [value for key, value in headers if key == own]
    if len(found) != 1:
        return None
    head, separator, message = content.partition(b"\n\n")
    kept: list[bytes] = []
    inside = False
    for line in head.split(b"\n"):
        inside = line.startswith((b"gpgsig ", b"gpgsig-sha256 ")) or (inside and line.startswith(b" "))
        if not inside:
            kept.append(line)
    return Signed(payload=b"\n".join(kept) + separator + message, signature=found[0])


def _defect(headers: _Headers, name: str) -> str:
    names = [key for key, _ in headers]
    own = SIGNATURE_HEADERS[len(name)]
    for key in SIGNATURE_HEADERS.values():
        if names.count(key) > 1:
            return f"the header {key} stands there {names.count(key)} times"
    known = {*SIGNATURE_HEADERS.values()}
    if any(key.startswith("gpgsig") and key not in known for key in names):
        return "a header of a signature nobody knows"
    return "signed for the other kind of object names only" if known & set(names) and own not in names else ""


def _one(headers: _Headers, key: str, name: str) -> bytes:
    found = [value for other, value in headers if other == key]
    if len(found) != 1:
        raise InvalidInputError(f"an object of git with {len(found)} headers {key!r}", where=name)
    return found[0]


def _one_id(headers: _Headers, key: str, name: str) -> str:
    return _id(_one(headers, key, name), name)


def _id(value: bytes, name: str) -> str:
    text = value.decode("ascii", "replace")
    if not _ID.fullmatch(text) or len(text) != len(name):
        raise InvalidInputError("an object of git that names none rightly", where=name)
    return text


def _person(value: bytes, name: str) -> Person:
    found = _PERSON.fullmatch(value)
    if not found:
        raise InvalidInputError("an object of git whose author or committer cannot be read", where=name)
    return Person(
        name=found["name"].decode("utf-8", "replace").strip(),
        address=found["address"].decode("utf-8", "replace").strip(),
        at=int(found["time"]),
    )
