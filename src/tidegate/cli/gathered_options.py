# SPDX-License-Identifier: Apache-2.0
"""Options that belong together, added to a verb in one line and given to it as one value."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click


def gathered(
    function: Callable[..., int],
    name: str,
    kind: Callable[..., object],
    options: Sequence[click.Parameter],
    *,
    keys: Iterable[str],
    is_last: bool = False,
) -> Callable[..., int]:
    """The verb with more options.

    Args:
        function: the verb.
        name: by which it gets the value.
        kind: makes the value of what was said.
        options: in the order in which help shows them.
        keys: names of the options' values, which are those of `kind`'s arguments.
        is_last: help shows them behind all that decorators above this one add.
    """
    taken = tuple(keys)

    def with_options(*args: Any, **given: Any) -> int:
        return function(*args, **{name: kind(**{key: given.pop(key) for key in taken})}, **given)

    params: Sequence[click.Parameter] = getattr(function, "__click_params__", [])
    added = reversed(options)
    both = [*added, *params] if is_last else [*params, *added]
    with_options.__click_params__ = both  # type: ignore[attr-defined] # click's own protocol
    with_options.__doc__ = function.__doc__
    return with_options
