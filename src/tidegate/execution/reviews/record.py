# SPDX-License-Identifier: Apache-2.0
"""What a webhook did, for whoever keeps account of it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from tidegate.execution.changes_annotation import Told
from tidegate.values import Struct

MAX_CHANGES: Final = 200
"""Of one object that are told in a record; its annotation tells them as well."""


class Act(StrEnum):
    """What was done."""

    ADMITTED = "admitted"
    DENIED = "denied"
    GLASS_BROKEN = "glass-broken"
    CONNECTED = "connected"
    CONNECTION_DENIED = "connection-denied"
    ALLOWED = "allowed"
    """Somebody evicted a pod or scaled a workload, as a rule lets them."""
    CONFIGURATION_ADMITTED = "configuration-admitted"
    CONFIGURATION_DENIED = "configuration-denied"
    CHANGED = "changed"
    """What was filled in before it was judged; whether it got in, another record says."""

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
        operation: `CREATE`, `UPDATE` or `CONNECT`; `subresource` of what, "" for the object itself.
        policy: digest of the policies it was judged by.
        verdicts: what counted, by container: the verdict and until when it holds.
        rule: of ways in or of configuration that decided.
        content: digest of a ConfigMap's content; of a Secret's one that nobody can try out.
        changes: what was filled in, and why.
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
    operation: str = ""
    subresource: str = ""
    policy: str = ""
    verdicts: Mapping[str, str] = {}
    rule: str = ""
    content: str = ""
    changes: tuple[Told, ...] = ()
