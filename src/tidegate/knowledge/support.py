# SPDX-License-Identifier: Apache-2.0
"""Until when an operating system is cared for (data of endoflife.date)."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from tidegate.evidence import Support
from tidegate.inventory import OsRelease
from tidegate.knowledge.database import Knowledge

_FREE_EXTENSION: Final = frozenset({"debian"})
"""Products whose extended support is free for everybody (Debian LTS), so that it counts."""

_OTHER_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amzn": "amazon-linux",
        "ol": "oracle-linux",
        "opensuse-leap": "opensuse",
        "sled": "sles",
        "sles_sap": "sles",
    }
)
"""os-release ids that endoflife.date lists under another name and does not give as an alias."""

_QUERY: Final = "SELECT product, cycle, ends, extended, latest FROM support WHERE name = ?"


def support_of(knowledge: Knowledge, os_release: OsRelease | None, at: date) -> tuple[Support, ...]:
    """Returns the support of the operating system's release; empty when nothing is known of it.

    Args:
        knowledge: the file to look in.
        os_release: what the image says it is; None for nothing.
        at: the day to judge for.

    Raises:
        InvalidInputError: the knowledge file is corrupt.
    """
    if os_release is None or not os_release.version_id:
        return ()
    for name in (os_release.id, _OTHER_NAMES.get(os_release.id, "")):
        rows = {row[1]: row for row in knowledge.rows(_QUERY, (name,))}
        if row := next((rows[cycle] for cycle in _cycles(os_release.version_id) if cycle in rows), None):
            return (_support(*row, at=at),)
    return ()


def _cycles(version: str) -> list[str]:
    """`3.18.9`, `3.18`, `3`: the release line is one of these, the longest that is known."""
    parts = version.split(".")
    return [".".join(parts[:length]) for length in range(len(parts), 0, -1)]


def _support(product: str, cycle: str, ends: str, extended: str, latest: str, *, at: date) -> Support:
    last = max(ends, extended) if product in _FREE_EXTENSION and _is_day(ends) and _is_day(extended) else ends
    day = date.fromisoformat(last) if _is_day(last) else None
    ended = last == "yes" or (day is not None and day < at)
    return Support(product=product, cycle=cycle, ends=day, ended=ended, latest=latest)


def _is_day(text: str) -> bool:
    return text[:1].isdecimal()
