# SPDX-License-Identifier: Apache-2.0
"""What knowledge costs: building and opening the file, matching 500 components, their support and notices, weighing.

    python bench/knowledge.py DATA_FOLDER

The folder is laid out as osv.dev exports it (docs/reference/knowledge-file.md); without one, the small shipped set is
measured and building is left out. Times are CPU time of this process, the best of several rounds; the peak memory of a
build is that of a fresh process.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tidegate.artifact import Digest
from tidegate.examination.priority import Exposure, weigh
from tidegate.examination.priority_profiles import PROFILES
from tidegate.inventory import Component, Ecosystem, OsRelease, PackageKind, PackageUrl, Version
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.delta import changed_ranges
from tidegate.knowledge.match import match
from tidegate.knowledge.notices import notices_of
from tidegate.knowledge.seed import build_seed
from tidegate.knowledge.support import support_of

COMPONENTS = 500
ROUNDS = 15
MADE_AT = datetime(2026, 11, 22, tzinfo=UTC)

Row = dict[str, Any]

_BUILD = """
import resource, sys, json
from datetime import datetime, UTC
from pathlib import Path
from tidegate.knowledge.build import build
build(Path(sys.argv[1]), Path(sys.argv[2]), made_at=datetime(2026, 11, 22, tzinfo=UTC))
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


def run(data: Path | None = None) -> list[Row]:
    """Measures; with a data folder also the build."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        db = Path(folder) / "knowledge.db"
        if data is None:
            build_seed(db, made_at=MADE_AT)
        else:
            seconds, megabytes = _built(data, db)
            rows += [
                _row("build of the knowledge file", seconds, "CPU s", None),
                _row("peak memory of that", megabytes, "MB", 1000),
                _row("its size", db.stat().st_size / 1e6, "MB", None),
            ]
        rows.append(_row("open the knowledge file", _best(lambda: Knowledge.open(db).close()), "CPU ms", 5))
        with Knowledge.open(db) as knowledge:
            components = _components(knowledge)
            found = len(match(knowledge, components))
            name = f"match {len(components)} components, {found} findings"
            rows.append(_row(name, _best(lambda: match(knowledge, components)), "CPU ms", 20))
            release = OsRelease(id="debian", version_id="12")
            day = MADE_AT.date()
            rows.append(
                _row(
                    f"support of {len(components)} components",
                    _best(lambda: support_of(knowledge, components, release, "python:3.8-slim", day)),
                    "CPU ms",
                    10,
                )
            )
            rows.append(
                _row(
                    f"notices of {len(components)} components",
                    _best(lambda: notices_of(knowledge, components)),
                    "CPU ms",
                    10,
                )
            )
            findings = match(knowledge, components)
            rows.append(
                _row(
                    f"weigh {len(findings)} findings",
                    _best(lambda: [weigh(one, Exposure(known=True), PROFILES["finance"], day) for one in findings]),
                    "CPU ms",
                    10,
                )
            )
            rows.append(_row("difference of equal files", _best(lambda: _differ(knowledge)), "CPU ms", None))
    return rows


def _built(data: Path, db: Path) -> tuple[float, float]:
    said = subprocess.run(
        [sys.executable, "-c", _BUILD, str(data), str(db)], check=True, capture_output=True, text=True
    )
    seconds, megabytes = json.loads(said.stdout)
    return seconds, megabytes


def _components(knowledge: Knowledge) -> list[Component]:
    """Like an image's: one in ten of a name advisories know, in a low version; the others of names they do not."""
    ecosystem = Ecosystem("Debian:12")
    number = knowledge.ecosystem_id(ecosystem)
    query = "SELECT DISTINCT name FROM affected WHERE ecosystem = ? ORDER BY name"
    known = [str(name) for (name,) in knowledge.rows(query, (number,))]
    names = [known[index * 97 % len(known)] if index % 10 == 0 else f"package-{index}" for index in range(COMPONENTS)]
    return [
        Component(
            kind=PackageKind.DEB,
            name=name,
            version=Version(f"0.{index % 7}.{index % 11}-{index % 5}+deb12u1"),
            purl=PackageUrl(f"pkg:deb/debian/{name}@1"),
            ecosystem=ecosystem,
            location="var/lib/dpkg/status",
            layer=Digest("sha256:" + "0" * 64),
            cataloger="bench",
        )
        for index, name in enumerate(names)
    ]


def _differ(knowledge: Knowledge) -> None:
    assert not list(changed_ranges(knowledge, knowledge))


def _best(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best * 1000


def _row(name: str, value: float, unit: str, target: float | None) -> Row:
    return {"name": name, "value": round(value, 3), "unit": unit, "reference": None, "ratio": None, "target": target}


if __name__ == "__main__":
    for row in run(Path(sys.argv[1]) if len(sys.argv) > 1 else None):
        print(json.dumps(row))
