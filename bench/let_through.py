# SPDX-License-Identifier: Apache-2.0
"""A process of its own that asks the kernel for programs of a file system, and lets each run without a look at it.

let_through.py PATH: the least that such a question costs on this machine.
"""

import os
import select
import sys
from pathlib import Path

from tidegate.sensor.fanotify import Fanotify, Mask


def main() -> None:
    """Answers until it is killed."""
    os.setpriority(os.PRIO_PROCESS, 0, -20)  # as the sensor does
    with Fanotify() as fanotify:
        fanotify.mark_filesystem(Path(sys.argv[1]), Mask.EXECUTE)
        print("watching", flush=True)
        poll = select.poll()
        poll.register(fanotify.fileno(), select.POLLIN)
        while True:
            poll.poll()
            for event in fanotify.events():
                fanotify.answer(event, allow=True)


if __name__ == "__main__":
    main()
