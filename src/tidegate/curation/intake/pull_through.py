# SPDX-License-Identifier: Apache-2.0
"""Pulls of names that come from an upstream: fetched and judged before the first byte is handed out.

The upstream is asked again once what it said is no longer fresh. While it is asked, cannot be reached, or has moved to
what is not admitted, the last admitted digest is handed out, and it is said why.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Final

from sqlalchemy import Connection

from tidegate.artifact import Digest, Repository, Tag
from tidegate.clock import Clock, parse_rfc3339
from tidegate.curation import tags
from tidegate.curation.attachments import holds
from tidegate.curation.intake.entry import Entry, Outcome, find_entry
from tidegate.curation.intake.taking_in import Intake
from tidegate.curation.intake.upstream import Upstream
from tidegate.curation.lifecycle import UNDECIDED, VENDED, State
from tidegate.curation.shelf import ManifestUnknownError
from tidegate.curation.sparse_index import named_by_index
from tidegate.curation.states import state_of
from tidegate.errors import OutsideError, RefusedError, TidegateError
from tidegate.storage.database import Database

CURRENT: Final = "current"
_CHECK_PATIENCE: Final = timedelta(seconds=3)
"""How long a pull of what is here already waits for the upstream to answer."""
_LOOK_AGAIN_SECONDS: Final = 1.0  # for commits of another process, which wake nobody here


class NotTakenError(RefusedError):
    """A name is not taken in from its upstream."""


class UnderExaminationError(RefusedError):
    """An image was asked for and is not judged yet.

    Args:
        what: what is being done.
        where: the name.
        digest: what it means, when that is known and it is here.
    """

    def __init__(self, what: str, *, where: str, digest: Digest | None = None) -> None:
        super().__init__(what, where=where, remedy="try again in a moment")
        self.digest = digest


class UpstreamFailedError(OutsideError):
    """The upstream cannot be asked, and nothing it brought before may be handed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a name is answered with: a digest that has its verdict, and how it stands to the upstream, in one line."""

    digest: Digest
    standing: str


class PullThrough:
    """Answers for names that come from upstreams. Safe for threads.

    Args:
        patience: how long a pull waits for a verdict.
    """

    def __init__(self, *, database: Database, intake: Intake, clock: Clock, patience: timedelta) -> None:
        self._database = database
        self._intake = intake
        self._clock = clock
        self._patience = patience

    def covers(self, repository: Repository) -> bool:
        """True for a repository whose content comes from an upstream and from nowhere else."""
        return self._intake.upstreams.of(repository) is not None

    def refuse_push(self, repository: Repository) -> None:
        """Keeps everybody from pushing what would seem to come from an upstream.

        Raises:
            NotTakenError: the repository's content comes from an upstream.
        """
        upstream = self._intake.upstreams.of(repository)
        if upstream is not None:
            raise NotTakenError(
                f"what is under {upstream.under}/ comes from the upstream {upstream.name} only",
                where=repository,
                remedy="push to another name",
            )

    def begin(self, repository: Repository, locator: Tag | Digest, *, who: str) -> Ready | None:
        """The first look of a pull: asks the upstream if what it said is not fresh; None when it is worth waiting.

        Raises:
            NotTakenError, ManifestUnknownError, UpstreamFailedError: as for `look`.
        """
        return self._look(repository, locator, who=who, asks=True, is_last=False)

    def look(self, repository: Repository, locator: Tag | Digest, *, who: str) -> Ready:
        """What a name is answered with as things stand.

        Args:
            repository: of ours.
            locator: tag or digest.
            who: asks, for the record.

        Raises:
            NotTakenError: it may not be taken, or was refused when it was.
            ManifestUnknownError: the upstream has no such thing.
            UnderExaminationError: there is no verdict yet.
            UpstreamFailedError: the upstream cannot be asked.
        """
        found = self._look(repository, locator, who=who, asks=False, is_last=True)
        if found is None:
            raise UnderExaminationError("is being examined", where=f"{repository}:{locator}")
        return found

    def _look(
        self, repository: Repository, locator: Tag | Digest, *, who: str, asks: bool, is_last: bool
    ) -> Ready | None:
        """One look; None when it is worth waiting, never so when it is the last one."""
        upstream = self._intake.upstreams.of(repository)
        if upstream is None:
            raise ManifestUnknownError(repository, locator)
        with self._database.read() as connection:
            here = _held(connection, repository, locator)
            state = state_of(connection, here) if here is not None else None
            entry = find_entry(connection, repository, locator)
        if isinstance(locator, Digest) and here is not None:
            return self._ready(repository, here, state, is_last=is_last)
        if objection := self._objection(upstream, repository, locator):
            raise NotTakenError(objection, where=repository, remedy="ask who keeps the list of upstreams")
        now = self._clock()
        if entry is None or (asks and entry.is_due(now, upstream.fresh)):
            source = upstream.source(repository, locator)
            entry = self._intake.ask(upstream, repository, locator, source=source, who=who)
        vended = here if state in VENDED else None
        if vended is not None and entry.outcome is Outcome.ARRIVED and entry.digest == vended:
            return Ready(digest=vended, standing=CURRENT)
        if entry.outcome is not Outcome.UNDER_WAY:
            return self._answer(repository, locator, entry, vended, is_last=is_last)
        if vended is not None and (is_last or parse_rfc3339(entry.asked_at) + _CHECK_PATIENCE <= now):
            return Ready(digest=vended, standing="unchecked; the upstream is being asked")
        if not is_last:
            return None
        raise UnderExaminationError(f"is being fetched from {upstream.name}", where=f"{repository}:{locator}")

    def wait(self, repository: Repository, locator: Tag | Digest) -> None:
        """Returns when `look` has more to say than before, or the patience is at an end."""
        ends = monotonic() + self._patience.total_seconds()
        with suppress(TidegateError):
            while (left := ends - monotonic()) > 0:
                seen = self._database.commits.count
                if self._look(repository, locator, who="", asks=False, is_last=False) is not None:
                    return
                self._database.commits.wait(seen, timeout=min(left, _LOOK_AGAIN_SECONDS))

    def _answer(
        self, repository: Repository, locator: Tag | Digest, entry: Entry, vended: Digest | None, *, is_last: bool
    ) -> Ready | None:
        """What came of asking the upstream; `vended` is what the name meant to us before."""
        meant = Digest(entry.digest) if entry.digest else None
        if entry.outcome is Outcome.ARRIVED and meant is not None:
            state = self._state(meant)
            if vended not in {None, meant} and state in VENDED:
                self._intake.point_when_vended(meant)
                with self._database.read() as connection:
                    vended = _held(connection, repository, locator)
            if vended is None or meant == vended:
                return self._ready(repository, meant, state, is_last=is_last)
            if state in UNDECIDED and not is_last:
                return None
            return Ready(digest=vended, standing=f"moved; to={meant}; {state}")
        if vended is not None:
            return Ready(digest=vended, standing=_standing(entry))
        where = f"{repository}:{locator}"
        if entry.outcome is Outcome.ABSENT:
            raise ManifestUnknownError(repository, locator)
        if entry.outcome is Outcome.FAILED:
            raise UpstreamFailedError(f"the upstream {entry.upstream} failed: {entry.reason}", where=where)
        raise NotTakenError(entry.reason, where=where)

    def _ready(self, repository: Repository, digest: Digest, state: State | None, *, is_last: bool) -> Ready | None:
        if state not in UNDECIDED:
            return Ready(digest=digest, standing=CURRENT)
        if not is_last:
            return None
        where = f"{repository}@{digest.algorithm}:{digest.short}"
        raise UnderExaminationError("is being examined", where=where, digest=digest)

    def _objection(self, upstream: Upstream, repository: Repository, locator: Tag | Digest) -> str:
        """Why a name is not taken; the images that an index here names are taken by platform, not by tag."""
        if isinstance(locator, Digest):
            with self._database.read() as connection:
                named, platform = named_by_index(connection, repository, locator)
            if named and upstream.wants(platform):
                return ""
            if named:
                wanted = ", ".join(map(str, upstream.platforms))
                return f"is for {platform}; images for {wanted} only are taken from {upstream.name}"
        return upstream.objection(repository, locator)

    def _state(self, digest: Digest) -> State | None:
        with self._database.read() as connection:
            return state_of(connection, digest)


def _held(connection: Connection, repository: Repository, locator: Tag | Digest) -> Digest | None:
    """What the repository holds under a name."""
    if isinstance(locator, Tag):
        return tags.resolve(connection, repository, locator)
    return locator if holds(connection, repository, locator) else None


def _standing(entry: Entry) -> str:
    """Why what is handed out is not known to be what the upstream means now."""
    if entry.outcome is Outcome.FAILED:
        return f"unreachable; last answer={entry.checked_at or 'never'}"
    if entry.outcome is Outcome.ABSENT:
        return "gone; the upstream has it no more"
    return f"held back; {entry.reason}"
