# SPDX-License-Identifier: Apache-2.0
"""What is told of one setting, beside its type and its default."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What is told of one setting.

    Attributes:
        low: least number allowed; `high` the greatest; None for no such bound.
        under_home: the default's path under the home folder; "" when it does not lie there.
    """

    meaning: str
    low: float | None = None
    high: float | None = None
    under_home: str = ""
