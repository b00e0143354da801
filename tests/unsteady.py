# SPDX-License-Identifier: Apache-2.0
"""Tells an unsteady test from a broken one: what failed in the last run is run again by itself, three times.

Few that failed beside others and pass every time alone are named, and are defects to mend, not a reason to turn a
change away (decision 0042). Exits with 1 when one fails again, or when more than `MOST` had failed.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

MOST: Final = 3
ROUNDS: Final = 3
FAILED: Final = Path(".pytest_cache/v/cache/lastfailed")


def main() -> int:
    """Runs the tests that failed again; returns what to exit with."""
    failed = sorted(json.loads(FAILED.read_bytes())) if FAILED.exists() else []
    if not 0 < len(failed) <= MOST:
        return 1
    for turn in range(1, ROUNDS + 1):
        print(f"unsteady or broken? {turn} of {ROUNDS}: {' '.join(failed)}", file=sys.stderr, flush=True)
        if subprocess.run([sys.executable, "-m", "pytest", "-q", *failed], check=False).returncode:
            return 1
    for name in failed:
        print(f"UNSTEADY: {name} failed beside others and passed {ROUNDS} times alone", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
