# SPDX-License-Identifier: Apache-2.0
"""Looks for secrets in many files at once: one automaton over all rules, then a second look at each hit.

Small files are laid end to end, one NUL between them (no rule matches a NUL, so no hit reaches from one file into
the next), and the automaton runs once over the lot. What is encoded or packed is decoded and looked at the same way.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Final

from tidegate.bounds import KIB, MIB
from tidegate.inventory import SecretFact
from tidegate.scan.secrets.allowlist import Allowlist
from tidegate.scan.secrets.archives import MAX_DEPTH, Budget, looks_like_archive, members
from tidegate.scan.secrets.automaton import Automaton
from tidegate.scan.secrets.chunks import opened, windows
from tidegate.scan.secrets.compiled_python import strings_of
from tidegate.scan.secrets.keystore import key_store
from tidegate.scan.secrets.looking import Hit, encoded_runs, is_text, sightings
from tidegate.scan.secrets.rule import Buffer, Rule
from tidegate.scan.secrets.rules import RULES
from tidegate.scan.secrets.telling import FLOOD, Part, flood, told
from tidegate.scan.secrets.utf16 import text_of
from tidegate.values import replace

__all__ = ["FLOOD", "MAX_FILE_BYTES", "MAX_HITS_PER_FILE", "MAX_SECRETS_PER_FILE", "SecretDetector"]

MAX_FILE_BYTES: Final = 8 * MIB
"""Bytes of a file in a batch that are looked at; larger files come in chunks."""
MAX_SECRETS_PER_FILE: Final = 1_000
"""Different secrets told of one file; past it `FLOOD` is told instead of the rest."""
MAX_HITS_PER_FILE: Final = 10_000
"""Hits of the automaton looked at again in one file, or one window of a large one; past it `FLOOD` is told."""

_FORMAT: Final = 4
"""Raised with every change of what is found by the same rules."""
_SMALL_BYTES: Final = 16 * KIB
_BATCH_BYTES: Final = MIB
_TAR_BYTES: Final = 1024
_BINARY_HEADS: Final = (
    b"\x1f\x8b\x08",
    b"PK\x03\x04",
    b"\xfe\xed\xfe\xed",
    b"\xce\xce\xce\xce",
    b"\xff\xfe",
    b"\xfe\xff",
    b"0\x82",
    b"0\x81",
    b"0.",
)


class SecretDetector:
    """Finds secrets in files. One instance serves all threads.

    Attributes:
        rules: in the order of their say.
    """

    def __init__(self, rules: Sequence[Rule] = RULES, allowlists: Sequence[Allowlist] = ()) -> None:
        """Takes the rules, and what is no secret here; nothing is compiled before the first file."""
        self.rules = tuple(rules)
        self._allowlists = tuple(allowlists)

    @cached_property
    def version(self) -> str:
        """Changes whenever the same bytes could give other facts."""
        return _version(self.rules, self._allowlists)

    def scan_batch(self, files: Sequence[tuple[str, Buffer]]) -> list[SecretFact]:
        """Looks through files; of each no more than its first `MAX_FILE_BYTES`.

        Args:
            files: path and content, each regular file of a layer once. A content may be its file's beginning only.

        Returns:
            One fact for each different secret of a file, in the files' order, by line: the line counts from 1. The
            secret itself is not in it.
        """
        facts: list[SecretFact] = []
        batch: list[tuple[str, Buffer]] = []
        filled = 0
        for file in files:
            size = len(file[1])
            if size <= _SMALL_BYTES:
                batch.append(file)
                filled += size
                if filled < _BATCH_BYTES:
                    continue
            facts += self._scan_small(batch)
            batch, filled = [], 0
            if size > _SMALL_BYTES:
                facts += self._scan_one(*file)
        return facts + self._scan_small(batch)

    def scan_chunks(self, path: str, chunks: Iterator[Buffer]) -> list[SecretFact]:
        """Looks through one large file to its end, in bounded memory; nothing is missed where chunks meet.

        Args:
            path: of the file.
            chunks: its content, in order, of any sizes; each may be used again once the next is asked for.

        Returns:
            The same facts as `scan_batch` would give for a file of this content without a bound.
        """
        source = opened(chunks)
        if source.whole is not None:
            return self._scan_one(path, source.whole, limit=len(source.whole))
        seen: dict[tuple[str, str, tuple[str, ...]], SecretFact] = {}
        budget = Budget()
        text: bool | None = None
        is_flooded = False
        for window in windows(source.chunks):
            text = is_text(window.content) if text is None else text
            hits = self._automaton.hits(window.content, MAX_HITS_PER_FILE)
            is_flooded |= len(hits) > MAX_HITS_PER_FILE
            own = [hit for hit in hits if window.start <= hit[0] < window.stop]
            part = Part(content=window.content, decoded=source.how, text=text, line=window.line, column=window.column)
            facts, full = self._inside(path, part, own, budget) if own else ([], False)
            is_flooded |= full
            for fact in facts:
                seen.setdefault((fact.rule, fact.fingerprint, fact.decoded), fact)
            if len(seen) > MAX_SECRETS_PER_FILE:
                break
        kept = sorted(seen.values(), key=_in_order)[:MAX_SECRETS_PER_FILE]
        return [*kept, flood(path)] if is_flooded or len(seen) > MAX_SECRETS_PER_FILE else kept

    @cached_property
    def _automaton(self) -> Automaton:
        return Automaton(self.rules)

    def _scan_small(self, files: list[tuple[str, Buffer]]) -> list[SecretFact]:
        if not files:
            return []
        contents = [bytes(content) for _, content in files]
        special = {index for index, content in enumerate(contents) if _is_special(content)}
        hits = self._automaton.hits(b"\0".join(contents), MAX_HITS_PER_FILE)
        if not hits and not special:
            return []
        if len(hits) > MAX_HITS_PER_FILE:  # one file's flood must not hide what lies in those after it
            return [fact for file in files for fact in self._scan_one(*file)]
        starts = list(accumulate((len(content) + 1 for content in contents), initial=0))
        of_file: dict[int, list[Hit]] = {index: [] for index in special}
        for start, trigger in hits:
            index = bisect_right(starts, start) - 1
            of_file.setdefault(index, []).append((start - starts[index], trigger))
        return [
            fact for index in sorted(of_file) for fact in self._told(files[index][0], contents[index], of_file[index])
        ]

    def _scan_one(self, path: str, content: Buffer, *, limit: int = MAX_FILE_BYTES) -> list[SecretFact]:
        if len(content) > limit:
            content = memoryview(content)[:limit]
        hits = self._automaton.hits(content, MAX_HITS_PER_FILE)
        return self._told(path, content, hits) if hits or _is_special(content) else []

    def _told(self, path: str, content: Buffer, hits: list[Hit]) -> list[SecretFact]:
        if path.endswith(".pyc"):
            facts, is_flooded = self._deeper(path, strings_of(bytes(content)), ("pyc",), Budget())
        else:
            facts, is_flooded = self._inside(path, Part(content=content, text=is_text(content)), hits, Budget())
        different: dict[tuple[str, str, tuple[str, ...]], SecretFact] = {}
        for fact in facts:
            different.setdefault((fact.rule, fact.fingerprint, fact.decoded), fact)
        kept = sorted(different.values(), key=_in_order)
        is_flooded |= len(kept) > MAX_SECRETS_PER_FILE
        return [*kept[:MAX_SECRETS_PER_FILE], flood(path)] if is_flooded else kept

    def _inside(self, path: str, part: Part, hits: list[Hit], budget: Budget) -> tuple[list[SecretFact], bool]:
        """Everything in one content and in what is encoded or packed in it; True when there was too much."""
        content = part.content
        is_flooded = len(hits) > MAX_HITS_PER_FILE
        found = sightings(
            self.rules, self._automaton.triggers, content, hits, text=part.text, limit=MAX_SECRETS_PER_FILE
        )
        if part.is_whole and (store := key_store(content)) is not None:
            found.insert(0, store)
        facts = told(path, part, found, self._allowlists)
        if len(part.decoded) >= MAX_DEPTH:
            return facts, is_flooded
        for how, plain in _packed(content, budget) if part.is_whole else ():
            inner, full = self._deeper(path, plain, (*part.decoded, how), budget)
            facts += inner
            is_flooded |= full
        taken = [(one.start, one.start + len(one.secret)) for one in found]
        ruler = part.ruler()
        for run in encoded_runs(self._automaton.triggers, content, hits, taken):
            if budget.left <= 0:
                break
            budget.left -= len(run.plain)
            inner, full = self._deeper(path, run.plain, (*part.decoded, run.encoding.value), budget)
            is_flooded |= full
            if inner:
                line, column = ruler.at(run.start)
                facts += [replace(fact, line=line, column=column) for fact in inner]
        return facts, is_flooded

    def _deeper(
        self, path: str, content: bytes, decoded: tuple[str, ...], budget: Budget
    ) -> tuple[list[SecretFact], bool]:
        hits = self._automaton.hits(content, MAX_HITS_PER_FILE)
        if not hits and not _is_special(content):
            return [], False
        return self._inside(path, Part(content=content, decoded=decoded, text=is_text(content)), hits, budget)


def _packed(content: Buffer, budget: Budget) -> Iterator[tuple[str, bytes]]:
    if looks_like_archive(content):
        for member in members(content, budget):
            yield member.how, member.content
    elif (text := text_of(content)) is not None:
        yield "utf-16", text


def _is_special(content: Buffer) -> bool:
    """True for what is to be looked at even without a hit: it may be an archive, a key store or UTF-16."""
    head = bytes(content[:4])
    return (
        head.startswith(_BINARY_HEADS)
        or (head[1:2] == b"\0" and head[3:4] == b"\0")
        or (head[:1] == b"\0" and head[2:3] == b"\0")
        or (len(content) >= _TAR_BYTES and looks_like_archive(content))
    )


def _in_order(fact: SecretFact) -> tuple[int, int, tuple[str, ...], str]:
    return fact.line, fact.column, fact.decoded, fact.rule


def _version(rules: Sequence[Rule], allowlists: Sequence[Allowlist]) -> str:
    told_of = [
        (
            one.id,
            one.trigger,
            one.pattern,
            one.keys,
            one.back,
            one.min_entropy,
            one.stands_alone,
            one.in_binaries,
            one.yields,
            one.allows,
        )
        for one in rules
    ]
    return f"{_FORMAT}-{hashlib.sha256(repr((told_of, allowlists)).encode()).hexdigest()[:12]}"
