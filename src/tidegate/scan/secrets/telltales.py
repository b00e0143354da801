# SPDX-License-Identifier: Apache-2.0
"""How encoded secrets betray themselves: what the beginnings of secrets look like in base64, hex and percent encoding.

Nobody could decode all that looks like base64. But a word has only three faces in it, by its place in the group of
three bytes (RFC 4648, section 4), and those are found by the automaton at no cost; what is around them is decoded then.
"""

import base64
from enum import StrEnum
from typing import Final

from tidegate.values import Struct


class Encoding(StrEnum):
    """How something is encoded, as `SecretFact.decoded` names it."""

    BASE64 = "base64"
    HEX = "hex"
    PERCENT = "percent"


class Telltale(Struct, frozen=True, kw_only=True):
    """What to look for; `phase` is the place of its first character in its group of four, for base64."""

    encoding: Encoding
    encoded: bytes
    phase: int = 0


# fmt: off
_WORDS: Final = (
    "-----BEGIN ", "PRIVATE KEY", "PuTTY-User", "AGE-SECRET", "password", "PASSWORD", "Password", "passwd", "secret",
    "SECRET", "Secret", "token", "TOKEN", "Token", "api_key", "API_KEY", "apikey", "apiKey", "access_key",
    "ACCESS_KEY", "credential", "AccountKey", "AccessKey", "postgres", "mysql://", "mongodb", "redis://", "amqp://",
    "AKIA", "ASIA", "AIza", "GOCSPX-", "ya29.", "LTAI", "dop_v1_", "dapi", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
    "github_pat_", "glpat-", "gldt-", "glrt-", "ATATT3", "ATBB", "npm_", "pypi-AgE", "rubygems_", "dckr_pat_", "AKCp",
    "atlasv1.", "hvs.", "dp.pt.", "sk-ant-", "sk-proj-", "sk-or-v1", "T3BlbkFJ", "api_org_", "gsk_", "nvapi-",
    "pplx-", "xoxb-", "xoxp-", "xoxa-", "xapp-", "hooks.slack", "webhooks/", "sk_live_", "rk_live_", "whsec_", "EAAA",
    "shpat_", "shpss_", "NRAK-", "glsa_", "glc_", "sntrys_", "dt0c01.", "SG.", "lin_api_", "figd_", "eyJhbGci",
    "PMAK-", "pul-", "tskey-", "sbp_", "xkeysib-",
)
# fmt: on
_MIN_CHARS: Final = 5
_MAGICS: Final = ("H4sIA", "UEsDB")
"""gzip and zip at the beginning of base64."""


def _faces(word: str) -> list[Telltale]:
    faces: list[Telltale] = []
    for before in range(3):
        text = base64.b64encode(bytes(before) + word.encode())
        first, last = -(-before * 8 // 6), (before + len(word)) * 8 // 6
        if last - first >= _MIN_CHARS:
            faces.append(Telltale(encoding=Encoding.BASE64, encoded=text[first:last], phase=first % 4))
    return faces


TELLTALES: Final = tuple(
    {
        face.encoded: face
        for face in (
            *(face for word in _WORDS for face in _faces(word)),
            *(Telltale(encoding=Encoding.BASE64, encoded=magic.encode()) for magic in _MAGICS),
        )
    }.values()
)
HEX_RUN: Final = Telltale(encoding=Encoding.HEX, encoded=rb"(?:[2-7][0-9a-fA-F]){20}")
"""Twenty bytes of ASCII in hex: one hash in three hundred million looks like it."""
ANY_HEX: Final = rb"[0-9a-fA-F]{40}"
"""As many digits, whatever they say."""
PERCENT: Final = Telltale(encoding=Encoding.PERCENT, encoded=rb"%(?:3[ADad]|2[2Ff]|40|7[Bb])")
"""What stands between keys and values, percent-encoded."""
