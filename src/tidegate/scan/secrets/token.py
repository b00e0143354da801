# SPDX-License-Identifier: Apache-2.0
"""The second look at a token: its whole form, its randomness, and whether it is somebody's example."""

import math
import re
from collections import Counter
from typing import Final

from tidegate.scan.secrets.published import PUBLISHED
from tidegate.scan.secrets.rule import Buffer, Rule, Sighting
from tidegate.scan.secrets.wording import reads_like_words

_PLACEHOLDERS: Final = re.compile(
    rb"example|placeholder|changeme|redacted|dummy|sample|insert|replace|fake_?token|your_?token"
    rb"|<[\w:. -]{2,40}>|xxxxx|\*\*\*\*|00000000|12345678|abcdefgh|deadbeef",
    re.IGNORECASE,
)
_CAMEL_CASE: Final = re.compile(rb"(?:[A-Z][a-z]{2,}){2,}")
_WORD: Final = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")


def confirm_token(rule: Rule, content: Buffer, start: int) -> Sighting | None:
    """Says whether a trigger's hit is a secret of its rule.

    Args:
        rule: whose trigger hit.
        content: the whole file.
        start: where the trigger began.

    Returns:
        None when it stands inside a longer word, has another form, too little entropy, or is a known placeholder.
    """
    if rule.stands_alone and not _starts_a_word(content, start - rule.back):
        return None
    found = rule.token.match(content, max(0, start - rule.back))
    if found is None:
        return None
    secret = bytes(found["secret"])
    if secret in PUBLISHED or entropy(secret) < rule.min_entropy or _PLACEHOLDERS.search(secret):
        return None
    if rule.keys and secret.isalpha() and (_CAMEL_CASE.fullmatch(secret) or reads_like_words(secret)):
        return None  # a name in code, where only a key tells
    if rule.allowed is not None and rule.allowed.search(secret):
        return None
    return Sighting(rule=rule.id, start=found.start("secret"), secret=secret, note=_note(rule, secret))


def entropy(secret: bytes) -> float:
    """Shannon entropy of the characters' own frequencies, in bits a character."""
    size = len(secret)
    counts = Counter(secret).values()
    return math.log2(size) - sum([count * math.log2(count) for count in counts if count > 1]) / size if size else 0.0


def _note(rule: Rule, secret: bytes) -> str:
    return "" if rule.check is None or rule.check(secret) else "its checksum does not fit"


def _starts_a_word(content: Buffer, start: int) -> bool:
    before = bytes(content[max(0, start - 3) : start])
    # In JSON and in URLs a letter may belong to an escape: \\n, %3D.
    return not before or before[-1] not in _WORD or before[-2:-1] == b"\\" or before[:1] == b"%"
