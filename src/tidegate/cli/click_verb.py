# SPDX-License-Identifier: Apache-2.0
"""What every verb is: a click command with the shared options, and help that teaches by examples."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from tidegate.cli.call import Call

Examples = Sequence[tuple[str, str]]
"""Pairs of a command line and what it is for."""


_FEW: Final = 8
"""Verbs of a verb that are named when another was asked for."""


class ClickVerb(click.Command):
    """One verb: its callback gets the `Call` first and returns the exit status."""

    def __init__(self, name: str, *, examples: Examples = (), **rest: Any) -> None:
        super().__init__(name, **rest)
        self.examples = tuple(examples)
        self.params += shared_options()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the examples under the options."""
        write_examples(self.examples, formatter)
        super().format_epilog(ctx, formatter)


class ClickVerbs(ClickVerb, click.Group):
    """A verb that has verbs of its own, such as `db`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the verb, or says which one may have been meant."""
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            ctx.fail(f"no such verb {args[0]!r}{self._advice(args[0], names)}")
        return super().resolve_command(ctx, args)

    def _advice(self, word: str, names: Sequence[str]) -> str:
        """The name that may have been meant; of a few names, all of them."""
        from difflib import get_close_matches

        close = meant(get_close_matches(word, names, n=1))
        return close or (f", there are {', '.join(names)}" if len(names) <= _FEW else "")


def verb(name: str, *, examples: Examples = ()) -> Callable[[Callable[..., int]], ClickVerb]:
    """Makes a verb of a function; the outermost decorator. Its docstring is the help."""

    def decorate(function: Callable[..., int]) -> ClickVerb:
        def callback(*args: Any, **options: Any) -> int:
            return function(_call_of(click.get_current_context()), *args, **options)

        params = list(reversed(getattr(function, "__click_params__", [])))
        return ClickVerb(name, examples=examples, params=params, callback=callback, help=function.__doc__)

    return decorate


def shared_options() -> list[click.Parameter]:
    """The options every verb takes, before or after its name."""
    return [
        _shared("-q", "--quiet", is_flag=True, help="Say nothing but results and errors."),
        _shared("-v", "--verbose", count=True, help="Tell what is done; twice tells everything."),
        _shared("--debug", is_flag=True, help="Show the traceback of an unexpected error."),
        _shared("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file. [tidegate.toml]"),
        _shared("--home", type=click.Path(path_type=Path), metavar="DIR", help="Folder for everything kept."),
    ]


def write_examples(examples: Examples, formatter: click.HelpFormatter) -> None:
    """Writes examples: what it is for, then the line itself, never wrapped, so that it can be copied."""
    if not examples:
        return
    formatter.write_paragraph()
    formatter.write_heading("Examples")
    for line, purpose in examples:
        formatter.write(f"  {line}\n      {purpose}\n")


def _shared(*names: str, **rest: Any) -> click.Option:
    return click.Option(names, expose_value=False, callback=_remember, **rest)


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value and option.name:
        setattr(_call_of(context), option.name, value)


def _call_of(context: click.Context) -> Call:
    root = context.find_root()
    if not isinstance(root.obj, Call):
        root.obj = Call()
    return root.obj


def meant(possibilities: Sequence[str] | None) -> str:
    """Asks whether the first of these was meant; "" for none."""
    return f", did you mean {possibilities[0]}?" if possibilities else ""
