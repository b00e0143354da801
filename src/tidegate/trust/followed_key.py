# SPDX-License-Identifier: Apache-2.0
"""The file of the key that signs here, followed: a new key is taken up once trust in it is on record, and not before.

A rotation writes the new key beside the old one (`….next`), puts it on record, and then renames it. A kill between the
two leaves it beside; whoever looks next finds that it is trusted, and ends the rename. Replicas that share the file
follow by the same look; those that have a file of their own sign with the old key until they are given the new one.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path
from threading import Lock

from tidegate.errors import NotFoundError, TidegateError
from tidegate.signing.keys import SigningKey
from tidegate.trust.standing import Origin, Trust

_log = logging.getLogger(__name__)
_Identity = tuple[int, int, int]


class FollowedKey:
    """Gives the key that signs. Safe for threads.

    Args:
        path: of the file, which is there.
        key: what is in it.
    """

    def __init__(self, path: Path, key: SigningKey) -> None:
        self._path = path
        self._key = key
        self._seen = _identity(path)
        self._lock = Lock()

    def choose(self, trust: Trust) -> SigningKey:
        """The key that signs now: that of the file, unless nobody put it on record."""
        with self._lock:
            self._finish(trust)
            seen = _identity(self._path)
            if seen is not None and seen != self._seen:
                self._take_up(seen, trust)
            return self._key

    @property
    def next_path(self) -> Path:
        """Where a rotation puts the new key first."""
        return self._path.with_name(f"{self._path.name}.next")

    def prepare(self, trust: Trust) -> SigningKey:
        """Makes the next key, in its file beside the one in use.

        Raises:
            OutsideError: the disk refused.
        """
        with self._lock:
            self._finish(trust)
            self.next_path.unlink(missing_ok=True)  # of a rotation that never came on record
            key = SigningKey.generate()
            key.save(self.next_path)
            return key

    def _finish(self, trust: Trust) -> None:
        if not self.next_path.exists():
            return
        try:
            waiting = SigningKey.load(self.next_path)
        except NotFoundError:
            return  # another process was first
        if _is_own(waiting, trust):
            with suppress(FileNotFoundError):
                self.next_path.replace(self._path)
                _sync(self._path.parent)

    def _take_up(self, seen: _Identity, trust: Trust) -> None:
        try:
            found = SigningKey.load(self._path)
        except TidegateError as error:
            _log.warning("the new signing key cannot be read (%s); the one in use signs on", error)
            return
        if not _is_own(found, trust):
            _log.warning("key %s is not on record; the one in use signs on", found.key_id[:12])
            return
        self._key, self._seen = found, seen
        _log.info("key %s signs from now on", found.key_id[:12])


def _is_own(key: SigningKey, trust: Trust) -> bool:
    standing = trust.standings.get(key.key_id)
    return standing is not None and standing.origin is Origin.OWN


def _identity(path: Path) -> _Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
