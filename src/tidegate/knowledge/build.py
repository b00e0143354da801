# SPDX-License-Identifier: Apache-2.0
"""Builds a knowledge file from a folder in the public OSV layout, in one go and whole or not at all."""

import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tidegate.bounds import printable
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError, OutsideError
from tidegate.evidence import KnowledgeStamp
from tidegate.knowledge.archive import Entry
from tidegate.knowledge.context import Context, Exploited, Likelihood, read_exploited, read_likelihoods
from tidegate.knowledge.layout import Layout, Source, find, read_document
from tidegate.knowledge.limits import KnowledgeLimits
from tidegate.knowledge.native_status import read_statuses
from tidegate.knowledge.osv import Advisory, OsvReader
from tidegate.knowledge.package_status import PackageStatus, package_status
from tidegate.knowledge.products import Products, read_products
from tidegate.knowledge.staging import Staging
from tidegate.knowledge.target import lookup_ecosystem
from tidegate.knowledge.versions import family
from tidegate.knowledge.writing import Written, write
from tidegate.values import Struct, field, replace

Progress = Callable[[str], None]
"""Is told, in a few words, what is being read."""


def silent(_: str) -> None:
    """The progress nobody watches."""


class BuildReport(Struct, frozen=True, kw_only=True):
    """What went into a file, and what did not.

    Attributes:
        skipped: broken entries; `skipped_names` says which and why, up to `KnowledgeLimits.max_named_skips`.
        withdrawn: records left out because their source took them back.
        unordered: by ecosystem, ranges and versions left out because no order here can place them;
            `unordered_names` gives examples.
    """

    stamp: KnowledgeStamp
    size_bytes: int
    advisories: int
    ranges: int
    ecosystems: tuple[str, ...]
    withdrawn: int
    skipped: int
    skipped_names: tuple[str, ...]
    unordered: dict[str, int]
    unordered_names: tuple[str, ...]
    exploited: int
    likelihoods: int
    products: int
    statuses: int = 0


def build(
    source: Path,
    to: Path,
    *,
    made_at: datetime,
    progress: Progress = silent,
    limits: KnowledgeLimits | None = None,
) -> BuildReport:
    """Builds the knowledge file `to` from the folder `source` (laid out as `tidegate.knowledge.layout` says).

    A broken entry is skipped, counted and named in the report. The file appears whole or not at all; the same input
    and `made_at` give the same bytes.

    Args:
        source: the folder.
        to: the file; an older one is replaced.
        made_at: the moment written into the file; moments in the input after it do not raise the sequence.
        progress: told what is being read.
        limits: bounds on the input.

    Raises:
        NotFoundError: there is no such folder.
        InvalidInputError: it holds no advisories, or a zip, KEV, EPSS or support document as a whole is broken.
        BoundExceededError: over one of the limits.
        OutsideError: the disk failed.
    """
    limits = limits or KnowledgeLimits()
    layout = find(source, limits)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{to.name}.", dir=to.parent) as folder:
            whole = Path(folder) / "whole"
            report = _Build(limits, progress).run(layout, Path(folder) / "staged", whole, made_at)
            _settle(whole, to)
    except (OSError, sqlite3.Error) as error:
        raise OutsideError(f"cannot be written: {error}", where=str(to)) from error
    return report


class _Build(Struct):
    limits: KnowledgeLimits
    progress: Progress
    skipped: int = 0
    skipped_names: list[str] = field(default_factory=list)
    unordered: Counter[str] = field(default_factory=Counter)
    unordered_names: list[str] = field(default_factory=list)
    moments: list[str] = field(default_factory=list)
    statuses: set[PackageStatus] = field(default_factory=set)

    def run(self, layout: Layout, staged: Path, whole: Path, made_at: datetime) -> BuildReport:
        staging = Staging(staged)
        try:
            self._stage(layout, staging, made_at)
            context = self._context(layout)
            sequence = _sequence((*self.moments, *context.moments), made_at)
            self.progress("writing")
            staging.seal()
            written = write(
                whole, staging, staged, context, covered=_covered(layout), sequence=sequence, made_at=made_at
            )
            withdrawn = staging.withdrawn
        finally:
            staging.close()
        stamp = KnowledgeStamp(sequence=sequence, digest=written.digest, made_at=made_at)
        return self._report(stamp, written, context, withdrawn, whole.stat().st_size)

    def _report(
        self, stamp: KnowledgeStamp, written: Written, context: Context, withdrawn: int, size_bytes: int
    ) -> BuildReport:
        return BuildReport(
            stamp=stamp,
            size_bytes=size_bytes,
            advisories=written.advisories,
            ranges=written.ranges,
            ecosystems=written.ecosystems,
            withdrawn=withdrawn,
            skipped=self.skipped,
            skipped_names=tuple(self.skipped_names),
            unordered=dict(sorted(self.unordered.items())),
            unordered_names=tuple(self.unordered_names),
            exploited=len(context.exploited),
            likelihoods=len(context.likelihoods),
            products=len(context.products.categories),
            statuses=len(context.statuses),
        )

    def _stage(self, layout: Layout, staging: Staging, made_at: datetime) -> None:
        reader = OsvReader(self.limits)
        newest, latest = "", rfc3339(made_at)
        for source in layout.sources:
            self.progress(source.ecosystem)
            home = family(source.ecosystem)
            for entry in source.entries(self.limits):
                if entry.why:
                    self._skip(source.ecosystem, entry.name, entry.why)
                elif not staging.knows(entry.data, home) and (advisory := self._read(reader, source, entry)):
                    if advisory.modified <= latest:
                        newest = max(newest, advisory.modified)
                    staging.take(_at_home(advisory, home), entry.data, home)
        self.moments.append(newest)

    def _read(self, reader: OsvReader, source: Source, entry: Entry) -> Advisory | None:
        try:
            advisory = reader.read(entry.data, where=entry.name)
        except BoundExceededError:
            raise
        except InvalidInputError as error:
            self._skip(source.ecosystem, entry.name, error.what)
            return None
        self._count_unordered(advisory.unordered)
        if not advisory.withdrawn:
            said = (advisory.id, advisory.summary)
            found = (package_status(*one, "", "abandoned", ": ".join(filter(None, said))) for one in advisory.abandoned)
            self.statuses.update(one for one in found if one is not None)
        return advisory

    def _skip(self, ecosystem: str, name: str, why: str) -> None:
        self.skipped += 1
        if len(self.skipped_names) < self.limits.max_named_skips:
            self.skipped_names.append(f"{ecosystem}/{name}: {printable(why)[:200]}")

    def _count_unordered(self, unordered: tuple[str, ...]) -> None:
        for one in unordered:
            self.unordered[one.split(":", 1)[0].split(" ", 1)[0]] += 1
            if ": no order" not in one and len(self.unordered_names) < self.limits.max_named_skips:
                self.unordered_names.append(printable(one)[:200])

    def _context(self, layout: Layout) -> Context:
        self.progress("exploited flaws, likelihoods, support dates")
        exploited: dict[str, Exploited] = {}
        likelihoods: dict[str, Likelihood] = {}
        released = scored = ""
        if layout.kev:
            exploited, released = read_exploited(
                read_document(layout.kev, self.limits), self.limits, where=str(layout.kev)
            )
        if layout.epss:
            likelihoods, scored = read_likelihoods(
                read_document(layout.epss, self.limits), self.limits, where=str(layout.epss)
            )
        products = Products()
        if layout.eol:
            products = read_products(read_document(layout.eol, self.limits), self.limits, where=str(layout.eol))
        return Context(
            exploited=exploited,
            likelihoods=likelihoods,
            products=products,
            statuses=self._statuses(layout),
            moments=(released, scored),
        )

    def _statuses(self, layout: Layout) -> tuple[PackageStatus, ...]:
        found = self.statuses
        for source in layout.packages:
            data = read_document(source.path, self.limits)
            try:
                found.update(read_statuses(source.ecosystem, source.path.name, data, where=str(source.path)))
            except InvalidInputError as error:
                self._skip(f"packages/{source.ecosystem}", printable(source.path.name), error.what)
            if len(found) > self.limits.max_package_statuses:
                raise BoundExceededError(
                    "max_package_statuses", self.limits.max_package_statuses, where=str(source.path)
                )
        return tuple(sorted(found))


def _covered(layout: Layout) -> frozenset[str]:
    return frozenset(lookup_ecosystem(source.ecosystem) for source in layout.sources)


def _at_home(advisory: Advisory, home: str) -> Advisory:
    """Leaves the rows of the ecosystem the record was found under.

    A record of several ecosystems is in the zip of each. Taking its rows from one alone would make an ecosystem look
    covered whose own zip was never read.
    """
    if all(family(row.ecosystem) == home for row in advisory.rows):
        return advisory
    return replace(advisory, rows=tuple(row for row in advisory.rows if family(row.ecosystem) == home))


def _sequence(moments: tuple[str, ...], made_at: datetime) -> int:
    """The newest moment of the input in seconds since 1970; those after `made_at` are mistakes or tricks."""
    newest = datetime.fromtimestamp(0, UTC)
    for text in moments:
        try:
            moment = parse_rfc3339(text)
        except InvalidInputError:
            continue
        if newest < moment <= made_at:
            newest = moment
    return int(newest.timestamp())


def _settle(whole: Path, to: Path) -> None:
    descriptor = os.open(whole, os.O_RDWR)
    try:
        os.fchmod(descriptor, 0o644)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    whole.replace(to)
    folder = os.open(to.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
