# SPDX-License-Identifier: Apache-2.0
"""What people have said of secrets: `.gitleaksignore`, baselines, inline comments, allow-lists; and what came of it."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import IdleWord, InVain, SaidIn, SuppressedSecret, Word
from tidegate.inventory import LocatedSecret, SecretFact
from tidegate.scan.secrets.allowlist import Allowlist
from tidegate.scan.secrets.rules import RULES
from tidegate.scan.secrets.telling import fingerprint_of
from tidegate.values import Struct

MAX_BYTES: Final = 256 * MIB
"""Of an ignore file or a baseline."""
MAX_ENTRIES: Final = 1_000_000

_MAX_LINE_DIGITS: Final = 12
_OTHER_NAMES: Final = {name: rule.id for rule in RULES for name in rule.also_known_as}
_OUR_NAMES: Final = frozenset(rule.id for rule in RULES)


class Allowance(Struct, frozen=True, kw_only=True):
    """One entry: a secret by its fingerprint, or by where it lies.

    Attributes:
        fingerprint: ours; "" when it goes by place.
        rule: ours or another scanner's; "" for any.
        line: 0 for any.
    """

    word: Word
    fingerprint: str = ""
    rule: str = ""
    path: str = ""
    line: int = 0
    commit: str = ""

    def fits(self, fact: SecretFact) -> bool:
        """Whether it speaks of a secret."""
        if self.fingerprint:
            return fact.fingerprint == self.fingerprint
        return (
            bool(self.path)
            and fact.path.removeprefix("/") == self.path.removeprefix("/")
            and self.line in {0, fact.line}
            and (not self.commit or fact.commit == self.commit)
            and _is_same_rule(self.rule, fact.rule)
        )


def apply_allowances(
    secrets: Sequence[LocatedSecret], allowances: Sequence[Allowance], allowlists: Sequence[Allowlist] = ()
) -> tuple[tuple[LocatedSecret, ...], tuple[SuppressedSecret, ...], tuple[IdleWord, ...]]:
    """Parts secrets into those that count and those that somebody allowed.

    Args:
        secrets: as found.
        allowances: of ignore files and baselines.
        allowlists: those whose commits are to be looked at; the rest of them was heard when the secret was found.

    Returns:
        What is kept, what is suppressed and by whom, and the entries that silenced nothing.
    """
    by_print: dict[str, Allowance] = {}
    by_path: dict[str, list[Allowance]] = {}
    for one in allowances:
        if one.fingerprint:
            by_print.setdefault(one.fingerprint, one)
        else:
            by_path.setdefault(one.path.removeprefix("/"), []).append(one)
    kept: list[LocatedSecret] = []
    suppressed: list[SuppressedSecret] = []
    used: set[int] = set()
    for located in secrets:
        fact = located.secret
        candidates = [by_print[fact.fingerprint]] if fact.fingerprint in by_print else []
        candidates += [one for one in by_path.get(fact.path.removeprefix("/"), ()) if one.fits(fact)]
        used.update(map(id, candidates))
        word = candidates[0].word if candidates else _inline(fact) or _by_commit(fact, allowlists)
        if word is None:
            kept.append(located)
        else:
            suppressed.append(SuppressedSecret(secret=located, by=word))
    idle = tuple(IdleWord(word=one.word, why=InVain.UNUSED) for one in allowances if id(one) not in used)
    return tuple(kept), tuple(suppressed), idle


def read_gitleaksignore(text: str, *, where: str = ".gitleaksignore") -> tuple[list[Allowance], list[IdleWord]]:
    """Reads lines of `file:rule:line` and `commit:file:rule:line`; what follows a `#` is a comment.

    Returns:
        The entries, and the lines that are none.

    Raises:
        BoundExceededError: too large, or too many entries.
    """
    if len(text) > MAX_BYTES:
        raise BoundExceededError("MAX_BYTES", MAX_BYTES, where=where)
    found: list[Allowance] = []
    malformed: list[IdleWord] = []
    for number, raw in enumerate(text.splitlines(), 1):
        entry = raw.partition("#")[0].strip()
        if not entry:
            continue
        word = Word(
            said_in=SaidIn.GITLEAKSIGNORE,
            source=f"{where}:{number}",
            id=entry,
            status="ignored",
            reason=raw.partition("#")[2].strip(),
        )
        allowance = _parsed(entry, word)
        if allowance is None:
            malformed.append(IdleWord(word=word, why=InVain.MALFORMED, detail="not file:rule:line"))
        else:
            found.append(allowance)
        if len(found) > MAX_ENTRIES:
            raise BoundExceededError("MAX_ENTRIES", MAX_ENTRIES, where=where)
    return found, malformed


def read_baseline(raw: bytes, *, where: str) -> list[Allowance]:
    """Reads a baseline: gitleaks' JSON report, our own scan report, or what `written_baseline` wrote.

    Raises:
        BoundExceededError: too large, or too many entries.
        InvalidInputError: none of these.
    """
    if len(raw) > MAX_BYTES:
        raise BoundExceededError("MAX_BYTES", MAX_BYTES, where=where)
    try:
        text = raw.decode(json.detect_encoding(raw))
        document: Any = json.loads(text)
        _refuse_half_pairs(text, document)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"not JSON: {error}", where=where) from error
    entries = (
        document if isinstance(document, list) else document.get("secrets") if isinstance(document, dict) else None
    )
    if not isinstance(entries, list):
        raise InvalidInputError(
            "neither a report of gitleaks nor one of tidegate", where=where, remedy="write one with --write-baseline"
        )
    if len(entries) > MAX_ENTRIES:
        raise BoundExceededError("MAX_ENTRIES", MAX_ENTRIES, where=where)
    return [one for entry in entries if isinstance(entry, dict) for one in _known(entry, where)]


def _refuse_half_pairs(text: str, document: Any) -> None:
    """Python's reader takes half a surrogate pair for text; nothing that holds one can be written again."""
    if "\\ud" in text or "\\uD" in text:
        json.dumps(document, ensure_ascii=False).encode()


def written_baseline(secrets: Iterable[LocatedSecret]) -> bytes:
    """A baseline of these secrets, as JSON; it holds fingerprints and places, and nothing of a secret."""
    entries = [
        {"fingerprint": it.fingerprint, "rule": it.rule, "path": it.path, "line": it.line, "commit": it.commit}
        for it in (located.secret for located in secrets)
    ]
    return json.dumps({"secrets": entries}, indent=1, ensure_ascii=True).encode() + b"\n"


def _parsed(entry: str, word: Word) -> Allowance | None:
    front, _, last = entry.rpartition(":")
    path, _, rule = front.rpartition(":")
    if not path or not rule or not last.isdecimal() or len(last) > _MAX_LINE_DIGITS:
        return None
    commit, colon, rest = path.partition(":")
    is_commit = bool(colon) and len(commit) == 40 and all(char in "0123456789abcdef" for char in commit)  # noqa: PLR2004 - SHA-1 in hex
    return Allowance(
        word=word, rule=rule, path=rest if is_commit else path, line=int(last), commit=commit if is_commit else ""
    )


def _known(entry: dict[str, Any], where: str) -> list[Allowance]:
    fact = entry["secret"] if isinstance(entry.get("secret"), dict) else entry
    mark = fact.get("fingerprint")
    if isinstance(mark, str) and mark:
        word = Word(said_in=SaidIn.BASELINE, source=where, id=mark, status="ignored")
        return [Allowance(word=word, fingerprint=mark)]
    rule, path, line = entry.get("RuleID"), entry.get("File"), entry.get("StartLine")
    if not isinstance(rule, str) or not isinstance(path, str) or not isinstance(line, int):
        return []
    word = Word(
        said_in=SaidIn.BASELINE,
        source=where,
        id=str(entry.get("Fingerprint") or f"{path}:{rule}:{line}"),
        status="ignored",
    )
    commit = entry.get("Commit")
    placed = Allowance(word=word, rule=rule, path=path, line=line, commit=commit if isinstance(commit, str) else "")
    secret = entry.get("Secret")
    if not isinstance(secret, str) or secret in {"", "REDACTED"} or secret.endswith("..."):
        return [placed]
    return [placed, Allowance(word=word, fingerprint=fingerprint_of(_OTHER_NAMES.get(rule, rule), secret.encode()))]


def _is_same_rule(said: str, ours: str) -> bool:
    """Another scanner's name for a rule counts as ours; one that means nothing to us goes by its place."""
    if not said or said == ours or _OTHER_NAMES.get(said) == ours:
        return True
    return said not in _OUR_NAMES and said not in _OTHER_NAMES


def _inline(fact: SecretFact) -> Word | None:
    if not fact.allowed:
        return None
    return Word(said_in=SaidIn.INLINE, source=f"{fact.path}:{fact.line}", id=fact.allowed, status="ignored")


def _by_commit(fact: SecretFact, allowlists: Sequence[Allowlist]) -> Word | None:
    for one in allowlists:
        if fact.commit and one.allows_commit(fact):
            return Word(said_in=SaidIn.GITLEAKSIGNORE, source=one.name, id=fact.commit, status="ignored")
    return None
