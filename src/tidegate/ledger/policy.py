# SPDX-License-Identifier: Apache-2.0
"""Which checkpoints are believed: logs, witnesses, and how many of these must have cosigned (C2SP tlog-policy)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError
from tidegate.ledger.checkpoint import Checkpoint
from tidegate.ledger.cosignature import CosignerKey, cosigned_at
from tidegate.ledger.note import NoteKey, open_note
from tidegate.ledger.note_key import parse_note_key

MAX_POLICY_BYTES: Final = 1 << 20
MAX_POLICY_NAMES: Final = 1024
"""Logs, witnesses and groups of one policy; the specification asks for 32 of each."""
_CLOCKS_APART: Final = timedelta(minutes=5)
_NONE: Final = "none"
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_COUNT: Final = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log that is believed; "" where nobody needs to reach it."""

    key: NoteKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness by its name in the policy; "" where nobody needs to reach it."""

    name: str
    key: CosignerKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Names of witnesses and groups, of which so many must have cosigned."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A checkpoint that a policy lets pass, the log's key, and who of the policy's witnesses cosigned it when."""

    checkpoint: Checkpoint
    key: NoteKey
    witnesses: dict[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPolicy:
    """A policy.

    Attributes:
        quorum: name of the witness or group that must have cosigned; `none` for nobody.
    """

    logs: tuple[KnownLog, ...] = ()
    witnesses: dict[str, Witness] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = _NONE

    def is_met(self, cosigners: Iterable[str]) -> bool:
        """True when these witnesses, by name, are enough."""
        have = set(cosigners)
        for name, group in self.groups.items():  # members stand before their group
            if len(have.intersection(group.members)) >= group.threshold:
                have.add(name)
        return self.quorum == _NONE or self.quorum in have

    def accept(self, note: str, at: datetime, *, where: str = "checkpoint") -> Accepted:
        """Reads a checkpoint that one of the logs signed and enough witnesses cosigned.

        Args:
            note: the signed checkpoint.
            at: now; a cosignature from the future does not count.
            where: what it is called in errors.

        Raises:
            InvalidInputError: it is no checkpoint.
            RefusedError: none of the logs signed it, a known key's signature does not hold, or too few cosigned.
        """
        known = [*(log.key for log in self.logs), *(witness.key for witness in self.witnesses.values())]
        text, signatures = open_note(note, known, where=where)
        checkpoint = Checkpoint.from_text(text)
        by = [item.key for item in signatures if item.key.name == checkpoint.origin and self._is_log(item.key)]
        if not by:
            raise RefusedError(
                f"not signed by a known key of {checkpoint.origin}", where=where, remedy="give the log's own key"
            )
        names = {witness.key: witness.name for witness in self.witnesses.values()}
        found: dict[str, datetime] = {}
        for item in signatures:
            if isinstance(item.key, CosignerKey) and item.key in names:
                moment = cosigned_at(item.content)
                if moment <= at + _CLOCKS_APART:
                    found[names[item.key]] = moment
        if not self.is_met(found):
            raise RefusedError(
                f"cosigned by {', '.join(sorted(found)) or 'no known witness'}, which is not the quorum {self.quorum}",
                where=where,
                remedy="wait until more witnesses have cosigned it, or ask why they refuse",
            )
        return Accepted(checkpoint=checkpoint, key=by[0], witnesses=found)

    def _is_log(self, key: NoteKey) -> bool:
        return any(log.key == key for log in self.logs)


def parse_policy(raw: bytes, *, where: str) -> LogPolicy:
    """Reads a policy file.

    Raises:
        BoundExceededError: over `MAX_POLICY_BYTES` or `MAX_POLICY_NAMES`.
        InvalidInputError: a line of it is wrong; the error names it.
    """
    if len(raw) > MAX_POLICY_BYTES:
        raise BoundExceededError("MAX_POLICY_BYTES", MAX_POLICY_BYTES, where=where)
    if _CONTROL.search(raw):
        raise InvalidInputError("has control characters in it", where=where)
    reader = _Reader()
    # Octets above 127 are opaque to the specification: kept as they are, whatever they would be read as.
    for number, line in enumerate(raw.decode("utf-8", "surrogateescape").split("\n"), start=1):
        words = re.split(r"[ \t]+", line.strip(" \t"))
        if words[0] and not words[0].startswith("#"):
            reader.read(words, f"{where}:{number}")
    return reader.policy(where)


class _Reader:
    """Takes the lines of a policy one after another."""

    def __init__(self) -> None:
        self._logs: list[KnownLog] = []
        self._witnesses: dict[str, Witness] = {}
        self._groups: dict[str, Group] = {}
        self._quorum = ""
        self._used: set[str] = set()
        self._publics: set[tuple[str, bytes]] = set()

    def read(self, words: list[str], where: str) -> None:
        if len(self._logs) + len(self._witnesses) + len(self._groups) >= MAX_POLICY_NAMES:
            raise BoundExceededError("MAX_POLICY_NAMES", MAX_POLICY_NAMES, where=where)
        kind, rest = words[0], words[1:]
        acts = {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._set_quorum}
        if kind not in acts:
            raise InvalidInputError(f"no such line: {kind[:40]!r}", where=where, remedy=f"write {', '.join(acts)}")
        acts[kind](rest, where)

    def policy(self, where: str) -> LogPolicy:
        if not self._quorum:
            raise InvalidInputError("has no quorum line", where=where, remedy="write quorum none to ask for nobody")
        return LogPolicy(logs=tuple(self._logs), witnesses=self._witnesses, groups=self._groups, quorum=self._quorum)

    def _log(self, words: list[str], where: str) -> None:
        _demand(len(words) in {1, 2}, "log <vkey> [<url>]", where)
        self._logs.append(KnownLog(self._key("log", words[0], where), *words[1:]))

    def _witness(self, words: list[str], where: str) -> None:
        _demand(len(words) in {2, 3}, "witness <name> <vkey> [<url>]", where)
        key = self._key("witness", words[1], where)
        if not isinstance(key, CosignerKey):
            raise InvalidInputError("is no witness's key", where=where, remedy="it begins with type 0x04 or 0x06")
        name = self._new_name(words[0], where)
        self._witnesses[name] = Witness(name, key, *words[2:])

    def _group(self, words: list[str], where: str) -> None:
        _demand(len(words) > 2, "group <name> all|any|<k> <name>…", where)  # noqa: PLR2004 - name, threshold, a member
        members = tuple(words[2:])
        for member in members:
            if member not in self._witnesses and member not in self._groups:
                raise InvalidInputError(f"{member[:80]!r} is no witness or group above", where=where)
            if member in self._used:
                raise InvalidInputError(f"{member[:80]!r} is in a group already", where=where)
            self._used.add(member)
        threshold = {"any": 1, "all": len(members)}.get(words[1], 0)
        if not threshold and _COUNT.fullmatch(words[1]):
            threshold = int(words[1])
        _demand(1 <= threshold <= len(members), f"a threshold from 1 to {len(members)}, any or all", where)
        self._groups[self._new_name(words[0], where)] = Group(threshold, members)

    def _set_quorum(self, words: list[str], where: str) -> None:
        _demand(len(words) == 1 and not self._quorum, "one quorum line with one name", where)
        if words[0] != _NONE and words[0] not in self._witnesses and words[0] not in self._groups:
            raise InvalidInputError(f"{words[0][:80]!r} is no witness or group above", where=where)
        self._quorum = words[0]

    def _key(self, kind: str, text: str, where: str) -> NoteKey:
        try:
            key = parse_note_key(text)
        except InvalidInputError as error:
            raise InvalidInputError(error.what, where=where) from error
        if (kind, key.public) in self._publics:
            raise InvalidInputError(f"the same {kind} key stands in it twice", where=where)
        self._publics.add((kind, key.public))
        return key

    def _new_name(self, name: str, where: str) -> str:
        if name == _NONE or name in self._witnesses or name in self._groups:
            raise InvalidInputError(f"the name {name[:80]!r} is taken", where=where)
        return name


def _demand(condition: bool, form: str, where: str) -> None:
    if not condition:
        raise InvalidInputError(f"wants {form}", where=where)
