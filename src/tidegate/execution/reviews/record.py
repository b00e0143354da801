# SPDX-License-Identifier: Apache-2.0
"""What a webhook did, for whoever keeps account of it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from tidegate.values import Struct


class Act(StrEnum):
    """What was done."""

    ADMITTED = "admitted"
    DENIED = "denied"
    GLASS_BROKEN = "glass-broken"
    CONNECTED = "connected"
    CONNECTION_DENIED = "connection-denied"

    @property
    def is_grave(self) -> bool:
        """True for what is on disk before it is answered."""
        return self in {Act.GLASS_BROKEN, Act.CONNECTED}


class Record(Struct, frozen=True, kw_only=True):
    """One answer.

    Attributes:
        id: the question's own, the same when it is asked again.
        by: who asked the API server.
        images: digest by container; "" where nobody knows it.
        references: as they were written, by container.
        is_made: a controller made it of another object.
        reasons: why it was denied, or let through all the same.
    """

    id: str
    at: datetime
    act: Act
    cluster: str
    namespace: str
    kind: str
    name: str
    by: str
    owner: str = ""
    images: Mapping[str, str] = {}
    references: Mapping[str, str] = {}
    is_made: bool = False
    reasons: tuple[str, ...] = ()
