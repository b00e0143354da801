# SPDX-License-Identifier: Apache-2.0
"""Brings the knowledge file up to date from a server in the public OSV layout.

Fetched are `ecosystems.txt` (at the address or under `osv/`), `<ecosystem>/all.zip` of every ecosystem whose versions
can be ordered (a release's own zip only where its ecosystem has none: it holds nothing more), and, where the server has
them, `kev.json`, EPSS scores, `eol.json` and `MANIFEST.sha256`, by which all the others are checked then.
"""

import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tidegate.bounds import MIB
from tidegate.clock import rfc3339
from tidegate.errors import (
    BoundExceededError,
    InvalidInputError,
    NotFoundError,
    OutsideError,
    RefusedError,
    TidegateError,
)
from tidegate.evidence import KnowledgeStamp
from tidegate.knowledge.build import BuildReport, Progress, build, silent
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.layout import ARCHIVE, EOL_NAME, EPSS_FOLDER, EPSS_NAMES, KEV_NAMES
from tidegate.knowledge.limits import KnowledgeLimits
from tidegate.knowledge.mirror import Mirror
from tidegate.knowledge.versions import family, order_of
from tidegate.outbound import Outbound
from tidegate.values import Struct

MANIFEST: Final = "MANIFEST.sha256"
ECOSYSTEMS: Final = "ecosystems.txt"
_MAX_LIST_BYTES: Final = 4 * MIB
_ECOSYSTEM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:+-]{0,99}")
_MANIFEST_LINE: Final = re.compile(r"([0-9a-f]{64}) [ *](?:\./)?([^\x00-\x1f]{1,300})")
_CURRENT_EPSS: Final = f"{EPSS_FOLDER}/epss_scores-current.csv.gz"


class UpdateReport(Struct, frozen=True, kw_only=True):
    """What an update did.

    Attributes:
        stamp: of the knowledge in force now; `before` of the one before, None when there was none.
        fetched: files that came over the wire; `unchanged` counts the others.
        built: what went into the new file; None when nothing had changed and the old one stands.
    """

    stamp: KnowledgeStamp
    before: KnowledgeStamp | None
    fetched: tuple[str, ...]
    unchanged: int
    built: BuildReport | None


def update(
    url: str,
    to: Path,
    state_dir: Path,
    outbound: Outbound,
    *,
    made_at: datetime,
    allow_rollback: bool = False,
    progress: Progress = silent,
    limits: KnowledgeLimits | None = None,
) -> UpdateReport:
    """Fetches what changed and replaces the knowledge file, whole or not at all.

    A broken fetch goes on where it stopped when this is called again.

    Args:
        url: where the layout begins.
        to: the knowledge file.
        state_dir: a folder of this function's own, kept between calls.
        outbound: makes the calls.
        made_at: the moment written into the file.
        allow_rollback: also take a set that is older than the one in force.
        progress: told what is being done.
        limits: bounds on what is fetched.

    Raises:
        RefusedError: the server's set is older than the one in force.
        NotFoundError: the server has no `ecosystems.txt`, or lists an ecosystem it does not have.
        DigestMismatchError: a file is not what `MANIFEST.sha256` says.
        InvalidInputError, BoundExceededError: what was fetched is broken or over a limit; see `build`.
        OutsideError: the network or the disk failed, or another update is under way.
        UsageError: the address may not be called.
    """
    limits = limits or KnowledgeLimits()
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        to.parent.mkdir(parents=True, exist_ok=True)
        with _alone(state_dir):
            mirror = Mirror(state_dir, url, outbound, limits)
            wanted = _fetch(mirror, url.rstrip("/"), outbound, limits, progress)
            mirror.keep_only(wanted)
            before = _stamp(to)
            if before and before.digest == mirror.state.digest:
                mirror.save()
                return UpdateReport(stamp=before, before=before, fetched=(), unchanged=len(wanted), built=None)
            built = _replace(mirror, to, before, url, made_at, allow_rollback, progress, limits)
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror or error}", where=error.filename or str(to)) from error
    return UpdateReport(
        stamp=built.stamp,
        before=before,
        fetched=tuple(mirror.fetched),
        unchanged=len(wanted) - len(mirror.fetched),
        built=built,
    )


def _replace(
    mirror: Mirror,
    to: Path,
    before: KnowledgeStamp | None,
    url: str,
    made_at: datetime,
    allow_rollback: bool,
    progress: Progress,
    limits: KnowledgeLimits,
) -> BuildReport:
    candidate = to.with_name(f".{to.name}.candidate")
    try:
        built = build(mirror.root, candidate, made_at=made_at, progress=progress, limits=limits)
        floor = before.sequence if before else mirror.state.sequence
        if built.stamp.sequence < floor and not allow_rollback:
            raise RefusedError(
                f"this set is of {_moment(built.stamp.sequence)} (sequence {built.stamp.sequence}), older than the one "
                f"in force, of {_moment(floor)} (sequence {floor})",
                where=url,
                remedy="allow the rollback explicitly if that is meant",
            )
        candidate.replace(to)
        _sync(to.parent)
    finally:
        candidate.unlink(missing_ok=True)
    mirror.state.sequence, mirror.state.digest = built.stamp.sequence, built.stamp.digest
    mirror.save()
    return built


def _fetch(mirror: Mirror, url: str, outbound: Outbound, limits: KnowledgeLimits, progress: Progress) -> list[str]:
    digests = _manifest(outbound, url)
    prefix, ecosystems = _ecosystems(outbound, url, limits)
    wanted: list[str] = []
    for ecosystem in ecosystems:
        path = f"{prefix}{ecosystem}/{ARCHIVE}"
        progress(ecosystem)
        if not mirror.fetch(path, sha256=digests.get(path, ""), max_bytes=limits.max_zip_bytes):
            raise NotFoundError(f"the server lists {ecosystem} but does not have it", where=f"{url}/{path}")
        wanted.append(path)
    for names in (KEV_NAMES, _epss(digests), (EOL_NAME,)):
        progress(names[0])
        for path in names:
            if mirror.fetch(path, sha256=digests.get(path, ""), max_bytes=limits.max_document_bytes):
                wanted.append(path)
                break
    return wanted


def _ecosystems(outbound: Outbound, url: str, limits: KnowledgeLimits) -> tuple[str, list[str]]:
    for prefix in ("", "osv/"):
        where = f"{url}/{prefix}{ECOSYSTEMS}"
        try:
            text = outbound.get_bytes(where, max_bytes=_MAX_LIST_BYTES).decode("utf-8", "replace")
        except NotFoundError:
            continue
        names = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
        if len(names) > limits.max_ecosystems:
            raise BoundExceededError("max_ecosystems", limits.max_ecosystems, where=where)
        strange = next((name for name in names if not _ECOSYSTEM.fullmatch(name)), None)
        if strange is not None:
            raise InvalidInputError(f"not the name of an ecosystem: {strange[:60]!r}", where=where)
        wanted = [name for name in names if order_of(name) and (name == family(name) or family(name) not in names)]
        if not wanted:
            raise InvalidInputError("it lists no ecosystem that can be ordered", where=where)
        return prefix, wanted
    raise NotFoundError(
        f"no {ECOSYSTEMS} there", where=url, remedy="name the address where the public OSV layout begins"
    )


def _manifest(outbound: Outbound, url: str) -> Mapping[str, str]:
    where = f"{url}/{MANIFEST}"
    try:
        text = outbound.get_bytes(where, max_bytes=_MAX_LIST_BYTES).decode("utf-8", "replace")
    except NotFoundError:
        return {}
    digests: dict[str, str] = {}
    for line in text.splitlines():
        found = _MANIFEST_LINE.fullmatch(line)
        if found is None:
            raise InvalidInputError("not a list of SHA-256 digests", where=where)
        digests[found[2]] = found[1]
    return digests


def _epss(digests: Mapping[str, str]) -> tuple[str, ...]:
    listed = sorted(path for path in digests if re.fullmatch(rf"{EPSS_FOLDER}/[A-Za-z0-9._-]+\.csv(\.gz)?", path))
    return (listed[-1],) if listed else (*EPSS_NAMES, _CURRENT_EPSS)


def _stamp(path: Path) -> KnowledgeStamp | None:
    """The stamp of the file in force; None when there is none that can be read."""
    try:
        with Knowledge.open(path) as knowledge:
            return knowledge.stamp
    except TidegateError:
        return None


def _moment(sequence: int) -> str:
    return rfc3339(datetime.fromtimestamp(sequence, UTC))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutsideError("another update is under way", where=str(folder), remedy="wait for it") from error
        yield


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
