# SPDX-License-Identifier: Apache-2.0
"""What a user names on the command line: an image or folder, with a scheme or without one.

oci:DIR[:NAME|@DIGEST]   oci-archive:FILE[:NAME]   docker-archive:FILE[:NAME]
rootfs:DIR               dir:DIR                   registry:REFERENCE
sbom:FILE
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from errno import ELOOP, ENAMETOOLONG
from pathlib import Path
from typing import Final

from tidegate.artifact import Digest, Reference
from tidegate.bounds import KIB, printable
from tidegate.errors import InvalidInputError, OutsideError, UsageError
from tidegate.values import Struct


class Scheme(StrEnum):
    """Where something lies, as the word before the colon says it."""

    OCI = "oci"
    OCI_ARCHIVE = "oci-archive"
    DOCKER_ARCHIVE = "docker-archive"
    ROOTFS = "rootfs"
    DIR = "dir"
    REGISTRY = "registry"
    SBOM = "sbom"
    """A bill of materials: what is in an image, without the image."""


class Target(Struct, frozen=True, kw_only=True):
    """One thing to open.

    Attributes:
        text: as the user wrote it.
        path: the folder or file; None for a registry.
        tag: the image's name inside a layout or archive; "" for the only one.
        digest: the manifest inside a layout.
        reference: for a registry.
        guess: how a bare word was understood, for people; "" when a scheme was written.
    """

    text: str
    scheme: Scheme
    path: Path | None = None
    tag: str = ""
    digest: Digest | None = None
    reference: Reference | None = None
    guess: str = ""


_MAX_TEXT_CHARS: Final = 4096
_SAVED_NAME: Final = re.compile(r"[0-9a-f]{64}(?:\.tar|\.json|/json|/layer\.tar|/VERSION)|repositories")
_WORD: Final = re.compile(r"[a-z][a-z0-9+-]*")
_SNIFF_BYTES: Final = 64 * KIB
_ELSEWHERE: Final = {
    "docker": "registry:REFERENCE",
    "http": "registry:REFERENCE",
    "https": "registry:REFERENCE",
    "file": "the path alone",
    "docker-daemon": "docker-archive:FILE, from docker save",
    "containers-storage": "oci-archive:FILE, from podman save --format oci-archive",
    "podman": "oci-archive:FILE, from podman save --format oci-archive",
}
_SBOM_MARKS: Final = (b'"bomFormat"', b'"spdxVersion"', b"cyclonedx.org/schema/bom", b"SPDXVersion:")
_SCHEMES: Final = ", ".join(f"{scheme}:" for scheme in Scheme)
_PATH_STARTS: Final = ("/", "./", "../", "~")
_FILE_ENDS: Final = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".oci")


def parse_target(text: str) -> Target:
    """Reads a target; a bare word is guessed by what lies on this disk.

    Raises:
        UsageError: the scheme is unknown, the file is missing or of no known kind, or the reference is no reference.
        OutsideError: the disk failed.
    """
    if not text or "\0" in text or len(text) > _MAX_TEXT_CHARS:
        raise UsageError("not a target", where=printable(text[:80]), remedy=f"begin it with one of {_SCHEMES}")
    try:
        return _parsed(text)
    except OSError as error:
        where = printable(text[:80])
        if error.errno in {ENAMETOOLONG, ELOOP}:
            raise UsageError(f"not a target: {error.strerror}", where=where, remedy="check the path") from error
        raise OutsideError(f"cannot be looked at: {error.strerror}", where=where) from error


def _parsed(text: str) -> Target:
    word, colon, rest = text.partition(":")
    if colon and word in {scheme.value for scheme in Scheme}:
        return _stated(text, Scheme(word), rest)
    if colon and word in _ELSEWHERE and not Path(text).exists():
        raise UsageError(f"unknown scheme {word!r}", where=printable(text), remedy=f"write {_ELSEWHERE[word]}")
    return _guessed(text)


def _stated(text: str, scheme: Scheme, rest: str) -> Target:
    if not rest:
        raise UsageError("names nothing after the colon", where=text, remedy=f"write {scheme}: and a path or name")
    if scheme is Scheme.REGISTRY:
        return Target(text=text, scheme=scheme, reference=_reference(rest.removeprefix("//"), text))
    if scheme in {Scheme.ROOTFS, Scheme.DIR}:
        path = Path(rest)
        _demand(path.is_dir(), "no such folder", path)
        return Target(text=text, scheme=scheme, path=path)
    if scheme is Scheme.SBOM:
        path = Path(rest)
        _demand(path.is_file(), "no such file", path)
        return Target(text=text, scheme=scheme, path=path)
    path, tag, digest = _split(rest, text)
    if scheme is Scheme.OCI:
        _demand(path.is_dir(), "no such folder", path)
        _demand((path / "oci-layout").exists(), "is no OCI layout: it has no file oci-layout", path)
    else:
        _demand(path.is_file(), "no such file", path)
        if digest is not None and scheme is Scheme.DOCKER_ARCHIVE:
            raise UsageError(
                "cannot be chosen by digest", where=printable(text), remedy="write docker-archive:FILE:NAME"
            )
    return Target(text=text, scheme=scheme, path=path, tag=tag, digest=digest)


def _split(rest: str, text: str) -> tuple[Path, str, Digest | None]:
    """Parts a path from the name behind it: the longest path that exists wins, since paths may hold colons."""
    for path, mark, name in _cuts(rest):
        if not path.exists():
            continue
        if mark == "@":
            return path, "", _digest(name, text)
        return path, name, None
    raise UsageError("no such file or folder", where=printable(rest), remedy="check the path")


def _cuts(rest: str) -> Iterator[tuple[Path, str, str]]:
    yield Path(rest), "", ""
    for at in range(len(rest) - 1, 0, -1):
        if rest[at] in ":@":
            yield Path(rest[:at]), rest[at], rest[at + 1 :]


def _guessed(text: str) -> Target:
    path = Path(text)
    if path.is_dir():
        return _folder(text, path)
    if path.is_file():
        scheme = Scheme.SBOM if _is_sbom(path) else _archive_kind(path)
        return Target(text=text, scheme=scheme, path=path, guess=f"taken as {scheme}:{printable(text)}")
    if (named := _named_part(text)) is not None:
        return named
    if text.startswith(_PATH_STARTS) or text.endswith(_FILE_ENDS):
        raise UsageError("no such file or folder", where=printable(text), remedy="check the path")
    reference = _reference(text, text)
    return Target(text=text, scheme=Scheme.REGISTRY, reference=reference, guess=f"taken as registry:{reference}")


def _folder(text: str, path: Path) -> Target:
    if (path / "oci-layout").exists():
        scheme = Scheme.OCI
    elif (path / "etc/os-release").exists() or (path / "usr").is_dir():
        scheme = Scheme.ROOTFS
    else:
        scheme = Scheme.DIR
    return Target(text=text, scheme=scheme, path=path, guess=f"taken as {scheme}:{printable(text)}")


def _named_part(text: str) -> Target | None:
    """`FOLDER:NAME`, `FOLDER@DIGEST` or `FILE:NAME` without a scheme."""
    for path, _, _ in _cuts(text):
        scheme = None
        if (path / "oci-layout").is_file():
            scheme = Scheme.OCI
        elif path.is_file():
            scheme = _archive_kind(path)
        if scheme is not None:
            found = _stated(f"{scheme}:{text}", scheme, text)
            return Target(
                text=text,
                scheme=scheme,
                path=found.path,
                tag=found.tag,
                digest=found.digest,
                guess=f"taken as {scheme}:{printable(text)}",
            )
    return None


def _is_sbom(path: Path) -> bool:
    """True when a file begins like a bill of materials; others must be named as `sbom:FILE`."""
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFF_BYTES)
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    begins = head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"<", b"SPDXVersion:"))
    return begins and any(mark in head for mark in _SBOM_MARKS)


def _archive_kind(path: Path) -> Scheme:
    names = _first_names(path)
    if "manifest.json" in names or any(_SAVED_NAME.fullmatch(name) for name in names):
        return Scheme.DOCKER_ARCHIVE
    if names & {"oci-layout", "index.json"} or any(name.startswith("blobs/") for name in names):
        return Scheme.OCI_ARCHIVE
    raise UsageError(
        "holds no image: neither an OCI layout nor what docker save writes",
        where=printable(str(path)),
        remedy="unpack a root file system and name it as rootfs:DIR",
    )


def _first_names(path: Path) -> set[str]:
    """Names in an archive: all of a plain tar, the first ones of a packed one; none when it is no archive."""
    # Here, because a target that says its scheme is taken at its word.
    from tempfile import TemporaryFile

    from tidegate.oci.archive import is_packed, reading_packed, unpacking
    from tidegate.oci.tar_index import TarIndex

    try:
        with path.open("rb") as file, TemporaryFile() as start:
            head = file.read(4)
            file.seek(0)
            if not is_packed(head):
                return set(TarIndex(file.fileno(), where=str(path), partial=True).names)
            with reading_packed(str(path)):
                start.write(unpacking(file, head).read(_SNIFF_BYTES))
            start.flush()
            return set(TarIndex(start.fileno(), where=str(path), partial=True).names)
    except InvalidInputError:
        return set()
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(path)) from error


def _reference(text: str, whole: str) -> Reference:
    try:
        return Reference.parse(text)
    except InvalidInputError as error:
        word, colon, _ = whole.partition(":")
        what = f"unknown scheme {word!r}" if colon and _WORD.fullmatch(word) else "is no file"
        raise UsageError(
            f"{what}, and no image reference ({error.what})",
            where=printable(whole[:200]),
            remedy=f"check the path, or begin it with one of {_SCHEMES}",
        ) from error


def _digest(name: str, text: str) -> Digest:
    try:
        return Digest(name)
    except InvalidInputError as error:
        raise UsageError(str(error), where=printable(text[:200])) from error


def _demand(holds: bool, what: str, path: Path) -> None:
    if not holds:
        raise UsageError(what, where=printable(str(path)), remedy="check the path")
