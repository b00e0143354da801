# SPDX-License-Identifier: Apache-2.0
"""Who asks."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who was let in.

    Attributes:
        name: as it is written into records.
        is_anonymous: nobody proved anything; only this machine's own users get that far.
    """

    name: str
    is_anonymous: bool = False


ANONYMOUS: Final = Principal(name="anonymous", is_anonymous=True)
