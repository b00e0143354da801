# SPDX-License-Identifier: Apache-2.0
"""A local copy of a server's knowledge source, kept from update to update so that only what changed is fetched.

What each file was is noted in `state.json` beside the copy: its digest, and what the server calls this version of it.
"""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import quote

import msgspec

from tidegate.bounds import KIB, MIB
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError
from tidegate.knowledge.archive import check_zip
from tidegate.knowledge.limits import KnowledgeLimits
from tidegate.outbound import Outbound
from tidegate.wire import from_json, to_json

_STATE: Final = "state.json"
_FILES: Final = "files"
_MAX_STATE_BYTES: Final = 16 * MIB
_NO_HEAD: Final = frozenset({405, 501})
_GONE: Final = frozenset({404, 410})
_BAD: Final = 400


class Known(msgspec.Struct, frozen=True):
    """What is known of one copied file: its digest (hexadecimal), and what the server told of this version."""

    sha256: str
    size: int
    told: str = ""


class State(msgspec.Struct):
    """What the last update left: where from, which files, and the stamp of the knowledge built from them.

    Attributes:
        digest: "" while the files are others than those the knowledge was built from.
    """

    url: str = ""
    files: dict[str, Known] = {}
    sequence: int = 0
    digest: str = ""


class Mirror:
    """The copy in one folder. One user at a time: the caller holds a lock.

    Attributes:
        root: the copied files, in the server's layout.
        state: what is known of them; saved by `save`.
        fetched: paths whose bytes came over the wire in this run.
    """

    def __init__(self, folder: Path, url: str, outbound: Outbound, limits: KnowledgeLimits) -> None:
        self.root = folder / _FILES
        self.fetched: list[str] = []
        self._folder = folder
        self._url = url.rstrip("/")
        self._outbound = outbound
        self._limits = limits
        self.state = self._load()
        if self.state.url != self._url:
            # Another server's names for versions mean nothing here; digests still do.
            self.state.files = {path: msgspec.structs.replace(one, told="") for path, one in self.state.files.items()}
            self.state.url = self._url

    def fetch(self, path: str, *, sha256: str = "", max_bytes: int) -> bool:
        """Brings one file up to date.

        Args:
            path: relative to the server's address, `/` between parts.
            sha256: the hexadecimal digest it must have; "" when unknown.
            max_bytes: the longest file accepted.

        Returns:
            False when the server has no such file (and the copy has none either then).

        Raises:
            BoundExceededError, DigestMismatchError, OutsideError, UsageError: as `Outbound.download`.
            InvalidInputError: it is a zip, and broken; the copy is dropped.
        """
        url = f"{self._url}/{quote(path)}"
        local = self.root / PurePosixPath(path)
        known = self.state.files.get(path) if local.is_file() else None
        if known is not None and sha256 and known.sha256 == sha256:
            return True
        told = ""
        if not sha256:
            told, there = self._ask(url)
            if not there:
                self._drop(path)
                return False
            if known is not None and told and known.told == told:
                return True
        local.parent.mkdir(parents=True, exist_ok=True)
        try:
            done = self._outbound.download(url, to=local, max_bytes=max_bytes, sha256=sha256)
        except NotFoundError:
            self._drop(path)
            return False
        self._check(path, local)
        self.state.files[path] = Known(sha256=done.sha256, size=done.size, told=told)
        self.state.digest = ""  # of what is copied now, nothing was built yet
        self.fetched.append(path)
        self.save()
        return True

    def keep_only(self, paths: Iterable[str]) -> None:
        """Drops every copied file that is not named."""
        for path in self.state.files.keys() - set(paths):
            self._drop(path)
        if self.root.is_dir():
            for folder in self.root.rglob("*"):
                if folder.is_dir() and not any(folder.iterdir()):
                    shutil.rmtree(folder, ignore_errors=True)

    def save(self) -> None:
        """Writes the state down.

        Raises:
            OutsideError: the disk failed.
        """
        try:
            draft = self._folder / f"{_STATE}.new"
            draft.write_bytes(to_json(self.state))
            draft.replace(self._folder / _STATE)
        except OSError as error:
            raise OutsideError(f"cannot be written: {error.strerror or error}", where=str(self._folder)) from error

    def _load(self) -> State:
        try:
            data = (self._folder / _STATE).read_bytes()
            return from_json(data, State, what=_STATE, max_bytes=_MAX_STATE_BYTES)
        except (FileNotFoundError, InvalidInputError):
            return State()  # everything is fetched again
        except OSError as error:
            raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(self._folder)) from error

    def _ask(self, url: str) -> tuple[str, bool]:
        """What the server calls this version of a file ("" when it will not say), and whether there is one."""
        reply = self._outbound.request("HEAD", url, max_bytes=64 * KIB)
        if reply.status in _NO_HEAD:
            return "", True
        if reply.status in _GONE:
            return "", False
        if reply.status >= _BAD:
            raise OutsideError(f"the server answered {reply.status}", where=url)
        return _told(reply.headers), True

    def _check(self, path: str, local: Path) -> None:
        if path.endswith(".zip"):
            try:
                check_zip(local, self._limits)
            except InvalidInputError:
                self._drop(path)
                raise

    def _drop(self, path: str) -> None:
        (self.root / PurePosixPath(path)).unlink(missing_ok=True)
        if self.state.files.pop(path, None):
            self.state.digest = ""


def _told(headers: Mapping[str, str]) -> str:
    if tag := headers.get("etag"):
        return tag
    if modified := headers.get("last-modified"):
        return f"{modified} {headers.get('content-length', '')}"
    return ""
