# SPDX-License-Identifier: Apache-2.0
"""Something changed: tell it to the stream of NATS that everybody in the house listens to."""

from typing import Final

from tidegate.events import EventKind
from tidegate.storage.consumers import BatchConsumer
from tidegate.storage.nats_sink import NatsSink

_ALL: Final = frozenset(EventKind)


def tell_nats(sink: NatsSink) -> BatchConsumer:
    """A consumer that tells every event. What a stream has stored twice has the same id."""
    return BatchConsumer(name="loops.nats", kinds=_ALL, handle=sink.tell)
