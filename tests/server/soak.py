# SPDX-License-Identifier: Apache-2.0
"""The long form of the kill loops: `soak.py MINUTES [SEED]` alternates one server and several replicas.

Prints a line a round; the first broken promise ends it with the seed that shows it again.
"""

import random
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from crash_loop import CrashLoop

from object_server import start_objects
from postgres_server import start_postgres


def main(minutes: float, seed: int) -> None:
    ends = time.monotonic() + minutes * 60
    with tempfile.TemporaryDirectory(prefix="tidegate-soak-") as name, ExitStack() as stack:
        folder = Path(name)
        postgres = stack.enter_context(start_postgres())
        objects = stack.enter_context(start_objects(folder))
        shared = (postgres, objects.url, str(objects.credentials))
        (folder / "alone").mkdir()
        (folder / "shared").mkdir()
        loops = {
            "alone": CrashLoop(folder=folder / "alone", seed=seed),
            "shared": CrashLoop(folder=folder / "shared", seed=seed, where=shared, replicas=3),
        }
        number = 0
        while time.monotonic() < ends:
            for kind, loop in loops.items():
                loop.round(number)
                made = loop.promises
                print(
                    f"{kind} {number}: {made.pushed} pushed, {made.deleted} deleted, {made.refused} refused", flush=True
                )
            number += 1
        for kind, loop in loops.items():
            print(f"{kind}: is anything left over?", flush=True)
            loop.finish()
    print(f"nothing lost, nothing half, nothing left over (seed {seed}, {number} rounds)")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10_000))
