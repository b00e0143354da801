# SPDX-License-Identifier: Apache-2.0
"""Until when an operating system is cared for."""

from datetime import date
from pathlib import Path

import pytest

from tidegate.inventory import OsRelease
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.support import support_of

DAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("id_", "version", "product", "cycle", "ends", "ended"),
    [
        ("alpine", "3.18.9", "alpine-linux", "3.18", date(2025, 5, 9), True),
        ("debian", "12", "debian", "12", date(2028, 6, 30), False),  # its long-term support is free
        ("ubuntu", "22.04", "ubuntu", "22.04", date(2027, 4, 1), False),  # Pro is not
        ("almalinux", "9.4", "almalinux", "9", date(2032, 5, 31), False),
        ("rocky", "8.10", "rocky-linux", "8", date(2029, 5, 31), False),
        ("rhel", "7.9", "rhel", "7", date(2024, 6, 30), True),
    ],
)
def test_known_releases(
    seed_db: Path, id_: str, version: str, product: str, cycle: str, ends: date, ended: bool
) -> None:
    with Knowledge.open(seed_db) as knowledge:
        (support,) = support_of(knowledge, (), OsRelease(id=id_, version_id=version), "", DAY)
    assert (support.product, support.cycle, support.ends, support.ended) == (product, cycle, ends, ended)


@pytest.mark.parametrize(("day", "ended"), [(date(2025, 5, 9), False), (date(2025, 5, 10), True)])
def test_the_last_day_still_counts(seed_db: Path, day: date, ended: bool) -> None:
    with Knowledge.open(seed_db) as knowledge:
        (support,) = support_of(knowledge, (), OsRelease(id="alpine", version_id="3.18.9"), "", day)
    assert support.ended == ended


@pytest.mark.parametrize(
    "release",
    [None, OsRelease(id="debian"), OsRelease(id="debian", version_id="99"), OsRelease(id="unheard", version_id="1")],
)
def test_unknown_releases_say_nothing(seed_db: Path, release: OsRelease | None) -> None:
    with Knowledge.open(seed_db) as knowledge:
        assert support_of(knowledge, (), release, "", DAY) == ()
