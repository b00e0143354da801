# SPDX-License-Identifier: Apache-2.0
"""A Hyperscan database: expressions that are looked for all at once.

It is compiled on first use and not kept on disk: a compiled automaton read back from a folder would be native code by
another name.
"""

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from tidegate.scan.secrets.rule import Buffer
from tidegate.values import Struct

if TYPE_CHECKING:
    import hyperscan


class Expression(Struct, frozen=True, kw_only=True):
    """One expression.

    Attributes:
        number: what its hits are told under.
        once: it is told once a content, as if it began at 0: all that is asked is whether it is there.
    """

    number: int
    text: bytes
    is_caseless: bool = False
    once: bool = False


class Database:
    """Finds expressions. One instance serves all threads."""

    def __init__(self, expressions: Sequence[Expression]) -> None:
        self._expressions = expressions
        self._lock = threading.Lock()
        self._compiled: hyperscan.Database | None = None
        self._of_thread = threading.local()

    def hits(self, content: Buffer, limit: int) -> list[tuple[int, int]]:
        """Where expressions hit, as start and number; of more than `limit` only the first `limit` + 1."""
        import hyperscan  # a layer that is known already is scanned without it

        hits: list[tuple[int, int]] = []

        def note(number: int, start: int, _end: int, _flags: int, _context: object) -> bool:
            hits.append((start, number))
            return len(hits) > limit

        database, scratch = self._ready()
        with suppress(hyperscan.ScanTerminated):
            # The stub knows no memoryview; the extension takes any buffer.
            database.scan(content, match_event_handler=note, scratch=scratch)  # type: ignore[type-var]
        return hits

    def _ready(self) -> "tuple[hyperscan.Database, hyperscan.Scratch]":
        """The one database, and this thread's own scratch space."""
        import hyperscan

        scratch = getattr(self._of_thread, "scratch", None)
        if self._compiled is None or scratch is None:
            with self._lock:
                self._compiled = self._compiled or _compiled(self._expressions)
                scratch = self._of_thread.scratch = hyperscan.Scratch(self._compiled)
        return self._compiled, scratch


def expression_fits(expression: str, *, is_caseless: bool = False, once: bool = False) -> str:
    """Why a database cannot take an expression; "" when it can. Arguments as of `Expression`."""
    import hyperscan

    try:
        _compiled((Expression(number=0, text=expression.encode(), is_caseless=is_caseless, once=once),))
    except hyperscan.HyperscanError as error:
        return str(error) or "not an expression of the automaton"
    return ""


def _compiled(expressions: Sequence[Expression]) -> "hyperscan.Database":
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[one.text for one in expressions],
        ids=[one.number for one in expressions],
        elements=len(expressions),
        flags=[
            (hyperscan.HS_FLAG_SINGLEMATCH if one.once else hyperscan.HS_FLAG_SOM_LEFTMOST)
            | (hyperscan.HS_FLAG_CASELESS if one.is_caseless else 0)
            for one in expressions
        ],
    )
    return database
