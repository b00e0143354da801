# SPDX-License-Identifier: Apache-2.0
"""Who takes images from the shelf: as far as curation needs to know them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """Somebody who pulls.

    Attributes:
        name: of the principal.
        groups: it belongs to.
        address: the connection came from, as text; "" when it is not known.
        is_anonymous: nobody proved anything.
    """

    name: str
    groups: frozenset[str] = frozenset()
    address: str = ""
    is_anonymous: bool = False


NOBODY: Final = Consumer(name="")
"""Asked for by tidegate itself."""
