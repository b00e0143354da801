# SPDX-License-Identifier: Apache-2.0
"""From what was written (text, or a value of TOML) to what the key promises, or an error that says how to write it."""

import re
from os import pathsep
from pathlib import Path
from typing import Any, Final

from tidegate.errors import UsageError
from tidegate.settings.keys import Key

_SIZE: Final = re.compile(r"([0-9][0-9_]*)\s*(?:([KMGT])i?B?)?", re.IGNORECASE)
_POWER: Final = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_WORDS: Final = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


def convert(key: Key, value: object, *, where: str, folder: Path) -> Any:
    """Turns one value into the key's type.

    Args:
        key: what is set.
        value: text from a flag or the environment, or a TOML value.
        where: who said it, for errors: `tidegate.toml:3`, `TIDEGATE_SERVER_PORT`.
        folder: what relative paths stand on.

    Raises:
        UsageError: it is of another type, out of bounds, or not one of the choices.
    """
    match key.kind:
        case "path":
            return _path(key, value, where, folder)
        case "paths":
            return _paths(key, value, where, folder)
        case "texts":
            return _texts(key, value, where)
        case "bool":
            return _bool(key, value, where)
        case "int" | "float":
            return _number(key, value, where)
        case _:
            return _text(key, value, where)


def _text(key: Key, value: object, where: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise _wrong(key, value, where, "text in quotes")
    if key.choices and value not in key.choices:
        raise _wrong(key, value, where, "one of " + ", ".join(key.choices))
    return value


def _path(key: Key, value: object, where: str, folder: Path) -> Path | None:
    if value == "" and key.default is None and not key.under_home:
        return None
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise _wrong(key, value, where, "the path of a file or folder")
    try:
        return folder / Path(value).expanduser()
    except RuntimeError as error:
        raise _wrong(key, value, where, "a path whose ~ names a user of this machine") from error


def _paths(key: Key, value: object, where: str, folder: Path) -> tuple[Path, ...]:
    if isinstance(value, str):
        value = [part for part in value.split(pathsep) if part]
    if not isinstance(value, list | tuple):
        raise _wrong(key, value, where, "a list of paths")
    return tuple(path for item in value if (path := _path(key, item, where, folder)))


def _texts(key: Key, value: object, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list | tuple):
        raise _wrong(key, value, where, "a list of words, or words with commas between")
    return tuple(_text(key, item, where) for item in value)


def _bool(key: Key, value: object, where: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    raise _wrong(key, value, where, "true or false")


def _number(key: Key, value: object, where: str) -> float:
    number = _parse_number(key, value, where)
    if (key.low is not None and number < key.low) or (key.high is not None and number > key.high):
        bounds = f"at least {key.low}" if key.high is None else f"from {key.low} to {key.high}"
        raise _wrong(key, value, where, f"a number {bounds}")
    return number


def _parse_number(key: Key, value: object, where: str) -> float:
    if isinstance(value, bool):
        raise _wrong(key, value, where, "a number")
    if key.kind == "float":
        try:
            number = float(value) if isinstance(value, str | int | float) else None
        except (ValueError, OverflowError):
            number = None
        if number is None or number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN
            raise _wrong(key, value, where, "a number of seconds")
        return number
    if isinstance(value, int):
        return value
    size = _SIZE.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 40 else None  # noqa: PLR2004 - digits
    if size is None:
        raise _wrong(key, value, where, "a whole number; sizes may end in KiB, MiB, GiB or TiB")
    return int(size[1]) << _POWER[(size[2] or "").upper()]


def _wrong(key: Key, value: object, where: str, wanted: str) -> UsageError:
    return UsageError(f"{key.path} cannot be {value!r:.80}", where=where, remedy=f"it must be {wanted}")
