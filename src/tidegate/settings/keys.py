# SPDX-License-Identifier: Apache-2.0
"""The keys of the tree, found by walking it: what may be set, by which name, and of which type."""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from tidegate.settings.tree import Settings

ENVIRONMENT_PREFIX: Final = "TIDEGATE_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting.

    Attributes:
        path: `server.port`.
        kind: `path`, `paths`, `text`, `texts`, `int`, `float`, `bool` or `choice`.
        under_home: the default's path under the home folder; "" when the default does not lie there.
        low, high: bounds of a number, both allowed; None for none.
    """

    path: str
    kind: str
    meaning: str
    default: Any = None
    under_home: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return ENVIRONMENT_PREFIX + self.path.replace(".", "_").upper()


def all_keys() -> dict[str, Key]:
    """Every key of the tree by its path, in the tree's order."""
    return {key.path: key for key in _walk(Settings, "")}


def branches() -> dict[str, type]:
    """The options class of every branch by its name."""
    return {name: hint for name, hint in get_type_hints(Settings).items() if _is_branch(hint)}


def _walk(branch: type, prefix: str) -> Iterator[Key]:
    defaults = {field.name: field.default for field in fields(branch) if field.default is not MISSING}
    for name, hint in get_type_hints(branch, include_extras=True).items():
        if _is_branch(hint):
            yield from _walk(hint, f"{prefix}{name}.")
            continue
        type_, leaf = get_args(hint)
        kind, choices = _kind(type_)
        yield Key(
            path=prefix + name,
            kind=kind,
            choices=choices,
            meaning=leaf.meaning,
            default=defaults.get(name),
            under_home=leaf.under_home,
            low=leaf.low,
            high=leaf.high,
        )


def _is_branch(hint: Any) -> bool:
    return isinstance(hint, type) and is_dataclass(hint)


def _kind(hint: Any) -> tuple[str, tuple[str, ...]]:
    if get_origin(hint) is Literal:
        return "choice", get_args(hint)
    if get_origin(hint) is tuple:
        return ("texts" if get_args(hint)[0] is str else "paths"), ()
    if get_origin(hint) is UnionType or hint is Path:
        return "path", ()
    return {str: "text", int: "int", float: "float", bool: "bool"}[hint], ()
