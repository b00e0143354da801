# SPDX-License-Identifier: Apache-2.0
"""The texts of policies, from files, folders of them, shipped profiles or the settings."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tidegate.bounds import MIB
from tidegate.cli.named_file import read_named_file
from tidegate.errors import BoundExceededError, InvalidInputError, UsageError
from tidegate.policy.profile import profile_text, shipped_texts
from tidegate.settings import Settings

MAX_FILE_BYTES: Final = 4 * MIB
MAX_FILES: Final = 1000
_ENDINGS: Final = frozenset({".yaml", ".yml", ".json"})


def policy_texts(settings: Settings, files: Sequence[Path], profile: str | None) -> dict[str, str]:
    """Texts by the name that errors call them by.

    Args:
        settings: name the files in force, used when neither files nor a profile are given.
        files: files, and folders whose YAML files are taken.
        profile: one that is shipped, taken too.

    Raises:
        TidegateError: a file is missing, unreadable, too large or no text; there is no such profile.
    """
    texts = {f"profile {profile}": profile_text(profile)} if profile else {}
    if not files and not profile:
        files = (*settings.policy.files, *settings.policy.exceptions)
        texts = shipped_texts(settings.policy)
    for path in _each(files):
        texts[str(path)] = _text(path)
        if len(texts) > MAX_FILES:
            raise BoundExceededError("MAX_FILES", MAX_FILES, where=str(path.parent))
    return texts


def _each(files: Sequence[Path]) -> Iterator[Path]:
    for path in files:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(item for item in path.iterdir() if item.suffix in _ENDINGS and item.is_file())
        if not inside:
            raise UsageError("no policies in this folder", where=str(path), remedy="they end in .yaml")
        yield from inside


def _text(path: Path) -> str:
    try:
        return read_named_file(path, max_bytes=MAX_FILE_BYTES).decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError("not UTF-8 text", where=str(path)) from error
