# SPDX-License-Identifier: Apache-2.0
"""Looks for secrets in many files at once: one automaton over all rules, then a second look at each hit.

Small files are laid end to end, text apart from what is none, one NUL between them (no rule matches a NUL, so no hit
reaches from one file into the next), and the automaton runs once over the lot. What is encoded or packed is decoded and
looked at the same way.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, chain
from operator import itemgetter
from typing import Final

from tidegate.bounds import KIB, MIB
from tidegate.inventory import SecretFact
from tidegate.scan.secrets.allowlist import Allowlist
from tidegate.scan.secrets.archives import MAX_DEPTH, Budget, looks_like_archive, members
from tidegate.scan.secrets.automaton import Automaton
from tidegate.scan.secrets.chunks import opened, windows
from tidegate.scan.secrets.compiled_python import strings_near
from tidegate.scan.secrets.keystore import key_store
from tidegate.scan.secrets.looking import TEXT_PROBE_BYTES, Hit, encoded_runs, is_text, sightings
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

_FORMAT: Final = 7
"""Raised with every change of what is found by the same rules."""
_SMALL_BYTES: Final = 16 * KIB
_BATCH_BYTES: Final = 256 * KIB
_BYTECODE: Final = ".pyc"
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
        found: list[tuple[int, list[SecretFact]]] = []
        batches = (_Batch(), _Batch())
        for index, (path, content) in enumerate(files):
            if len(content) > _SMALL_BYTES:
                found.append((index, self._scan_one(path, content)))
                continue
            small = bytes(content)
            text = small.find(b"\0", 0, TEXT_PROBE_BYTES) < 0 or path.endswith(_BYTECODE)
            batch = batches[text]
            batch.take(index, path, small, is_special=_is_special(small, text=text))
            if batch.size >= _BATCH_BYTES:
                found += self._scan_small(batch, text=text)
                batch.clear()
        found += chain(self._scan_small(batches[False], text=False), self._scan_small(batches[True], text=True))
        found.sort(key=itemgetter(0))
        return [fact for _, facts in found for fact in facts]

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
            text = _reads_as_text(path, window.content) if text is None else text
            hits = self._hits(window.content, text=text)
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
    def _automatons(self) -> tuple[Automaton, Automaton]:
        """For binaries, and for text."""
        return Automaton(self.rules, text=False), Automaton(self.rules, text=True)

    def _hits(self, content: Buffer, *, text: bool) -> list[Hit]:
        return self._automatons[text].hits(content, MAX_HITS_PER_FILE)

    def _scan_small(self, batch: "_Batch", *, text: bool) -> Iterator[tuple[int, list[SecretFact]]]:
        """Facts of each file that has some, by its number."""
        of_file = self._hits_of_each(batch, text=text)
        if of_file is None:  # one file's flood must not hide what lies in those after it
            for index, path, content in zip(batch.numbers, batch.paths, batch.contents, strict=True):
                yield index, self._scan_one(path, content)
            return
        for place, own in of_file.items():
            yield batch.numbers[place], self._told(batch.paths[place], batch.contents[place], own, text=text)

    def _hits_of_each(self, batch: "_Batch", *, text: bool) -> dict[int, list[Hit]] | None:
        """Hits in each file of a batch that has some, or is special, by its place; None when there are too many."""
        contents = batch.contents
        of_file: dict[int, list[Hit]] = {place: [] for place in batch.special}
        hits = self._hits(b"\0".join(contents), text=text) if contents else []
        if len(hits) > MAX_HITS_PER_FILE:
            return None
        starts = list(accumulate((len(content) + 1 for content in contents), initial=0)) if hits else []
        for start, trigger in hits:
            place = bisect_right(starts, start) - 1
            of_file.setdefault(place, []).append((start - starts[place], trigger))
        return of_file

    def _scan_one(self, path: str, content: Buffer, *, limit: int = MAX_FILE_BYTES) -> list[SecretFact]:
        if len(content) > limit:
            content = memoryview(content)[:limit]
        text = _reads_as_text(path, content)
        hits = self._hits(content, text=text)
        return self._told(path, content, hits, text=text) if hits or _is_special(content, text=text) else []

    def _told(self, path: str, content: Buffer, hits: list[Hit], *, text: bool) -> list[SecretFact]:
        if path.endswith(_BYTECODE):
            strings = strings_near(bytes(content), {start for start, _ in hits})
            facts, is_flooded = self._deeper(path, strings, ("pyc",), Budget())
        else:
            facts, is_flooded = self._inside(path, Part(content=content, text=text), hits, Budget())
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
        triggers = self._automatons[part.text].triggers
        found = sightings(self.rules, triggers, content, hits, limit=MAX_SECRETS_PER_FILE)
        if part.is_whole and (store := key_store(content)) is not None:
            found.insert(0, store)
        facts = told(path, part, found, self._allowlists)
        if len(part.decoded) >= MAX_DEPTH:
            return facts, is_flooded
        if part.is_whole:
            inner, full = self._members_inside(path, _packed(content, budget), part.decoded, budget)
            facts += inner
            is_flooded |= full
        taken = [(one.start, one.start + len(one.secret)) for one in found]
        ruler = part.ruler()
        for run in encoded_runs(triggers, content, hits, taken):
            if budget.left <= 0:
                break
            budget.left -= len(run.plain)
            inner, full = self._deeper(path, run.plain, (*part.decoded, run.encoding.value), budget)
            is_flooded |= full
            if inner:
                line, column = ruler.at(run.start)
                facts += [replace(fact, line=line, column=column) for fact in inner]
        return facts, is_flooded

    def _members_inside(
        self, path: str, packed: Iterator[tuple[str, bytes]], decoded: tuple[str, ...], budget: Budget
    ) -> tuple[list[SecretFact], bool]:
        """The same of all members of an archive, small ones in batches as files are."""
        found: list[SecretFact] = []
        is_flooded = False
        batches = (_Batch(), _Batch())
        for how, plain in packed:
            if len(plain) > _SMALL_BYTES:
                inner, full = self._deeper(path, plain, (*decoded, how), budget)
                found += inner
                is_flooded |= full
                continue
            text = is_text(plain)
            batches[text].take(0, how, plain, is_special=_is_special(plain, text=text))
            if batches[text].size >= _BATCH_BYTES:
                is_flooded |= self._take_members(path, batches[text], decoded, budget, found, text=text)
        for text in (False, True):
            is_flooded |= self._take_members(path, batches[text], decoded, budget, found, text=text)
        return found, is_flooded

    def _take_members(
        self,
        path: str,
        batch: "_Batch",
        decoded: tuple[str, ...],
        budget: Budget,
        found: list[SecretFact],
        *,
        text: bool,
    ) -> bool:
        """Adds what is in a batch of members, and empties it; True when there was too much."""
        is_flooded = False
        of_member = self._hits_of_each(batch, text=text)
        if of_member is None:
            of_member = {place: self._hits(content, text=text) for place, content in enumerate(batch.contents)}
        for place, own in of_member.items():
            how, content = batch.paths[place], batch.contents[place]
            inner, full = self._inside(path, Part(content=content, decoded=(*decoded, how), text=text), own, budget)
            found += inner
            is_flooded |= full
        batch.clear()
        return is_flooded

    def _deeper(
        self, path: str, content: bytes, decoded: tuple[str, ...], budget: Budget
    ) -> tuple[list[SecretFact], bool]:
        text = is_text(content)
        hits = self._hits(content, text=text)
        if not hits and not _is_special(content, text=text):
            return [], False
        return self._inside(path, Part(content=content, decoded=decoded, text=text), hits, budget)


class _Batch:
    """Small files that the automaton reads at once.

    Attributes:
        numbers: of the files among all.
        special: places in the batch of what is to be looked at even without a hit.
        size: bytes of all contents.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begins anew."""
        self.numbers: list[int] = []
        self.paths: list[str] = []
        self.contents: list[bytes] = []
        self.special: list[int] = []
        self.size = 0

    def take(self, number: int, path: str, content: bytes, *, is_special: bool) -> None:
        """Takes one file."""
        if is_special:
            self.special.append(len(self.numbers))
        self.numbers.append(number)
        self.paths.append(path)
        self.contents.append(content)
        self.size += len(content)


def _reads_as_text(path: str, content: Buffer) -> bool:
    """True for text, and for what has text in it that is taken out later."""
    return path.endswith(_BYTECODE) or is_text(content)


def _packed(content: Buffer, budget: Budget) -> Iterator[tuple[str, bytes]]:
    if looks_like_archive(content):
        for member in members(content, budget):
            yield member.how, member.content
    elif (text := text_of(content)) is not None:
        yield "utf-16", text


def _is_special(content: Buffer, *, text: bool) -> bool:
    """True for what is to be looked at even without a hit: it may be an archive, a key store or UTF-16."""
    head = bytes(content[:4])
    if head.startswith(_BINARY_HEADS):
        return True
    if text:  # neither UTF-16 nor a tar file is without a NUL near its beginning
        return False
    is_utf16 = (head[1:2] == b"\0" and head[3:4] == b"\0") or (head[:1] == b"\0" and head[2:3] == b"\0")
    return is_utf16 or (len(content) >= _TAR_BYTES and looks_like_archive(content))


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
