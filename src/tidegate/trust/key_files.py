# SPDX-License-Identifier: Apache-2.0
"""Files of public keys, followed: whose word is taken changes with them, without a restart.

A key is taken back by writing the files without it. While one is missing or cannot be read, such as between the writing
of two, the keys that were read last go on: nobody shuts a cluster by half a write, and it is told.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Final

from tidegate.errors import TidegateError
from tidegate.signing.keys import TrustedKeys

_log = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 1.0
_END_SECONDS: Final = 5.0
Changed = Callable[[TrustedKeys], None]
"""Is told of all keys when they are others than before; raising TidegateError means again."""


class KeyFiles:
    """Looks at files of keys once a second, in a thread of its own.

    Args:
        paths: one key each, or several in PEM; one or more.

    Raises:
        NotFoundError, InvalidInputError: a file is missing at the start, or holds no key.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._keys = TrustedKeys.load(self._paths)
        self._said = ""
        self._stopping = Flag()
        self._thread: Thread | None = None

    @property
    def keys(self) -> TrustedKeys:
        """Those that were read last."""
        return self._keys

    def start(self, changed: Changed) -> None:
        """Begins to look."""
        self._thread = Thread(target=self._run, args=(changed,), name="trusted keys", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_END_SECONDS)

    def look(self, changed: Changed) -> bool:
        """Looks now; true when the keys are others than before."""
        try:
            found = TrustedKeys.load(self._paths)
            if found.ids == self._keys.ids:
                self._said = ""
                return False
            changed(found)
        except TidegateError as error:
            if str(error) != self._said:
                _log.error("trusted keys: %s; those that were read before go on", error)
            self._said = str(error)
            return False
        gone, new = self._keys.ids - found.ids, found.ids - self._keys.ids
        _log.warning("trusted keys: %s new, %s taken back", _names(new), _names(gone))
        self._keys = found
        return True

    def _run(self, changed: Changed) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            self.look(changed)


def _names(keys: frozenset[str]) -> str:
    return ", ".join(sorted(one[:12] for one in keys)) or "none"
