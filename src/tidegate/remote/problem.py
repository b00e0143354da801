# SPDX-License-Identifier: Apache-2.0
"""Why a server says no, in its own words."""

from typing import Any, Final

from tidegate.bounds import KIB, printable
from tidegate.errors import InvalidInputError
from tidegate.outbound import Reply
from tidegate.wire import from_json

_MAX_PROBLEM_BYTES: Final = 64 * KIB
_MAX_SHOWN_CHARS: Final = 600


def read_problem(reply: Reply) -> tuple[str, str, str]:
    """What is wrong, where, and the way out: of problem details (RFC 9457), or of the registry's and OAuth's errors."""
    try:
        document = from_json(reply.body, dict[str, Any], what="problem", max_bytes=_MAX_PROBLEM_BYTES)
    except InvalidInputError:
        return f"answered {reply.status}", "", ""
    listed = document.get("errors")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    what = document.get("title") or first.get("message") or document.get("error_description") or document.get("error")
    texts = (what or f"answered {reply.status}", document.get("instance", ""), document.get("detail", ""))
    told = [printable(text[:_MAX_SHOWN_CHARS]) if isinstance(text, str) else "" for text in texts]
    return told[0], told[1], told[2]
