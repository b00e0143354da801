# SPDX-License-Identifier: Apache-2.0
"""All rules, in the order of their say: where two speak of the same bytes, a later one that yields is not told."""

from typing import Final

from tidegate.scan.secrets.kinds.anybody import FRAMEWORKS, GUESSES, KEYS, LOGINS
from tidegate.scan.secrets.kinds.building import BUILDING
from tidegate.scan.secrets.kinds.clouds import CLOUDS
from tidegate.scan.secrets.kinds.hosting import HOSTING
from tidegate.scan.secrets.kinds.messages import MESSAGES
from tidegate.scan.secrets.kinds.minds import MINDS
from tidegate.scan.secrets.kinds.money import MONEY
from tidegate.scan.secrets.kinds.people import PEOPLE
from tidegate.scan.secrets.kinds.services import SERVICES
from tidegate.scan.secrets.kinds.vaults import VAULTS
from tidegate.scan.secrets.kinds.watching import WATCHING
from tidegate.scan.secrets.rule import Rule

_TABLES: Final = (
    *KEYS,
    *CLOUDS,
    *HOSTING,
    *BUILDING,
    *VAULTS,
    *MINDS,
    *MESSAGES,
    *MONEY,
    *WATCHING,
    *SERVICES,
    *PEOPLE,
    *FRAMEWORKS,
    *LOGINS,
)

RULES: Final[tuple[Rule, ...]] = (
    *(rule for rule in _TABLES if not rule.keys and not rule.yields),
    *(rule for rule in _TABLES if rule.keys or rule.yields),
    *GUESSES,
)
"""All of them. An id stays the same for ever; an order may change."""
