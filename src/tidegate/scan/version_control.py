# SPDX-License-Identifier: Apache-2.0
"""What version control keeps within a folder of sources: not part of the sources, though logins may lie in it.

Its objects are packed, and a history is looked through by `tidegate.scan.git_history`.
"""

from collections.abc import Iterable
from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import SecretFact
from tidegate.oci.image import Folder
from tidegate.scan.analyser import SecretScanner
from tidegate.scan.entry import path_text
from tidegate.scan.folder import read_below

MAX_SETTINGS_BYTES: Final = MIB
"""Of one file of settings; a larger one is looked at as far as that."""

SETTINGS: Final[dict[bytes, tuple[bytes, ...]]] = {
    b".git": (b"config", b"config.worktree"),
    b".hg": (b"hgrc",),
    b".jj": (b"repo/config.toml",),
    b".bzr": (b"branch/branch.conf",),
    b".svn": (),
    b"_darcs": (b"prefs/defaults", b"prefs/defaultrepo"),
}
"""Folders by name, and the files in them in which addresses with a login are kept. In a worktree or a submodule git
has a file of that name, which only says where the folder is."""


def secrets_in_settings(found: Iterable[bytes], folder: Folder, scanner: SecretScanner) -> list[SecretFact]:
    """Looks through the settings of version control.

    Args:
        found: paths of its folders.
        folder: they lie in.
        scanner: finds secrets.
    """
    files: list[tuple[str, bytes | memoryview]] = []
    for place in found:
        for name in SETTINGS[place.rpartition(b"/")[2]]:
            path = place + b"/" + name
            try:
                _, content = read_below(folder, path, MAX_SETTINGS_BYTES)
            except OSError:
                continue
            files.append((path_text(path), content))
    return scanner.scan_batch(files) if files else []
