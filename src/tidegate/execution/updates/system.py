# SPDX-License-Identifier: Apache-2.0
"""Distributions and their releases, as `ID VERSION_ID` of os-release tells them: `alpine 3.20.3`, `debian 12`."""

import re
from typing import Final

_NUMBERS_OF_A_RELEASE: Final = {"alpine": 2, "ubuntu": 2, "opensuse-leap": 2, "amzn": 1}
_DIGITS: Final = re.compile(r"[0-9]{1,18}")


def is_same(one: str, other: str) -> bool:
    """True for one release of one distribution: point releases of it are the same."""
    return one.partition(" ")[0] == other.partition(" ")[0] and _release(one) == _release(other)


def is_older(one: str, other: str) -> bool:
    """True when one's release is before the other's, of the same distribution."""
    return _release(one) < _release(other)


def _release(system: str) -> tuple[int, ...]:
    name, _, version = system.partition(" ")
    numbers = tuple(int(found[0]) for found in _DIGITS.finditer(version))
    return numbers[: _NUMBERS_OF_A_RELEASE.get(name, 1)]
