# SPDX-License-Identifier: Apache-2.0
"""Looks for secrets in many files at once: one Hyperscan automaton over all rules, then a second look at each hit.

Small files are laid end to end, one NUL between them (no rule matches a NUL, so no hit reaches from one file into
the next), and the automaton runs once over the lot. It is compiled on first use, in 20 ms, and not kept on disk:
a compiled automaton read back from a folder would be native code by another name.
"""

import hashlib
import threading
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from tidegate.bounds import KIB, MIB
from tidegate.inventory import SecretFact
from tidegate.scan.secrets.rule import Buffer, Rule, Sighting
from tidegate.scan.secrets.rules import RULES
from tidegate.scan.secrets.token import confirm_token

if TYPE_CHECKING:
    import hyperscan

MAX_FILE_BYTES: Final = 8 * MIB
"""Bytes of a file that are looked at; more is passed over."""
MAX_SECRETS_PER_FILE: Final = 1_000
"""Different secrets told of one file; past it `FLOOD` is told instead of the rest."""
MAX_HITS_PER_FILE: Final = 10_000
"""Hits of the automaton looked at again in one file; past it `FLOOD` is told instead of the rest."""
FLOOD: Final = "secret-flood"
"""Not a kind of token: a file was so full of hits that the rest of them was not looked at."""

_FORMAT: Final = 1
_SMALL_BYTES: Final = 16 * KIB
_BATCH_BYTES: Final = MIB
_TEXT_PROBE_BYTES: Final = 8_000
_SHOWN_CHARS: Final = 4
_ID_BITS: Final = 8


class SecretDetector:
    """Finds secrets in files. One instance serves all threads.

    Attributes:
        version: changes whenever the same bytes could give other facts.
    """

    def __init__(self, rules: Sequence[Rule] = RULES) -> None:
        """Takes the rules; nothing is compiled before the first file."""
        self.version = _version(rules)
        self._rules = tuple(rules)
        self._lock = threading.Lock()
        self._database: hyperscan.Database | None = None
        self._of_thread = threading.local()

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

    def _scan_small(self, files: list[tuple[str, Buffer]]) -> list[SecretFact]:
        if not files:
            return []
        hits = self._hits(b"\0".join([content for _, content in files]))
        if not hits:
            return []
        if len(hits) > MAX_HITS_PER_FILE:  # one file's flood must not hide what lies in those after it
            return [fact for file in files for fact in self._scan_one(*file)]
        starts = list(accumulate((len(content) + 1 for _, content in files), initial=0))
        of_file: dict[int, list[int]] = {}
        for hit in hits:
            index = bisect_right(starts, hit >> _ID_BITS) - 1
            of_file.setdefault(index, []).append(hit - (starts[index] << _ID_BITS))
        return [fact for index in sorted(of_file) for fact in self._told(*files[index], of_file[index])]

    def _scan_one(self, path: str, content: Buffer) -> list[SecretFact]:
        if len(content) > MAX_FILE_BYTES:
            content = memoryview(content)[:MAX_FILE_BYTES]
        hits = self._hits(content)
        return self._told(path, content, hits) if hits else []

    def _hits(self, content: Buffer) -> list[int]:
        """Where rules hit, packed as start and number of the rule."""
        import hyperscan  # a layer that is known already is scanned without it

        hits: list[int] = []

        def note(rule: int, start: int, _end: int, _flags: int, _context: object) -> bool:
            hits.append(start << _ID_BITS | rule)
            return len(hits) > MAX_HITS_PER_FILE

        database, scratch = self._automaton()
        with suppress(hyperscan.ScanTerminated):
            # The stub knows no memoryview; the extension takes any buffer.
            database.scan(content, match_event_handler=note, scratch=scratch)  # type: ignore[type-var]
        return hits

    def _told(self, path: str, content: Buffer, hits: list[int]) -> list[SecretFact]:
        seen: dict[tuple[str, bytes], Sighting] = {}
        is_flooded = len(hits) > MAX_HITS_PER_FILE
        is_text = b"\0" not in bytes(content[:_TEXT_PROBE_BYTES])
        for hit in dict.fromkeys(hits):
            rule = self._rules[hit & (1 << _ID_BITS) - 1]
            if not is_text and not rule.in_binaries:
                continue
            sighting = (rule.confirm or confirm_token)(rule, content, hit >> _ID_BITS)
            if sighting is not None:
                seen.setdefault((sighting.rule, sighting.secret), sighting)
            if len(seen) > MAX_SECRETS_PER_FILE:
                is_flooded = True
                break
        facts = _located(path, content, sorted(seen.values(), key=lambda sighting: sighting.start))
        return [*facts[:MAX_SECRETS_PER_FILE], _flood(path)] if is_flooded else facts

    def _automaton(self) -> "tuple[hyperscan.Database, hyperscan.Scratch]":
        """The one database, and this thread's own scratch space."""
        import hyperscan

        scratch = getattr(self._of_thread, "scratch", None)
        if self._database is None or scratch is None:
            with self._lock:
                self._database = self._database or _compiled(self._rules)
                scratch = self._of_thread.scratch = hyperscan.Scratch(self._database)
        return self._database, scratch


def _compiled(rules: Sequence[Rule]) -> "hyperscan.Database":
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[rule.trigger for rule in rules],
        ids=list(range(len(rules))),
        elements=len(rules),
        flags=hyperscan.HS_FLAG_SOM_LEFTMOST,
    )
    return database


def _located(path: str, content: Buffer, sightings: list[Sighting]) -> list[SecretFact]:
    facts: list[SecretFact] = []
    line, counted = 1, 0
    for sighting in sightings:
        line += bytes(content[counted : sighting.start]).count(b"\n")
        counted = sighting.start
        facts.append(
            SecretFact(
                rule=sighting.rule,
                path=path,
                line=line,
                redacted=_redacted(sighting),
                fingerprint=hashlib.sha256(sighting.rule.encode() + b"\0" + sighting.secret).hexdigest(),
            )
        )
    return facts


def _redacted(sighting: Sighting) -> str:
    size = len(sighting.secret)
    shown = sighting.shown or sighting.secret[:_SHOWN_CHARS].decode("ascii", "replace") + "…"
    return f"{shown} ({size} characters)"


def _flood(path: str) -> SecretFact:
    fingerprint = hashlib.sha256(f"{FLOOD}\0{path}".encode(errors="surrogateescape")).hexdigest()
    return SecretFact(rule=FLOOD, path=path, line=1, redacted="the rest was not looked at", fingerprint=fingerprint)


def _version(rules: Sequence[Rule]) -> str:
    told = [
        (rule.id, rule.trigger, rule.token.pattern, rule.min_entropy, rule.stands_alone, rule.in_binaries)
        for rule in rules
    ]
    return f"{_FORMAT}-{hashlib.sha256(repr(told).encode()).hexdigest()[:12]}"
