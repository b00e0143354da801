# SPDX-License-Identifier: Apache-2.0
"""The second look at a registry login: `"auth"` in a Docker client configuration is base64 of `user:password`."""

import binascii
import re
from typing import Final

from tidegate.bounds import KIB
from tidegate.scan.secrets.rule import Buffer, Rule, Sighting

_AROUND_BYTES: Final = KIB
_AUTHS: Final = re.compile(
    rb"\"auths?\"\s*:\s*\{|\"https?://|\"[\w.-]{1,200}(?::\d{1,5})?(?:/[\w./-]{0,200})?\"\s*:\s*\{"
)
_PLACEHOLDERS: Final = re.compile(rb"^(?:pass(?:word|wd)?|secret|test|changeme|token|x+|\*+|<.*>|\$.*)$", re.IGNORECASE)


def confirm_registry_auth(rule: Rule, content: Buffer, start: int) -> Sighting | None:
    """Says whether an `"auth"` entry carries a user and a password, below a registry's name.

    Args:
        rule: the rule of registry logins.
        content: the whole file.
        start: where `"auth"` begins.
    """
    found = rule.token.match(content, start)
    if found is None or not _AUTHS.search(bytes(content[max(0, start - _AROUND_BYTES) : start])):
        return None
    secret = bytes(found["secret"])
    try:
        login = binascii.a2b_base64(secret, strict_mode=True)
        user, colon, password = login.partition(b":")
        is_login = bool(user and colon and password) and login.decode().isprintable()
    except ValueError:  # not base64, or not text
        return None
    if not is_login or _PLACEHOLDERS.match(password):
        return None
    return Sighting(rule=rule.id, start=found.start("secret"), secret=secret)
