# SPDX-License-Identifier: Apache-2.0
"""Knowledge from settings; the small set that is shipped stands in until a full one is fetched."""

import logging

from tidegate.clock import Clock
from tidegate.knowledge.seed import build_seed
from tidegate.settings import Settings

_log = logging.getLogger(__name__)


def ensure_knowledge(settings: Settings, clock: Clock) -> bool:
    """Builds the knowledge file from the shipped set when there is none at all.

    Returns:
        True when the shipped set was put in place: enough to try tidegate, not to rely on.
    """
    if settings.db.exists():
        return False
    settings.db.parent.mkdir(parents=True, exist_ok=True)
    build_seed(settings.db, made_at=clock())
    _log.warning("no knowledge file yet: using the small set that is shipped; run `tidegate db update` for a full one")
    return True
