# SPDX-License-Identifier: Apache-2.0
"""Globs over paths of an image, as `doublestar` understands them, which Trivy, Syft and gitleaks' users write."""

import re
from functools import lru_cache
from typing import Final

MAX_ALTERNATIVES: Final = 1_000
"""Words of all `{a,b}` of one glob; of one with more, braces are characters like any other."""

_PARTS: Final = re.compile(r"\A\*\*/|/\*\*/|/\*\*\Z|\*+|\?|\[!?\]?[^]/]*\]|\{|\}|,|\\.|.", re.DOTALL)
_WORDS: Final = {"/**/": "/(?:[^/]+/)*", "**/": "(?:[^/]+/)*", "/**": "(?:/.*)?", "?": "[^/]"}


@lru_cache(maxsize=1024)
def path_pattern(glob: str) -> re.Pattern[str]:
    """Compiles a glob; it has to match the whole of a path without its leading slash.

    `*` stands for anything within one name, `**` between slashes for any number of folders (`a/**` for `a` as well),
    `?` for one character, `[a-z]` and `[!a-z]` for one of those, `{a,b}` for either. A leading `/` or `./` says
    nothing: a glob always begins at the root.
    """
    text = glob.removeprefix("./").lstrip("/")
    if text == "**":
        return re.compile(".*", re.DOTALL)
    with_braces = text.count("{") == text.count("}") and text.count(",") < MAX_ALTERNATIVES
    made, depth = [], 0
    for part in _PARTS.findall(text):
        if with_braces and part == "{":
            depth += 1
            made.append("(?:")
        elif with_braces and part == "}" and depth:
            depth -= 1
            made.append(")")
        elif part == "," and depth:
            made.append("|")
        else:
            made.append(_translated(part))
    return re.compile("".join(made) + ")" * depth, re.DOTALL)


def _translated(part: str) -> str:
    if part in _WORDS:
        return _WORDS[part]
    if part[0] == "*":
        return "[^/]*"
    if part[0] == "[" and len(part) > 1:
        return _one_of(part[1:-1])
    return re.escape(part[-1])


def _one_of(text: str) -> str:
    sign = "^/" if text.startswith("!") else ""
    inner = text.removeprefix("!").replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("^", "\\^")
    inner = inner.replace("&&", "&\\&").replace("||", "|\\|").replace("~~", "~\\~").replace("--", "-\\-")
    try:
        return re.compile(f"[{sign}{inner}]").pattern
    except re.error:  # an empty or a backward range fits nothing
        return r"(?!)"
