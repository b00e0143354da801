# SPDX-License-Identifier: Apache-2.0
"""The long run, `make fuzz`: every parser for some seconds, in children, each failure kept at its least.

python tests/fuzz/fuzz_run.py --seconds 60 --seed 7 --only 'lock-.*' --out folder
"""

import argparse
import json
import re
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from fuzz_attempt import failure_of, least
from fuzz_child import Slate, run_child
from fuzz_corpus import keep
from fuzz_hostile import hostile
from fuzz_mutation import MAX_BYTES, done, drawn
from fuzz_parser import Parser
from fuzz_roster import parsers

_GRACE_SECONDS = 30.0
_MAX_DEATHS = 5


@dataclass
class Found:
    """What a run found about one parser; `slowest` in CPU seconds."""

    tried: int = 0
    slowest: float = 0.0
    failures: dict[str, str] = field(default_factory=dict)


def main(arguments: list[str]) -> int:
    """Runs; exit status 1 when anything failed."""
    options = _options(arguments)
    failed = 0
    for parser in parsers():
        if re.fullmatch(options.only, parser.name):
            found = fuzz(parser, seconds=options.seconds, seed=options.seed, nasty=not options.mutations_only)
            failed += len(found.failures)
            told = f"{found.tried:>9,} inputs  {len(found.failures)} failures  slowest {found.slowest:.2f} s"
            print(f"{parser.name:28} {told}", flush=True)
            for failure, place in found.failures.items():
                print(f"    {failure}\n        {place}", flush=True)
    return 1 if failed else 0


def fuzz(parser: Parser, *, seconds: float, seed: int, nasty: bool = True) -> Found:
    """Tries inputs for some seconds; a child that dies is replaced, and what it died of is kept."""
    found = Found()
    until = time.monotonic() + seconds
    for life in range(_MAX_DEATHS):
        left = until - time.monotonic()
        if left <= 0 and life:
            break
        slate = Slate(MAX_BYTES * 8)
        with tempfile.TemporaryDirectory() as folder:
            notes = Path(folder) / "found.json"
            ended = run_child(
                _work(
                    parser,
                    left,
                    Random(seed * 1_000 + life + zlib.crc32(parser.name.encode())),
                    slate,
                    notes,
                    life,
                    nasty,
                ),
                seconds=left + _GRACE_SECONDS,
            )
            if notes.exists():
                told = json.loads(notes.read_text())
                found.tried += told["tried"]
                found.failures |= told["failures"]
                found.slowest = max(found.slowest, told["slowest"])
        if not ended:
            break
        found.failures[ended] = str(keep(parser.name, ended, slate.read()) or f"{len(slate.read())} bytes, not kept")
    return found


def _work(
    parser: Parser, seconds: float, random: Random, slate: Slate, notes: Path, life: int, nasty: bool
) -> Callable[[], None]:
    def work() -> None:
        found = Found()
        until = time.monotonic() + seconds
        queue = [*parser.samples, *hostile(parser.form)] if life == 0 and nasty else []
        while time.monotonic() < until or queue:
            data = queue.pop() if queue else done(random.choice(parser.samples), drawn(random), parser.samples)
            slate.write(data)
            began = time.process_time()
            failure = failure_of(parser, data)
            found.slowest = max(found.slowest, time.process_time() - began)
            found.tried += 1
            if failure and failure not in found.failures:
                small = least(parser, data, failure)
                found.failures[failure] = str(keep(parser.name, failure, small) or f"{len(small)} bytes, not kept")
            if failure or not found.tried % 200:
                notes.write_text(json.dumps(asdict(found)))
        notes.write_text(json.dumps(asdict(found)))

    return work


def _options(arguments: list[str]) -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60, help="for each parser")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default=".*", help="an expression that names of parsers match")
    options.add_argument("--mutations-only", action="store_true", help="leave out the nasty files")
    return options.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
