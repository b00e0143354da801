# SPDX-License-Identifier: Apache-2.0
"""The second look where only a key says that something is secret: the value itself must look like one.

Names, words, paths, calls and references are everywhere behind `token =`; what was drawn at random is not.
"""

import binascii
import re
from typing import Final

from tidegate.scan.secrets.rule import Buffer, Rule, Sighting
from tidegate.scan.secrets.token import confirm_token
from tidegate.scan.secrets.wording import reads_like_words

_KEY_BEFORE: Final = re.compile(rb"([\w.$-]{1,60})[^\w.$-]{0,12}\Z")
_KEY_CHARS: Final = 80
_INNOCENT_KEYS: Final = re.compile(
    rb"public|pubkey|csrf|xsrf|forgery|tokeni[sz]|next|page|continu|sync|cancel|break|nonce|request|hash|digest|sha\d|md5"
    rb"|checksum|integrity|signature|example|sample|dummy|fake|mock|test|placeholder|regex|pattern|format|valid|hint|expir"
    rb"|(?:id|ids|name|file|path|dir|url|uri|type|arn|version|len|length|count|size|index|field|header|class|kind|ref"
    rb"|prefix|suffix|label|title|text|desc|description|min|max|ttl|age|endpoint|host|policy|mode|at)=",
    re.IGNORECASE,
)
_NOT_A_LITERAL: Final = re.compile(
    rb"\$[({A-Za-z_]|\{\{|\{[0-9A-Za-z_]*\}|<[A-Za-z]|%[({sd]|%[A-Z_]+%|\(\)|\[\]|\(|::|->|=>|&&|\|\||^[./~@*&!-]|^https?:|^arn:|^\w+\.\w+\.|\\[xu]|^\*+$|\.\.\.|\.[A-Za-z]{1,5}$|[\[({]$|^[A-Za-z]+(?:[_.][A-Za-z]+)+$"
    rb"|^[A-Za-z_]+(?:[:|][A-Za-z_\\\\]+)+$|^s(?P<bar>[/|,#!])[^/|,#!]+(?P=bar)[^/|,#!]*(?P=bar)|^[A-Z]?[a-z]+\.$|\\f[BIPR]"
    rb"|^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d[0-9:.+Z-]{0,24})?$"
    rb"|^(?:scram|hmac|pbkdf2)?[-_]?(?:sha|md|blake)[-_]?\d{1,3}(?:[-_](?:plus|hex|base64|\d{1,3}))?$"
    rb"|^(?:0x|sha\d{1,3}[-:]|vault:|enc:|ENC\[|!secret|!Ref|ref\+|op://|AgA|base64:$|-----BEGIN)"
)
_WORDS: Final = re.compile(
    rb"pass(?:word|wd|wort|phrase)?\d{0,4}!?$|passw0rd|p@ssw|secret\d{0,4}$|change_?me|admin|test|qwert|letmein|welcome|default|example|required"
    rb"|optional|undefined|null|none$|true$|false$|string|prompt|redacted|hidden|masked|your|enter|todo|foobar|hunter2|abc123|correct.?horse"
    rb"|12345|asdf|dummy|sample|placeholder|insert|secure|value|token|key$|fixme|not.?a.?real",
    re.IGNORECASE,
)
_ENDS: Final = frozenset(b"\"'`\r\n\t ,;}])<&|\\")
_BASE64: Final = re.compile(rb"[0-9A-Za-z+/]{8,}={0,2}")
_UUID: Final = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SPECIAL: Final = re.compile(rb"[^0-9A-Za-z\s]")
_MIN_PASSWORD: Final = 8
_LONG_PASSWORD: Final = 12
_MIN_DIGITS: Final = 2
_DIGITS: Final = re.compile(rb"[0-9][^0-9]*[0-9]")


def confirm_generic(rule: Rule, content: Buffer, start: int) -> Sighting | None:
    """Says whether a value behind a telling key is a token: drawn at random, and not a name, path or reference."""
    found = rule.token.match(content, start)
    if found is None or _DIGITS.search(found["secret"]) is None:  # names and words, nearly all of what is assigned
        return None
    sighting = _literal(rule, content, start)
    if sighting is None or _UUID.fullmatch(sighting.secret) or not _is_drawn(sighting.secret):
        return None
    return sighting


def confirm_password(rule: Rule, content: Buffer, start: int) -> Sighting | None:
    """Says whether a value behind a telling key is a password somebody chose or drew, and not a word or a reference."""
    sighting = _literal(rule, content, start)
    if sighting is None or len(sighting.secret) < _MIN_PASSWORD:
        return None
    secret = sighting.secret
    kinds = sum(map(bool, (re.search(rb"[0-9]", secret), re.search(rb"[a-z]", secret), re.search(rb"[A-Z]", secret))))
    kinds += bool(_SPECIAL.search(secret))
    is_mixed = kinds > _MIN_DIGITS or _is_drawn(secret) or (kinds > 1 and len(secret) >= _LONG_PASSWORD)
    return sighting if is_mixed and not reads_like_words(secret) else None


def _literal(rule: Rule, content: Buffer, start: int) -> Sighting | None:
    sighting = confirm_token(rule, content, start)
    if sighting is None or _NOT_A_LITERAL.search(sighting.secret) or _WORDS.search(sighting.secret):
        return None
    if _WORDS.search(_plain(sighting.secret)):
        return None
    end = sighting.start + len(sighting.secret)
    after = bytes(content[end : end + 1])
    if after and after[0] not in _ENDS:
        return None
    found = _KEY_BEFORE.search(bytes(content[max(0, sighting.start - _KEY_CHARS) : sighting.start]))
    return None if found and _INNOCENT_KEYS.search(found[1] + b"=") else sighting


def _plain(secret: bytes) -> bytes:
    """The text that a value is base64 of, as Kubernetes and npm keep passwords; b"" when it is none."""
    if len(secret) % 4 or not _BASE64.fullmatch(secret):
        return b""
    try:
        plain = binascii.a2b_base64(secret)
    except binascii.Error:
        return b""
    return plain if plain.isascii() and plain.decode().isprintable() else b""


def _is_drawn(secret: bytes) -> bool:
    """True for what has digits among its letters, as a random draw nearly always has, and reads like nothing."""
    digits = sum(chr(char).isdecimal() for char in secret)
    letters = sum(chr(char).isalpha() for char in secret)
    return digits >= _MIN_DIGITS and letters >= _MIN_DIGITS and not reads_like_words(secret)
