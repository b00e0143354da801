# SPDX-License-Identifier: Apache-2.0
"""`tidegate serve --port 0`, but for one thing: it may be told to kill itself with SIGKILL before or after a step.

TIDEGATE_TEST_KILL is `METHOD:before` or `METHOD:after`, a step of Curation, or of another class (`CLASS.METHOD:after`).
`after` means the step has done its work and nobody was told: the worst moment for work that must be done once.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from tidegate.cli import main
from tidegate.curation.intake.taking_in import Intake
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.vending.carrying import Vending
from tidegate.curation.workflow import Curation
from tidegate.storage.folder_blobs import FolderBlobs


def deadly(step: Callable[..., Any], moment: str) -> Callable[..., Any]:
    """The step, with an end of the process before or after it."""

    def run(*arguments: Any, **named: Any) -> Any:
        if moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = step(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return result

    return run


if wanted := os.environ.get("TIDEGATE_TEST_KILL", ""):
    name, _, when = wanted.partition(":")
    owner, _, method = name.rpartition(".")
    owners = (Curation, Intake, ShelfBlobs, FolderBlobs, Vending)
    deadly_class = next(one for one in owners if one.__name__ == (owner or "Curation"))
    setattr(deadly_class, method, deadly(getattr(deadly_class, method), when))
sys.exit(main(["serve", "--port", "0"]))
