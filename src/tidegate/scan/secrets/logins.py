# SPDX-License-Identifier: Apache-2.0
"""The second look at logins: in addresses and headers, in files that hold them, and at JSON web tokens and keys."""

import binascii
import json
import re
from typing import Final

from tidegate.bounds import KIB
from tidegate.scan.secrets.published import PUBLISHED
from tidegate.scan.secrets.rule import Buffer, Rule, Sighting
from tidegate.scan.secrets.token import confirm_token

_NO_PASSWORD: Final = re.compile(
    rb"^(?:pass(?:word|wd|phrase)?\d{0,4}|pw|pwd|secret|test(?:ing)?|change_?me|token|user(?:name)?|admin|root|guest|foo|bar|baz|abc\d*|xyz|x+|\*+|\.+"
    rb"|postgres|mysql|redis|mongo|rabbitmq|example|your.*|my.*|some.*|the.*|api.?key|key|hunter2|1234\d*|<.*>|\[.*\]|:?port|[a-z]{1,5}|s3cr3t|qwerty\d*|system|master|default|database|wachtwoord|passwort|mot.?de.?passe|contrase\w+a|pass.*)$"
    rb"|\$|\{|\}|%[sdv(]|%7[Bb]|xxx|\.\.\.|\*\*\*|redacted|placeholder|password|secret|example",
    re.IGNORECASE,
)
_NO_HOST: Final = re.compile(
    rb"@(?:[\w.-]{0,80}\.)?(?:example|invalid|test)(?:\.(?:com|org|net))?(?![\w.-])", re.IGNORECASE
)
_EXAMPLE_MACHINE: Final = re.compile(
    rb"machine\s+(?:[\w.-]{0,80}\.)?(?:example|invalid|test)(?:\.(?:com|org|net|netrc))?(?![\w.-])", re.IGNORECASE
)
_AROUND_BYTES: Final = KIB
_KEY_TYPE: Final = re.compile(rb"\"kty\"\s{0,8}:\s{0,8}\"(?:EC|RSA|OKP)\"")
_MAX_TOKEN_BYTES: Final = 8 * KIB
_MAX_HEADER_BYTES: Final = 4 * KIB
_URL_SAFE: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def confirm_login(rule: Rule, content: Buffer, start: int) -> Sighting | None:
    """Says whether an address carries a real password: not an example's, a variable's, or the user's own name."""
    sighting = confirm_token(rule, content, start)
    if sighting is None or _NO_PASSWORD.search(sighting.secret):
        return None
    end = sighting.start + len(sighting.secret)
    user = bytes(content[start + 3 : sighting.start - 1])
    if user == sighting.secret or _NO_HOST.match(bytes(content[end : end + 200])):
        return None
    return sighting


def confirm_netrc(rule: Rule, content: Buffer, start: int) -> Sighting | None:
    """Says whether a file of logins holds a password rather than a word for one."""
    sighting = confirm_token(rule, content, start)
    if sighting is None or _NO_PASSWORD.search(sighting.secret):
        return None
    return None if _EXAMPLE_MACHINE.search(bytes(content[start : sighting.start])) else sighting


def confirm_basic(rule: Rule, content: Buffer, start: int) -> Sighting | None:
    """Says whether a Basic header carries a user and a password (RFC 7617, section 2)."""
    sighting = confirm_token(rule, content, start)
    if sighting is None:
        return None
    user, colon, password = _decoded(sighting.secret).partition(b":")
    is_login = bool(user and colon and password) and password.isascii() and user.isascii()
    return sighting if is_login and user != password and not _NO_PASSWORD.search(password) else None


def confirm_jwt(rule: Rule, content: Buffer, start: int) -> Sighting | None:
    """Says whether header and payload are JSON objects and the header names an algorithm (RFC 7515, section 4.1.1)."""
    found = rule.token.match(content, start)
    if found is None:
        return None
    before = bytes(content[max(0, start - _MAX_HEADER_BYTES) : start])
    header = before[len(before.rstrip(_URL_SAFE)) :]
    payload = found[0].split(b".")[1]
    head, body = _json(header), _json(payload)
    is_token = (
        header + found[0] not in PUBLISHED
        and head is not None
        and body is not None
        and isinstance(head.get("alg"), str)
        and head["alg"] != "none"
    )
    return Sighting(rule=rule.id, start=start - len(header), secret=header + found[0]) if is_token else None


def confirm_jwk(rule: Rule, content: Buffer, start: int) -> Sighting | None:
    """Says whether a `d` stands in a JSON web key (RFC 7518, section 6)."""
    sighting = confirm_token(rule, content, start)
    around = bytes(content[max(0, start - 2 * _AROUND_BYTES) : start + 2 * _AROUND_BYTES])
    return sighting if sighting is not None and _KEY_TYPE.search(around) else None


def confirm_kubeconfig_key(rule: Rule, content: Buffer, start: int) -> Sighting | None:
    """Says whether `client-key-data` is base64 of a PEM private key."""
    sighting = confirm_token(rule, content, start)
    return sighting if sighting is not None and b"PRIVATE KEY" in _decoded(sighting.secret)[:80] else None


def _json(part: bytes) -> dict[str, object] | None:
    try:
        value = json.loads(_decoded(part[:_MAX_TOKEN_BYTES]))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _decoded(text: bytes) -> bytes:
    plain = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return binascii.a2b_base64(plain + b"=" * (-len(plain) % 4))
    except binascii.Error:
        return b""
