# SPDX-License-Identifier: Apache-2.0
"""Results: to standard output or, whole or not at all, to a file."""

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from tidegate.cli.failures import close_quietly
from tidegate.errors import OutsideError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where a result goes, and in which form.

    Attributes:
        form: what `--format` says.
        file: what `--output` says; None is standard output.
    """

    form: str
    file: Path | None = None

    @property
    def on_terminal(self) -> bool:
        """True when a person will read it as it comes."""
        return self.file is None and sys.stdout.isatty()

    def write_json(self, value: object) -> None:
        """Writes a value as JSON, one line; indented, and with nothing that steers it, on a terminal."""
        from tidegate.wire import to_json

        self.write_document(to_json(value))

    def write_document(self, document: bytes) -> None:
        """Writes a JSON document as it is; indented, and with nothing that steers it, on a terminal."""
        if self.on_terminal:
            import msgspec

            text = msgspec.json.format(document, indent=2).decode()
            document = "\n".join(_escaped(line) for line in text.split("\n")).encode()
        self.write_bytes(document + b"\n")

    def write_text(self, text: str) -> None:
        """Writes lines that are already fit for a terminal."""
        self.write_bytes(text.encode("utf-8", "backslashreplace"))

    def write_bytes(self, data: bytes) -> None:
        """Writes the whole result.

        Raises:
            OutsideError: the file cannot be written; what was there before is still there.
        """
        if self.file is None:
            _to_standard_output(data)
        elif self.file.exists() and not self.file.is_file():
            _to_device(self.file, data)  # /dev/null, a named pipe: nothing that could be replaced
        else:
            _to_file(self.file, data)


def output_options(*forms: str, by_terminal: bool = False) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Adds `--format` and `--output`; the verb gets them as one `output`.

    Args:
        forms: the first is the default.
        by_terminal: it is on a terminal only; elsewhere the last one is.
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        def with_output(*args: Any, output_form: str | None, output_file: Path | None, **options: Any) -> int:
            output = Output(form=output_form or forms[-1], file=None if output_file == Path("-") else output_file)
            if output_form is None and output.on_terminal:
                output = replace(output, form=forms[0])
            return function(*args, output=output, **options)

        params: Sequence[click.Parameter] = getattr(function, "__click_params__", [])
        # click keeps decorators' parameters innermost first, and `verb` turns them round.
        with_output.__click_params__ = [_output_option(), _format_option(forms, by_terminal=by_terminal), *params]  # type: ignore[attr-defined] # click's own protocol
        with_output.__doc__ = function.__doc__
        return with_output

    return decorate


def _format_option(forms: Sequence[str], *, by_terminal: bool) -> click.Option:
    return click.Option(
        ("-f", "--format", "output_form"),
        type=click.Choice(forms),
        default=None if by_terminal else forms[0],
        show_default=not by_terminal,
        help=f"Form of the result. [{forms[0]} on a terminal, else {forms[-1]}]"
        if by_terminal
        else "Form of the result.",
    )


def _output_option() -> click.Option:
    return click.Option(
        ("-o", "--output", "output_file"),
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write the result to a file, whole or not at all.",
    )


def _to_standard_output(data: bytes) -> None:
    try:
        sys.stdout.flush()
        buffer = getattr(sys.stdout, "buffer", None)
        if buffer is None:  # a text-only stand-in
            sys.stdout.write(data.decode("utf-8", "replace"))
        else:
            buffer.write(data)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough; the verb's own answer is still its exit status.
        close_quietly()
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror}", where="standard output") from error


def _to_device(path: Path, data: bytes) -> None:
    if path.is_dir():
        raise UsageError("is a folder", where=str(path), remedy="name a file")
    try:
        with path.open("wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror}", where=str(path)) from error


def _to_file(path: Path, data: bytes) -> None:
    target = path.resolve()  # a symbolic link stays one
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror}", where=str(path)) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), _mode(target))
        Path(name).replace(target)
    except BaseException as error:
        with suppress(OSError):
            Path(name).unlink()
        if isinstance(error, OSError):
            raise OutsideError(f"cannot be written: {error.strerror}", where=str(path)) from error
        raise


def _mode(target: Path) -> int:
    with suppress(OSError):
        return target.stat().st_mode & 0o777
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def _escaped(line: str) -> str:
    if line.isprintable():
        return line
    # JSON's own escapes, so that the document stays the same document.
    return "".join(c if c.isprintable() else _json_escape(c) for c in line)


def _json_escape(char: str) -> str:
    code = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))
