# SPDX-License-Identifier: Apache-2.0
"""What is no part of a folder of sources: what git ignores there, and what tools put beside sources."""

from pathlib import Path
from typing import Final

from tidegate.bounds import KIB
from tidegate.errors import BoundExceededError, TidegateError
from tidegate.scan.git_program import git_output
from tidegate.scan.passing_over import PassedOver

BESIDE_SOURCES: Final = ("**/node_modules", "**/.venv", "**/__pycache__", "**/.tox")
"""Folders that a tool makes again; the same as those whose documents are not checked, but for `vendor`."""
MAX_IGNORED: Final = 100_000
"""Files and folders that git ignores; of a folder all of which is ignored the folder alone counts."""

_LIST: Final = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "--no-empty-directory", "-z")
_MAX_LIST_BYTES: Final = 64 * KIB * KIB


class SourcesOnly(PassedOver):
    """Passes over what git ignores and what `BESIDE_SOURCES` and further globs name.

    Args:
        ignored: paths as git lists them, folders with a slash behind.
        folders: more globs of folders, `files` of files.
    """

    def __init__(
        self, ignored: frozenset[str] = frozenset(), folders: tuple[str, ...] = (), files: tuple[str, ...] = ()
    ) -> None:
        super().__init__((*BESIDE_SOURCES, *folders), files)
        self._ignored_folders = frozenset(path.rstrip("/") for path in ignored if path.endswith("/"))
        self._ignored_files = frozenset(path for path in ignored if not path.endswith("/"))
        self.word = "\n".join((self.word, "", *sorted(ignored)))

    def has_folder(self, path: str) -> bool:
        """Whether a folder is passed over, for itself or for one above it."""
        here = path
        while here and self._ignored_folders:
            if here in self._ignored_folders:
                return True
            here = here.rpartition("/")[0]
        return super().has_folder(path)

    def has(self, path: str) -> bool:
        """Whether a file is passed over."""
        return path in self._ignored_files or super().has(path)


def ignored_by_git(folder: Path) -> frozenset[str]:
    """What git ignores below a folder, relative to it; nothing where there is no repository.

    Raises:
        BoundExceededError: over `MAX_IGNORED`.
    """
    try:
        with git_output(folder, _LIST) as output:
            listed = output.read(_MAX_LIST_BYTES + 1)
    except BoundExceededError:
        raise
    except TidegateError:
        return frozenset()
    names = listed.split(b"\0")[:-1]
    if len(names) > MAX_IGNORED or len(listed) > _MAX_LIST_BYTES:
        raise BoundExceededError("MAX_IGNORED", MAX_IGNORED, where=str(folder))
    return frozenset(name.decode("utf-8", "surrogateescape") for name in names)
