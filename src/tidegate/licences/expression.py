# SPDX-License-Identifier: Apache-2.0
"""What a package writes of its licences as one SPDX expression (SPDX 2.3 annex D)."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from tidegate.licences.grammar import Term, parse, renamed, render
from tidegate.licences.known import exception_id, license_id
from tidegate.licences.names import EXCEPTIONS, PUBLIC_DOMAIN, SPELLINGS

MAX_STATEMENT_CHARS: Final = 512
"""A longer statement is no name but a text, and nothing is told of it."""
MAX_STATEMENTS: Final = 64

_CLASSIFIER: Final = re.compile(r"License :: (?:OSI Approved(?: :: )?)?")
_OPERATOR: Final = re.compile(
    r"\s*(?:(\()|(\))|(?:,\s*|\s+)?(?<![\w.])(and/or|and|or|with)(?![\w.-])|(&{1,2}|\|{1,2}|[;,/|]))\s*", re.IGNORECASE
)
_EXCEPTED: Final = re.compile(r"([AL]?GPL-[0-9.]{1,9}\+?)-(?:with-)?([a-z0-9.-]{1,60}-exception)", re.IGNORECASE)
_NOISE: Final = re.compile(r"[\s,()\"'’_-]+")
_OUT_WORDS: Final = re.compile(r"^the |,? ?(?:licen[cs]e)?,? ?version (?=\d)|[.]$")
_UNKNOWN: Final = frozenset({"", "unknown", "none", "see license", "license", "other", "dual license", "noassertion"})
_OR: Final = frozenset({"or", "and/or", "|", "||", "/"})


def expression_of(statements: Sequence[str]) -> str:
    """One expression for all statements, which hold together.

    Where classifiers (Python) stand beside other words they repeat each other, so what is not SPDX is passed over when
    something is. Everywhere else a part that is not SPDX and no known spelling becomes a `LicenseRef-`.

    Returns:
        "" when nothing is stated, or nothing that could be a licence.
    """
    return _expression(tuple(statements[:MAX_STATEMENTS]))


@lru_cache(maxsize=4096)
def _expression(statements: tuple[str, ...]) -> str:
    parts = list(dict.fromkeys(part for text in statements if (part := _one(text))))
    if any(_CLASSIFIER.match(text.strip()) for text in statements):
        parts = [part for part in parts if not _is_vague(part)] or parts
    if len(parts) <= 1:
        return "".join(parts)
    tree = parse(" AND ".join(f"({part})" for part in parts))
    return render(tree) if tree is not None else ""


def _is_vague(part: str) -> bool:
    return part.startswith("LicenseRef-") and " " not in part and part != PUBLIC_DOMAIN


@lru_cache(maxsize=4096)
def _one(statement: str) -> str:
    text = _CLASSIFIER.sub("", statement.strip())
    if len(text) > MAX_STATEMENT_CHARS or "\n" in text or _plain(text) in _UNKNOWN:
        return ""
    return _named(text) or _parsed(text) or _excepted(text) or _divided(text) or _reference(text)


def _named(text: str) -> str:
    plain = _plain(text)
    if found := SPELLINGS.get(plain):
        return found
    short = _OUT_WORDS.sub(lambda found: " " if found.group().strip() else "", plain).strip()
    return SPELLINGS.get(short, "") or ("" if " " in text else license_id(text))


def _plain(text: str) -> str:
    return _NOISE.sub(" ", text.lower()).strip()


def _parsed(text: str) -> str:
    """An SPDX expression over known ids, in canonical form; "" when it is none."""
    if "," in text or (" " not in text and "(" not in text):
        return ""
    tree = parse(text)
    known = renamed(tree, _known) if tree is not None else None
    return render(known) if known is not None else ""


def _known(term: Term) -> Term | None:
    spelled = SPELLINGS.get(_plain(term.license), "")
    name = spelled if spelled and " " not in spelled else license_id(term.license)
    exception = exception_id(term.exception) if term.exception else ""
    return Term(name, exception) if name and bool(exception) == bool(term.exception) else None


def _divided(text: str) -> str:
    """An expression in another spelling (`GPLv2+ and (MIT or BSD)`, `GPL-2 | GPL-3`), part by part.

    What a comma parts is put in brackets, as Debian's format has it: `A or B, and C` is `(A or B) and C`.
    """
    out: list[str] = ["("]
    at, depth = 0, 0
    found_operator = False
    for found in _OPERATOR.finditer(text):
        opens, closes, word, sign = found.groups()
        _put(out, text[at : found.start()].strip())
        at = found.end()
        depth += bool(opens) - bool(closes)
        if opens or closes:
            out.append(opens or closes)
            continue
        found_operator = True
        told = (word or sign).lower()
        operator = "OR" if told in _OR else "WITH" if told == "with" else "AND"
        parts_all = depth == 0 and operator != "WITH" and "," in found.group()
        out += (")", operator, "(") if parts_all else (operator,)
    _put(out, text[at:].strip())
    tree = parse(" ".join([*out, ")"])) if found_operator else None
    return render(tree) if tree is not None else ""


def _put(out: list[str], name: str) -> None:
    if not name:
        return
    told = (_exception(name) if out[-1] == "WITH" else _named(name)) or _reference(name)
    # A name that stands for several ("perl") is one part among the others.
    out.append(f"({told})" if " OR " in told or " AND " in told else told)


def _exception(name: str) -> str:
    return EXCEPTIONS.get(_plain(name), "") or exception_id(name)


def _excepted(text: str) -> str:
    """`GPL-2+-with-autoconf-exception`, in one word."""
    found = _EXCEPTED.fullmatch(text)
    license_ = _named(found[1]) if found else ""
    return f"{license_} WITH {_exception(found[2]) or _reference(found[2])}" if found and license_ else ""


def _reference(text: str) -> str:
    """`LicenseRef-` and what was written, in the characters that an idstring may have."""
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:100]
    return f"LicenseRef-{slug}" if slug else ""
