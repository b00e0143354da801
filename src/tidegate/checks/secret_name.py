# SPDX-License-Identifier: Apache-2.0
"""Whether a variable's name says that its value is a secret, and whether its value could be one."""

import re
from typing import Final

_SECRET: Final = re.compile(
    r"(?:^|_)(?:PASS(?:WORD|WD|PHRASE)?|PWD|SECRETS?|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH_?KEY|ENCRYPTION_?KEY|"
    r"CREDENTIALS?|CONNECTION_STRING|DATABASE_URL|SECRET_?KEY(?:_BASE)?)(?:$|_(?!FILE|PATH|NAME|ID$|URL$|TTL|EXPIR))"
)
_HARMLESS: Final = re.compile(r"(?:_FILE|_PATH|_NAME|_ID|_TTL|_ENABLED|_LENGTH|_EXPIRY|_TYPE|_HEADER)$|^(?:OLD)?PWD$")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLAIN_URL: Final = re.compile(r"[a-z][a-z0-9+.-]{0,30}://[^@\s]*")
_REFERENCE: Final = re.compile(r"\$[A-Za-z_]\w*")
_EMPTY: Final = frozenset({"", "changeme", "none", "null", "false", "true", "0", "1", "yes", "no"})


def is_secret_name(name: str) -> bool:
    """True for names like `DB_PASSWORD`, `github.token` or `apiKey`, not for `PASSWORD_FILE` or `TOKEN_TTL`."""
    upper = _CAMEL.sub("_", name[:256]).replace("-", "_").replace(".", "_").upper()
    return bool(_SECRET.search(upper)) and not _HARMLESS.search(upper)


def looks_empty(value: str) -> bool:
    """True for a value that can be no secret: nothing, a flag, a reference to a variable, a URL without a user."""
    text = value.strip().strip("\"'").lower()
    return text in _EMPTY or is_reference(text) or bool(_PLAIN_URL.fullmatch(text))


def is_reference(value: str) -> bool:
    """True for `$NAME` or `${NAME}` alone, whose value comes from elsewhere; `${NAME:-text}` brings its own."""
    text = value.strip()
    if text.startswith("${"):
        return text.endswith("}") and ":-" not in text and ":=" not in text
    return bool(_REFERENCE.fullmatch(text))
