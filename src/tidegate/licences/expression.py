# SPDX-License-Identifier: Apache-2.0
"""What a package writes of its licences as one SPDX expression (SPDX 2.3 annex D)."""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from tidegate.licences.library import is_known, parsed
from tidegate.licences.names import SPELLINGS
from tidegate.values import msgspec

MAX_STATEMENT_CHARS: Final = 512
"""A longer statement is no name but a text, and nothing is told of it."""
MAX_STATEMENTS: Final = 64

_CLASSIFIER: Final = re.compile(r"License :: (?:OSI Approved(?: :: )?)?")
_OPERATOR: Final = re.compile(
    r"\s*(?:(\()|(\))|(?:,\s*|\s+)?(?<![\w.])(and/or|and|or|with)(?![\w.-])|(&{1,2}|\|{1,2}|[;,/|]))\s*", re.IGNORECASE
)
_NOISE: Final = re.compile(r"[\s,()\"'’_-]+")
_OUT_WORDS: Final = re.compile(r"^the |,? ?(?:licen[cs]e)?,? ?version (?=\d)|[.]$")
_UNKNOWN: Final = frozenset({"", "unknown", "none", "see license", "license", "other", "dual license", "noassertion"})
_OR: Final = frozenset({"or", "and/or", "|", "||", "/"})


def expression_of(statements: Sequence[str]) -> str:
    """One expression for all statements, which hold together.

    A classifier repeats what a licence field says more exactly (Python), so one that leaves the version open is passed
    over when the others tell it. A part that is not SPDX and no known spelling becomes a `LicenseRef-`.

    Returns:
        "" when nothing is stated, or nothing that could be a licence.
    """
    parts = [part for text in statements[:MAX_STATEMENTS] if (part := _one(text))]
    distinct = list(dict.fromkeys(parts))
    known = [part for part in distinct if not _is_vague(part)]
    chosen = known or distinct
    if len(chosen) == 1:
        return chosen[0]
    return " AND ".join(f"({part})" if " OR " in part else part for part in chosen)


def _is_vague(part: str) -> bool:
    return part.startswith("LicenseRef-") and " " not in part and part != "LicenseRef-Public-Domain"


@lru_cache(maxsize=4096)
def _one(statement: str) -> str:
    text = _CLASSIFIER.sub("", statement.strip())
    if len(text) > MAX_STATEMENT_CHARS or "\n" in text or _plain(text) in _UNKNOWN:
        return ""
    return _named(text) or _parsed(text) or _divided(text) or _reference(text)


def _named(text: str) -> str:
    plain = _plain(text)
    short = _OUT_WORDS.sub(lambda found: " " if found.group().strip() else "", plain).strip()
    return _ids().get(text.lower(), "") or SPELLINGS.get(plain, "") or SPELLINGS.get(short, "")


def _plain(text: str) -> str:
    return _NOISE.sub(" ", text.lower()).strip()


def _parsed(text: str) -> str:
    """An SPDX expression over known ids, in canonical form; "" when it is none."""
    if " " not in text and "(" not in text:
        return ""
    tree = parsed(text)
    return str(tree.render()) if tree is not None and is_known(tree) else ""


def _divided(text: str) -> str:
    """An expression in another spelling (`GPLv2+ and (MIT or BSD)`, `GPL-2 | GPL-3`), part by part."""
    out: list[str] = []
    at, depth, found_operator = 0, 0, False
    for found in _OPERATOR.finditer(text):
        opens, closes, word, sign = found.groups()
        name = text[at : found.start()].strip()
        at = found.end()
        if name:
            out.append(_named(name) or _reference(name))
        if opens:
            depth += 1
            out.append("(")
        elif closes:
            depth -= 1
            out.append(")")
        else:
            found_operator = True
            told = (word or sign).lower()
            out.append("OR" if told in _OR else "WITH" if told == "with" else "AND")
    if text[at:].strip():
        out.append(_named(text[at:].strip()) or _reference(text[at:].strip()))
    whole = " ".join(out).replace("( ", "(").replace(" )", ")")
    tree = parsed(whole) if found_operator and depth == 0 else None
    return str(tree.render()) if tree is not None else ""


def _reference(text: str) -> str:
    """`LicenseRef-` and what was written, in the characters that an idstring may have."""
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:100]
    return f"LicenseRef-{slug}" if slug else ""


@cache
def _ids() -> dict[str, str]:
    """SPDX ids by their lower-case form."""
    raw = files("license_expression").joinpath("data", "scancode-licensedb-index.json").read_bytes()
    entries: list[dict[str, Any]] = msgspec.json.decode(raw)
    found: dict[str, str] = {}
    for entry in entries:
        current = entry.get("spdx_license_key") or ""
        if not current or current.startswith("LicenseRef-") or entry.get("is_exception"):
            continue
        for key in (current, *(entry.get("other_spdx_license_keys") or ())):
            found.setdefault(key.lower(), current)
    return found
