# SPDX-License-Identifier: Apache-2.0
"""What lies where in the home folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import OutsideError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The folder for everything tidegate keeps; `tidegate serve` with no configuration needs nothing else."""

    folder: Path

    @property
    def database_url(self) -> str:
        """States, evidence, events, ledger."""
        return f"sqlite:///{self.folder / 'state.db'}"

    @property
    def work_url(self) -> str:
        """The durable engine's own tables."""
        return f"sqlite:///{self.folder / 'work.db'}"

    def make(self) -> None:
        """Creates the folder, for its owner alone.

        Raises:
            OutsideError: the disk refused.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OutsideError(
                f"cannot be made: {error.strerror}", where=str(self.folder), remedy="name another with TIDEGATE_HOME"
            ) from error

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Keeps the folder for one server: two would take up each other's unfinished work. A kill lets go of it too.

        Raises:
            UsageError: another server has it.
            OutsideError: the disk refused.
        """
        self.make()
        with (self.folder / "serve.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UsageError(
                    "another server keeps everything here", where=str(self.folder), remedy="stop it, or give --home"
                ) from error
            yield
