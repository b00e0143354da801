# SPDX-License-Identifier: Apache-2.0
"""What 1,000 new advisories cost over a fleet of 100,000 images with 300 components each, and over one twice as large.

Of 60,000 components, made of the names that real advisories speak of where the large data set is there; which image has
which is drawn with a fixed seed: 200 bases that many share, and a long tail. FLEET=IMAGES makes it smaller.
"""

import json
import os
import random
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from pyroaring import BitMap

from bench.server import Row

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from postgres_server import start_postgres
from tidegate.artifact import Digest
from tidegate.curation.components.affected import components_in, images_in
from tidegate.curation.components.folding import fold
from tidegate.curation.components.holders import holders_of
from tidegate.curation.components.remembered import component_ids, component_row, remember_ids
from tidegate.inventory import Version
from tidegate.knowledge.affected import AffectedRange
from tidegate.knowledge.versions import order_of
from tidegate.oversight.fleet.answer import answer
from tidegate.oversight.fleet.parts import parts_wanted
from tidegate.oversight.fleet.wanted import Wanted
from tidegate.storage.database import Database
from tidegate.storage.migrations import migrate

IMAGES: Final = int(os.environ.get("FLEET", "100000"))
COMPONENTS: Final = 60_000
OF_AN_IMAGE: Final = 300
BASES: Final = 200
ADVISORIES: Final = 1000
ROUNDS: Final = 7
TARGET_SECONDS: Final = 2.0
WHERE_SECONDS: Final = 0.1
_ECOSYSTEMS: Final = {"Debian:12": "deb/debian", "Alpine:v3.20": "apk/alpine", "PyPI": "pypi", "npm": "npm"}
_VERSIONS: Final = tuple(f"{major}.{minor}.{patch}" for major in range(4) for minor in range(5) for patch in range(5))


def run() -> list[Row]:
    """Fills a fleet on each engine, asks, doubles it, and asks again."""
    rows: list[Row] = []
    for engine in ("SQLite", "PostgreSQL"):
        with _database(engine) as database:
            rows += _measure(engine, database)
    return rows


def _measure(engine: str, database: Database) -> list[Row]:
    chance = random.Random(7)
    names = _names(chance)
    versions = [(name, version) for name in names for version in chance.sample(_VERSIONS, 5)][:COMPONENTS]
    with database.begin() as connection:
        made = [_row(name, version) for name, version in versions]
        ids = list(component_ids(connection, {str(one["identity"]): one for one in made}))
    advisories = [_advisory(chance, *chance.choice(names)) for _ in range(ADVISORIES)]
    seconds: dict[str, float] = {}
    rows: list[Row] = []
    for number, fleet in enumerate(("a fleet", "twice the fleet")):
        sys.stderr.write(f"{engine}: writing {IMAGES} images …\n")
        began = time.perf_counter()
        _fill(database, chance, ids, range(number * IMAGES, (number + 1) * IMAGES))
        wrote = (time.perf_counter() - began) / IMAGES * 1e6
        began = time.perf_counter()
        fold(database)
        folded = (time.perf_counter() - began) / IMAGES * 1e6
        found = 0

        def ask() -> None:
            nonlocal found
            with database.read() as connection:
                found = len(images_in(connection, advisories))

        def join() -> None:
            with database.read() as connection:
                holders_of(connection, components_in(connection, advisories))

        seconds[fleet] = _median(join)
        whole = _median(ask)
        told = f"{engine}: {ADVISORIES} advisories over {fleet}, {found} of {(number + 1) * IMAGES} images"
        rows.append({"name": told, "value": whole, "unit": "s", "target": TARGET_SECONDS})
        rows.append({"name": f"{engine}: of that the join, {fleet}", "value": seconds[fleet], "unit": "s"})
        looked = _median(lambda: _where(database, names))
        rows.append({"name": f"{engine}: fleet where, {fleet}", "value": looked, "unit": "s", "target": WHERE_SECONDS})
        rows.append({"name": f"{engine}: an image of {OF_AN_IMAGE} components, written", "value": wrote, "unit": "us"})
        rows.append({"name": f"{engine}: the same, folded", "value": folded, "unit": "us"})
    ratio = seconds["twice the fleet"] / seconds["a fleet"]
    rows.append({"name": f"{engine}: the join over twice the fleet beside the fleet", "value": ratio, "unit": "x"})
    return rows


def _where(database: Database, names: Sequence[tuple[str, str]]) -> None:
    """A first page of the images that have a package, in versions below one."""
    wanted = Wanted.parse(f"pkg:{_ECOSYSTEMS[names[0][0]]}/{names[0][1]}@<2.3.0")
    with database.read() as connection:
        parts = parts_wanted(connection, wanted)
        answer(connection, parts.found, parts.unordered, after=0, limit=100)


def _median(ask: Callable[[], None]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _names(chance: random.Random) -> Sequence[tuple[str, str]]:
    wanted = COMPONENTS // 5
    return [(ecosystem, name) for ecosystem in _ECOSYSTEMS for name in _named(ecosystem, chance, wanted // 4)]


def _named(ecosystem: str, chance: random.Random, wanted: int) -> list[str]:
    folder = Path(os.environ.get("TIDEGATE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data")) / "osv"
    known: set[str] = set()
    if (file := folder / ecosystem.partition(":")[0] / "all.zip").exists():
        with zipfile.ZipFile(file) as archive:
            for name in sorted(archive.namelist())[: 4 * wanted]:
                document = json.loads(archive.read(name))
                known.update(one["package"]["name"] for one in document.get("affected", ()) if "package" in one)
    found = sorted(known)
    chance.shuffle(found)
    return [*found, *(f"package-{number}" for number in range(wanted))][:wanted]


def _row(name: tuple[str, str], version: str) -> dict[str, str | bytes | int]:
    ecosystem, package = name
    order = order_of(ecosystem)
    assert order is not None
    purl = f"pkg:{_ECOSYSTEMS[ecosystem]}/{package}@{version}"
    key = order.key(Version(version))
    return component_row(ecosystem=ecosystem, name=package, version=version, key=key, matched=True, purl=purl)


def _advisory(chance: random.Random, ecosystem: str, name: str) -> AffectedRange:
    order = order_of(ecosystem)
    assert order is not None
    low, high = sorted(order.key(Version(version)) for version in chance.sample(_VERSIONS, 2))
    return AffectedRange(ecosystem=ecosystem, name=name, low=low, high=high, advisory="A")


def _fill(database: Database, chance: random.Random, ids: list[int], numbers: range) -> None:
    bases = [chance.sample(ids, OF_AN_IMAGE // 2) for _ in range(BASES)]
    rest = OF_AN_IMAGE - OF_AN_IMAGE // 2
    for first in range(numbers.start, numbers.stop, 1000):
        with database.begin() as connection:
            for number in range(first, min(first + 1000, numbers.stop)):
                # A long tail: a few components are in very many images, most in few.
                own = {ids[int(len(ids) * chance.random() ** 3)] for _ in range(rest)}
                components = BitMap(own.union(bases[int(BASES * chance.random() ** 2)]))
                remember_ids(connection, str(Digest.of(b"image %d" % number)), components)


@contextmanager
def _database(engine: str) -> Iterator[Database]:
    with ExitStack() as stack:
        if engine == "SQLite":
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-fleet-"))
            url = f"sqlite:///{folder}/state.db"
        else:
            url = stack.enter_context(start_postgres())
        migrate(url)
        database = Database(url)
        stack.callback(database.close)
        yield database
