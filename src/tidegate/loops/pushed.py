# SPDX-License-Identifier: Apache-2.0
"""Something was quarantined, or lies in one more repository: have it judged."""

from collections.abc import Callable

from tidegate.events import Event, EventKind
from tidegate.storage.consumers import Consumer

_PUSHED = frozenset({EventKind.IMAGE_QUARANTINED, EventKind.IMAGE_SHELVED})


def judge_when_pushed(submit: Callable[[str, str], None]) -> Consumer:
    """A consumer that asks for curation of every digest that enters quarantine or another repository.

    Args:
        submit: takes a key (asking twice for one key is asking once) and a digest.
    """

    def handle(event: Event, offset: int) -> None:
        submit(f"{event.subject}:{offset}", event.subject)

    return Consumer(name="loops.pushed", kinds=_PUSHED, handle=handle)
