# SPDX-License-Identifier: Apache-2.0
"""Something was quarantined: have it judged."""

from collections.abc import Callable

from tidegate.events import Event, EventKind
from tidegate.storage.consumers import Consumer


def judge_when_quarantined(submit: Callable[[str, str], None]) -> Consumer:
    """A consumer that asks for curation of every digest that enters quarantine.

    Args:
        submit: takes a key (asking twice for one key is asking once) and a digest.
    """

    def handle(event: Event, offset: int) -> None:
        submit(f"{event.subject}:{offset}", event.subject)

    return Consumer(name="loops.pushed", kinds=frozenset({EventKind.IMAGE_QUARANTINED}), handle=handle)
