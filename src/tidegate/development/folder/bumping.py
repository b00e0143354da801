# SPDX-License-Identifier: Apache-2.0
"""The command that locks another version of a dependency, by the tool that wrote the lock file.

Names and versions come from files nobody vouches for: each is one word of a shell, or no command is told.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9@_][\w@./+~:-]{0,213}")
_VERSION: Final = re.compile(r"[\w][\w.+~!-]{0,99}")


def bump_command(location: str, *, name: str, version: str, to: str, is_direct: bool) -> str:
    """The command to run in the root of the folder; "" when the lock file's tool is not known.

    Args:
        location: of the lock file, relative to the folder.
        name: of the dependency, as its ecosystem writes it.
        version: that is locked.
        to: that shall be.
        is_direct: the project asks for it itself.
    """
    path = PurePosixPath(location)
    tool = _TOOLS.get(path.name)
    if tool is None or not (_NAME.fullmatch(name) and _VERSION.fullmatch(version) and _VERSION.fullmatch(to)):
        return ""
    command = shlex.join(tool(name, version, to, is_direct))
    return command if path.parent == PurePosixPath() else f"(cd -- {shlex.quote(str(path.parent))} && {command})"


def is_other_major(version: str, to: str) -> bool:
    """True when the first number differs (below 1 the second, too): what uses it may have to change."""
    old, new = (re.findall(r"\d+", text)[:2] for text in (version, to))
    if not old or not new:
        return True
    return old[0] != new[0] or (old[0] == "0" and old != new)


def _npm(name: str, _version: str, to: str, is_direct: bool) -> list[str]:
    return ["npm", "install", f"{name}@{to}"] if is_direct else ["npm", "update", name]


def _pnpm(name: str, _version: str, to: str, is_direct: bool) -> list[str]:
    return ["pnpm", "update", f"{name}@{to}"] if is_direct else ["pnpm", "update", "--depth", "Infinity", name]


def _yarn(name: str, _version: str, to: str, is_direct: bool) -> list[str]:
    return ["yarn", "up", f"{name}@{to}"] if is_direct else ["yarn", "up", "-R", name]


def _uv(name: str, _version: str, to: str, _is_direct: bool) -> list[str]:
    return ["uv", "lock", "--upgrade-package", f"{name}=={to}"]


def _poetry(name: str, _version: str, to: str, is_direct: bool) -> list[str]:
    return ["poetry", "add", f"{name}@>={to}"] if is_direct else ["poetry", "update", name]


def _cargo(name: str, version: str, to: str, _is_direct: bool) -> list[str]:
    return ["cargo", "update", "-p", f"{name}@{version}", "--precise", to]


def _go(name: str, _version: str, to: str, _is_direct: bool) -> list[str]:
    return ["go", "get", f"{name}@v{to.removeprefix('v')}"]


def _bundler(name: str, _version: str, _to: str, _is_direct: bool) -> list[str]:
    return ["bundle", "update", name, "--conservative"]


def _composer(name: str, _version: str, to: str, _is_direct: bool) -> list[str]:
    return ["composer", "update", name, "--with", f"{name}:>={to}"]


_TOOLS: Final[Mapping[str, Callable[[str, str, str, bool], list[str]]]] = {
    "package-lock.json": _npm,
    "npm-shrinkwrap.json": _npm,
    "pnpm-lock.yaml": _pnpm,
    "yarn.lock": _yarn,
    "uv.lock": _uv,
    "poetry.lock": _poetry,
    "Cargo.lock": _cargo,
    "go.mod": _go,
    "Gemfile.lock": _bundler,
    "composer.lock": _composer,
}
