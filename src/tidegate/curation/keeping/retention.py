# SPDX-License-Identifier: Apache-2.0
"""Retention: what the rules would take out of which repository and why; taking it out one by one, looked at anew."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, select

from tidegate.artifact import Digest, Repository, Tag
from tidegate.clock import Clock, parse_rfc3339
from tidegate.curation import tags
from tidegate.curation.keeping.name_pattern import subject_of_fallback
from tidegate.curation.keeping.protected import RUNNING, children_in, protected
from tidegate.curation.keeping.retention_rules import Item, Picked, RetentionRules, judge
from tidegate.curation.keeping.taking_out import held_back, take_out
from tidegate.curation.lifecycle import State
from tidegate.curation.scanned import worst_of
from tidegate.curation.shelf_blobs import DEFAULT_GRACE
from tidegate.curation.tag_holds import held_by
from tidegate.curation.tag_rules import NO_TAG_RULES, ImmutableTags, TagImmutableError
from tidegate.storage.database import Database
from tidegate.storage.keeping_schema import pull, tag_history, upkeep_turn
from tidegate.storage.schema import manifest, manifest_child, repository_manifest, state, tag
from tidegate.values import Struct

_log = logging.getLogger(__name__)
WHO: Final = "tidegate/retention"
PULLS_SINCE: Final = "pulls"
"""Kind of turn that says since when pulls are noted: a pull before that day may have been the last."""


class Going(Struct, frozen=True, kw_only=True):
    """What goes of one digest in one repository.

    Attributes:
        tags: that go.
        whole: the manifest goes too, because no tag is left.
        rule, why: of the first tag, or of the manifest that has none.
        along: manifests that go with it: images of an index that nothing else there names or tags.
    """

    repository: Repository
    digest: Digest
    tags: tuple[Tag, ...]
    whole: bool
    rule: str
    why: str
    along: tuple[Digest, ...] = ()


class Staying(Struct, frozen=True, kw_only=True):
    """What a delete rule picked and stays all the same, and why."""

    repository: Repository
    digest: Digest
    tag: Tag | None
    rule: str
    why: str


class Plan(Struct, frozen=True, kw_only=True):
    """What the rules say at one moment."""

    at: datetime
    going: tuple[Going, ...]
    staying: tuple[Staying, ...]


class Retained(Struct, frozen=True, kw_only=True):
    """What a run did: counts, and what it took out, in the order it did."""

    tags: int
    manifests: int
    spared: int
    gone: tuple[Going, ...]


Progress = Callable[[str, int, int], None]
"""Told what is gone through, how many of it are done, and how many there are."""


def _silent(_what: str, _done: int, _total: int) -> None:
    return


class Retention:
    """Plans and takes out. Several may run at once.

    Args:
        database: migrated.
        tag_rules: which tags are immutable; what one of them names stays.
        clock: now.
        grace: how long blobs stay that were needed.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        tag_rules: ImmutableTags = NO_TAG_RULES,
        grace: timedelta = DEFAULT_GRACE,
    ) -> None:
        self._database = database
        self._clock = clock
        self._tag_rules = tag_rules
        self._grace = grace

    def supposing(self, tag_rules: ImmutableTags) -> "Retention":
        """The same, were other tags immutable."""
        return Retention(self._database, self._clock, tag_rules=tag_rules, grace=self._grace)

    def plan(self, rules: RetentionRules, *, progress: Progress = _silent) -> Plan:
        """What would go now, and what stays although a rule picked it. Changes nothing; tells after each repository."""
        at = self._clock()
        going: list[Going] = []
        staying: list[Staying] = []
        repositories = self._repositories(rules)
        for number, repository in enumerate(repositories):
            progress("repositories", number, len(repositories))
            with self._database.read() as connection:
                gone, kept = self._plan_one(connection, repository, rules, at)
            going += gone
            staying += kept
        return Plan(at=at, going=tuple(going), staying=tuple(staying))

    def run(self, rules: RetentionRules, *, progress: Progress = _silent) -> Retained:
        """Takes out what the rules say now. Each digest is a transaction of its own, and is looked at anew in it."""
        gone: list[Going] = []
        spared = 0
        planned = self.plan(rules, progress=progress).going
        for number, going in enumerate(planned):
            progress("digests", number, len(planned))
            try:
                with self._database.begin() as connection:
                    done = self._take_out(connection, going)
            except TagImmutableError as error:
                _log.info("%s", error)
                done = None
            if done is None:
                spared += 1
            else:
                gone.append(done)
        return Retained(
            tags=sum(len(one.tags) for one in gone),
            manifests=sum(one.whole + len(one.along) for one in gone),
            spared=spared,
            gone=tuple(gone),
        )

    def _repositories(self, rules: RetentionRules) -> list[Repository]:
        if not rules.delete:
            return []
        with self._database.read() as connection:
            names = connection.scalars(select(repository_manifest.c.repository).distinct()).all()
        found = sorted(Repository(name) for name in names)
        return [name for name in found if any(rule.repositories.match(name) for rule in rules.delete)]

    def _plan_one(
        self, connection: Connection, repository: Repository, rules: RetentionRules, at: datetime
    ) -> tuple[list[Going], list[Staying]]:
        items = _items(connection, repository)
        picked, kept = judge(items, rules, at=at, worst=lambda digest: worst_of(connection, repository, digest))
        staying = [_stays(one, f"keep rule {one.rule}: {one.why}") for one in kept]
        loose: dict[Digest, list[Picked]] = defaultdict(list)
        for one in picked:
            holder = held_by(connection, self._tag_rules, repository, one.item.tag) if one.item.tag else ""
            if holder:
                staying.append(_stays(one, f"immutable: {holder}"))
            else:
                loose[one.item.digest].append(one)
        named: dict[Digest, int] = defaultdict(int)
        for item in items:
            named[item.digest] += item.tag is not None
        whole = {digest for digest, ones in loose.items() if len([1 for one in ones if one.item.tag]) == named[digest]}
        stays = _needed(connection, repository, loose, whole)
        staying += [_stays(one, why) for digest, why in stays.items() for one in loose[digest]]
        going = [
            Going(
                repository=repository,
                digest=digest,
                tags=tuple(one.item.tag for one in ones if one.item.tag),
                whole=digest in whole,
                rule=ones[0].rule,
                why=ones[0].why,
            )
            for digest, ones in loose.items()
            if digest not in stays
        ]
        return _settled(connection, repository, going), staying

    def _take_out(self, connection: Connection, going: Going) -> Going | None:
        """Does it, as far as it still holds; None when nothing of it does."""
        at, why = self._clock(), f"retention rule {going.rule}: {going.why}"
        repository, digest = going.repository, going.digest
        why_not = protected(connection, repository, digest)
        now = _tags_at(connection, repository, digest)
        whole = going.whole and set(now) <= set(going.tags)
        if why_not and (whole or why_not.startswith(RUNNING)):
            return None
        # A recorded reason to let a held tag go once is somebody's, and not for rules to use up.
        if any(held_by(connection, self._tag_rules, repository, name) for name in (*now, *going.tags)):
            return None
        if whole:
            children = _along(connection, repository, digest, {digest})
            fallbacks = _fallbacks(connection, repository, (digest, *children))
            taken = [digest, *children, *(kept for kept, _ in fallbacks)]
            held_back(connection, repository, taken, due_at=at + self._grace)
            if not self._let_go(connection, repository, digest, why=why, at=at):
                return None
            for child in children:
                self._let_go(connection, repository, child, why=f"went with index {digest}", at=at)
            self._remove_fallbacks(connection, repository, fallbacks, why=why, at=at)
            return Going(
                repository=repository,
                digest=digest,
                tags=tuple(now),
                whole=True,
                rule=going.rule,
                why=going.why,
                along=tuple(children),
            )
        left = [
            name
            for name in going.tags
            if name in now and tags.remove(connection, repository, name, who=WHO, at=at, why=why, rules=self._tag_rules)
        ]
        if not left:
            return None
        return Going(
            repository=repository, digest=digest, tags=tuple(left), whole=False, rule=going.rule, why=going.why
        )

    def _remove_fallbacks(
        self,
        connection: Connection,
        repository: Repository,
        fallbacks: Iterable[tuple[Digest, Tag]],
        *,
        why: str,
        at: datetime,
    ) -> None:
        for kept, name in fallbacks:
            said = f"went with {subject_of_fallback(name)}; {why}"
            tags.remove(connection, repository, name, who=WHO, at=at, why=said)
            if not _tags_at(connection, repository, kept):
                self._let_go(connection, repository, kept, why=said, at=at)

    def _let_go(
        self, connection: Connection, repository: Repository, digest: Digest, *, why: str, at: datetime
    ) -> bool:
        return take_out(
            connection, repository, digest, who=WHO, at=at, why=why, rules=self._tag_rules, grace=self._grace
        )


def _fallbacks(connection: Connection, repository: Repository, digests: Iterable[Digest]) -> list[tuple[Digest, Tag]]:
    """What clients without referrers keep of these goes with them: their tags are made of the digest."""
    found = []
    for digest in digests:
        start = digest.replace(":", "-")
        query = select(tag.c.name, tag.c.digest).where(
            tag.c.repository == repository, tag.c.name >= start, tag.c.name < start + "/"
        )
        rows = connection.execute(query).all()
        found += [(Digest(row.digest), Tag(row.name)) for row in rows if subject_of_fallback(row.name) == digest]
    return sorted(found, key=lambda one: one[1])


def _needed(
    connection: Connection, repository: Repository, digests: Iterable[Digest], whole: set[Digest]
) -> dict[Digest, str]:
    """Which of these stay, and why; they leave `whole`, which is what goes. What one that stays names stays too."""
    stays: dict[Digest, str] = {}
    while True:
        found: dict[Digest, str] = {}
        for digest in digests:
            why = "" if digest in stays else protected(connection, repository, digest, going=whole)
            if why and (digest in whole or why.startswith(RUNNING)):
                found[digest] = why
        if not found:
            return stays
        stays |= found
        whole -= found.keys()


def _items(connection: Connection, repository: Repository) -> list[Item]:
    """Every tag of a repository, and every manifest there that has none and is no part or evidence of another."""
    held, since = repository_manifest, _pulls_since(connection)
    base = (
        select(held.c.digest, held.c.pushed_at, state.c.state, pull.c.last_at, manifest.c.subject)
        .join(manifest, manifest.c.digest == held.c.digest)
        .join(state, state.c.digest == held.c.digest)
        .outerjoin(pull, (pull.c.repository == held.c.repository) & (pull.c.digest == held.c.digest))
        .where(held.c.repository == repository)
    )
    tagged = base.add_columns(tag.c.name, tag.c.moved_at).join(
        tag, (tag.c.repository == held.c.repository) & (tag.c.digest == held.c.digest)
    )
    found: list[Item] = []
    names: set[str] = set()
    for row in connection.execute(tagged.order_by(tag.c.name)):
        names.add(row.digest)
        if not subject_of_fallback(row.name):
            found.append(_item(repository, row, Tag(row.name), max(row.moved_at, row.pushed_at), since))
    parts = set(
        connection.scalars(
            select(manifest_child.c.child)
            .join(held, held.c.digest == manifest_child.c.parent)
            .where(held.c.repository == repository)
        )
    )
    rows = [row for row in connection.execute(base.order_by(held.c.digest)) if row.digest not in names | parts]
    here = set(connection.scalars(select(held.c.digest).where(held.c.repository == repository)))
    left = _untagged_since(connection, repository)
    return found + [
        _item(repository, row, None, max(row.pushed_at, left.get(row.digest, "")), since)
        for row in rows
        if row.subject is None or row.subject not in here
    ]


def _item(repository: Repository, row: Any, name: Tag | None, since: str, noted_since: str) -> Item:
    pulled_at = max(row.last_at or "", since, noted_since)
    return Item(
        repository=repository,
        digest=Digest(row.digest),
        tag=name,
        since=parse_rfc3339(since),
        pulled_at=parse_rfc3339(pulled_at),
        state=State(row.state),
    )


def _untagged_since(connection: Connection, repository: Repository) -> dict[str, str]:
    """When the last tag of a digest went elsewhere, for those that ever had one."""
    query = (
        select(tag_history.c.before, func.max(tag_history.c.at))
        .where(tag_history.c.repository == repository, tag_history.c.before != "")
        .group_by(tag_history.c.before)
    )
    return dict(tuple(row) for row in connection.execute(query))


def _pulls_since(connection: Connection) -> str:
    return connection.scalar(select(upkeep_turn.c.taken_at).where(upkeep_turn.c.kind == PULLS_SINCE)) or ""


def _tags_at(connection: Connection, repository: Repository, digest: Digest) -> list[Tag]:
    query = select(tag.c.name).where(tag.c.repository == repository, tag.c.digest == digest).order_by(tag.c.name)
    return [Tag(name) for name in connection.scalars(query)]


def _settled(connection: Connection, repository: Repository, going: Sequence[Going]) -> list[Going]:
    """With what goes along with each index, told once; what names others comes before what it names."""
    whole = {one.digest for one in going if one.whole}
    found: list[Going] = []
    for one in sorted(going, key=lambda one: -len(children_in(connection, repository, one.digest))):
        along = _along(connection, repository, one.digest, whole) if one.whole else []
        found.append(
            Going(
                repository=one.repository,
                digest=one.digest,
                tags=one.tags,
                whole=one.whole,
                rule=one.rule,
                why=one.why,
                along=tuple(child for child in along if child not in whole),
            )
        )
    return found


def _along(connection: Connection, repository: Repository, digest: Digest, going: set[Digest]) -> list[Digest]:
    children = children_in(connection, repository, digest)
    together = {*going, digest, *children}
    return [
        child
        for child in children
        if not _tags_at(connection, repository, child) and not protected(connection, repository, child, going=together)
    ]


def _stays(picked: Picked, why: str) -> Staying:
    item = picked.item
    return Staying(repository=item.repository, digest=item.digest, tag=item.tag, rule=picked.rule, why=why)
