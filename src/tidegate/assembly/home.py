# SPDX-License-Identifier: Apache-2.0
"""What lies where in the home folder."""

from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import OutsideError


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

    @property
    def registry(self) -> Path:
        """Blobs and uploads."""
        return self.folder / "registry"

    @property
    def note_key(self) -> Path:
        """The key that signs the ledger's checkpoints."""
        return self.folder / "keys" / "ledger.pem"

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
