# SPDX-License-Identifier: Apache-2.0
"""What is fuzzed: one reader of bytes that others made, and what may come out of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.errors import TidegateError
from tidegate.scan.cataloger import PartialError
from tidegate.wire import to_json

NAMED: tuple[type[Exception], ...] = (TidegateError, PartialError)
"""All that may come out of a reader because of its input."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """One reader.

    Attributes:
        name: unique in the roster; the folder of its corpus.
        form: decides which words are put into its input and which nasty files it is given.
        read: reads one input to its end; raises one of `NAMED` or nothing.
        samples: sound input, at least one; short ones are tried more often.
        slow: costs more than some milliseconds an input, so it is given fewer.
    """

    name: str
    form: str
    read: Callable[[bytes], object]
    samples: tuple[bytes, ...]
    slow: bool = False

    def __post_init__(self) -> None:
        assert _NAME.fullmatch(self.name), self.name
        assert self.samples, self.name


def text_of(data: bytes) -> str:
    """Input of readers of text: bytes that are not UTF-8 become lone surrogates, as the system gives odd file names."""
    return data.decode("utf-8", "surrogateescape")


def clean_text_of(data: bytes) -> str:
    """Input of readers whose callers have decoded strictly or with replacement."""
    return data.decode("utf-8", "replace")


def told(value: object) -> object:
    """What was read must be fit for every output: it has a JSON form."""
    to_json(value)
    return value
