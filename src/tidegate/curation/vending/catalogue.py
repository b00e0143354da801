# SPDX-License-Identifier: Apache-2.0
"""The catalogue: what a developer can take from the shelf, one entry a repository, with its newest good version.

Newest is what a tag was pointed to last; good is what is handed out: admitted, else what is deprecated or restricted.
Everybody sees the part of it that they may see: what they may not neither shows, nor counts, nor is found by a word.
"""

from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Final, Protocol

from sqlalchemy import Connection, func, select

from tidegate.artifact import Digest, Index, Repository, Tag, parse_manifest
from tidegate.curation import tags
from tidegate.curation.lifecycle import State
from tidegate.curation.listed import Listed
from tidegate.curation.standing import standing_of
from tidegate.errors import NotFoundError
from tidegate.storage.schema import manifest, manifest_child, repository_manifest, state, tag
from tidegate.storage.vending_schema import image_summary
from tidegate.values import Struct

MAX_PAGE: Final = 200
MAX_VERSIONS: Final = 500
_MAX_WORDS: Final = 8
_NAMES: Final = 500
"""Names looked at together when most may not fit."""
_NO_IMAGE: Final = ("attachment",)


class Asked(Struct, frozen=True, kw_only=True):
    """What somebody looks for; each part that is given must fit.

    Attributes:
        words: each must be found in the repository's name, a tag, or what the image says of itself.
        state: some version is in it.
        owner: as settings or labels name them.
        platform: as `linux/arm64`.
        max_critical: no more critical flaws than so many in the newest good version; None for any.
    """

    words: str = ""
    state: str = ""
    owner: str = ""
    platform: str = ""
    max_critical: int | None = None


class Version(Struct, frozen=True, kw_only=True):
    """One tagged image of a repository.

    Attributes:
        severities: flaws by severity (`critical`, `high`, `medium`, `low`); of an index, those of its worst image.
        support_days: days until the first part it stands on loses support, negative when it has; None when unknown.
        notice: why it is deprecated, and what to use instead; "" otherwise.
        is_scanned: there is a scan to speak of.
    """

    tag: str
    digest: str
    state: str
    since: str
    moved_at: str
    platforms: tuple[str, ...]
    title: str = ""
    description: str = ""
    source: str = ""
    owner: str = ""
    base: str = ""
    system: str = ""
    licence: str = ""
    size: int = 0
    components: int = 0
    severities: dict[str, int]
    exploited: int = 0
    fixable: int = 0
    support_days: int | None = None
    support_of: str = ""
    notice: str = ""
    is_scanned: bool = False


class Entry(Struct, frozen=True, kw_only=True):
    """One repository.

    Attributes:
        newest: the newest good version; None when nothing of it is handed out.
        versions: how many tags it has.
    """

    repository: str
    owner: str
    newest: Version | None
    versions: int


class Found(Struct, frozen=True, kw_only=True):
    """What a search found.

    Attributes:
        goes_on: the name after which there may be more, which may be one that was not to be seen; None at the end.
    """

    entries: Sequence[Entry]
    goes_on: str | None


class Sight(Protocol):
    """What somebody may see."""

    @property
    def is_spent(self) -> bool:
        """True when no more tags are to be looked at for this request: what is left is for the next."""

    def repositories(self, connection: Connection, *, limit: int, last: str) -> Listed[Repository]:
        """At most `limit` repositories past `last` that they may see; fewer, and it goes on, after enough work."""

    def tags(self, repository: Repository, names: Sequence[Tag]) -> Sequence[Tag]:
        """Those of a repository's tags that they may see; none of a repository that they may not see."""


class Everything:
    """The sight of whoever holds the record itself, and of administrators."""

    is_spent: Final = False

    def repositories(self, connection: Connection, *, limit: int, last: str) -> Listed[Repository]:
        """All of them."""
        names = tags.list_repositories(connection, limit=limit, last=last)
        return Listed(names=names, goes_on=names[-1] if names and len(names) == limit else None)

    def tags(self, _repository: Repository, names: Sequence[Tag]) -> Sequence[Tag]:
        """All of them."""
        return names


class Catalogue:
    """Reads the catalogue.

    Args:
        owners: patterns of repository names and who owns what matches; the first that fits counts, before any label.
    """

    def __init__(self, owners: Sequence[tuple[str, str]]) -> None:
        self._owners = tuple(owners)

    def search(
        self, connection: Connection, asked: Asked, sight: Sight, *, today: date, after: str = "", limit: int = 50
    ) -> Found:
        """Repositories that fit, by name.

        Args:
            connection: for reading.
            asked: what is looked for.
            sight: of whoever asks.
            today: support is counted from it.
            after: only those past this name.
            limit: at most so many.
        """
        found: list[Entry] = []
        size = limit + 1 if asked == Asked() else max(limit + 1, _NAMES)
        while True:
            part = sight.repositories(connection, limit=size, last=after)
            fitting = _matching(connection, asked, part.names)
            for name in part.names:
                if sight.is_spent:
                    return Found(entries=found, goes_on=after)
                entry = self._entry(connection, name, asked, sight, today) if name in fitting else None
                if entry is not None and self._fits(entry, asked):
                    if len(found) == limit:
                        return Found(entries=found, goes_on=found[-1].repository if found else None)
                    found.append(entry)
                after = name
            if part.goes_on is None or len(part.names) < size:
                return Found(entries=found, goes_on=part.goes_on)
            after = part.goes_on

    def versions(self, connection: Connection, repository: Repository, sight: Sight, *, today: date) -> list[Version]:
        """All tagged images of a repository that somebody may see, the newest first.

        Raises:
            NotFoundError: there is none.
        """
        rows, _ = _seen(connection, repository, sight)
        if not rows:
            raise NotFoundError("no such repository in the catalogue", where=repository)
        return [self._version(connection, repository, row, today) for row in rows]

    def _entry(
        self, connection: Connection, repository: Repository, asked: Asked, sight: Sight, today: date
    ) -> Entry | None:
        rows, hidden = _seen(connection, repository, sight)
        if not rows or (hidden and not _matches_by(connection, asked, repository, rows)):
            return None
        good = [row for row in rows if row["state"] == State.ADMITTED] or [
            row for row in rows if row["state"] in {State.DEPRECATED, State.RESTRICTED}
        ]
        newest = self._version(connection, repository, good[0], today) if good else None
        owner = newest.owner if newest else self._owner(repository)
        return Entry(repository=repository, owner=owner, newest=newest, versions=len(rows))

    def _version(self, connection: Connection, repository: Repository, row: Any, today: date) -> Version:
        platforms, digests = _images(connection, row["digest"])
        summaries = _summaries(connection, digests)
        first = summaries[0] if summaries else {}
        severities = {name: max((one[name] for one in summaries), default=0) for name in _SEVERITIES}
        ends = min((one["support_ends"] for one in summaries if one["support_ends"]), default="")
        said = standing_of(connection, Digest(row["digest"])) if row["state"] == State.DEPRECATED else None
        instead = f"; use {said.replacement}" if said and said.replacement else ""
        texts = {name: first.get(name, "") for name in _TEXTS}
        return Version(
            tag=row["name"],
            digest=row["digest"],
            state=row["state"],
            since=row["since"],
            moved_at=row["moved_at"],
            platforms=platforms or tuple(filter(None, (first.get("platform", ""),))),
            **{**texts, "owner": self._owner(repository) or texts["owner"]},
            size=first.get("size", 0),
            components=max((one["components"] for one in summaries), default=0),
            severities=severities,
            exploited=max((one["exploited"] for one in summaries), default=0),
            fixable=max((one["fixable"] for one in summaries), default=0),
            support_days=(date.fromisoformat(ends) - today).days if ends else None,
            support_of=next((one["support_of"] for one in summaries if one["support_ends"] == ends), ""),
            notice=f"{said.why}{instead}" if said else "",
            is_scanned=bool(summaries) and all(one["is_known"] for one in summaries),
        )

    def _owner(self, repository: str) -> str:
        return next((owner for pattern, owner in self._owners if fnmatchcase(repository, pattern)), "")

    def _fits(self, entry: Entry, asked: Asked) -> bool:
        newest = entry.newest
        if asked.owner and asked.owner.lower() not in entry.owner.lower():
            return False
        if asked.platform and not (newest and asked.platform in newest.platforms):
            return False
        return asked.max_critical is None or bool(newest and newest.severities["critical"] <= asked.max_critical)


_SEVERITIES: Final = ("critical", "high", "medium", "low")
_TEXTS: Final = (
    "title",
    "description",
    "source",
    "owner",
    "base",
    "system",
    "licence",
)


def _matching(connection: Connection, asked: Asked, names: Sequence[Repository]) -> set[str]:
    """Those of the named repositories that fit what the database can tell; each of their rows is read once a word."""
    held, summary, fitting = repository_manifest, image_summary, set(map(str, names))
    if asked.state:
        there = select(tag.c.repository).join(state, state.c.digest == tag.c.digest).distinct()
        fitting = set(connection.scalars(there.where(tag.c.repository.in_(names), state.c.state == asked.state)))
    for word in _words(asked):
        rest = [name for name in fitting if word not in name]
        if not rest:
            continue
        told = select(held.c.repository).join(summary, summary.c.digest == held.c.digest)
        told = told.where(held.c.repository.in_(rest), summary.c.words.contains(word, autoescape=True))
        named = select(tag.c.repository).where(tag.c.repository.in_(rest))
        named = named.where(func.lower(tag.c.name).contains(word, autoescape=True))
        fitting -= set(rest) - set(connection.scalars(told.union(named)))
    return fitting


def _matches_by(connection: Connection, asked: Asked, repository: Repository, rows: Sequence[Any]) -> bool:
    """Whether a repository fits by these of its tags alone, and by what the images say that they point to."""
    if asked.state and all(row["state"] != asked.state for row in rows):
        return False
    digests = {row["digest"] for row in rows}
    children = select(manifest_child.c.child).where(manifest_child.c.parent.in_(digests))
    images = digests | set(connection.scalars(children))
    said = select(image_summary.c.digest).where(image_summary.c.digest.in_(images)).limit(1)
    return all(
        word in repository
        or any(word in row["name"].lower() for row in rows)
        or connection.scalar(said.where(image_summary.c.words.contains(word, autoescape=True))) is not None
        for word in _words(asked)
    )


def _words(asked: Asked) -> list[str]:
    return asked.words.lower().split()[:_MAX_WORDS]


def _seen(connection: Connection, repository: Repository, sight: Sight) -> tuple[list[Any], bool]:
    """The tagged images of a repository that somebody may see, and whether there are others."""
    rows = connection.execute(_tagged(repository).limit(MAX_VERSIONS)).mappings().all()
    shown = set(sight.tags(repository, [Tag(row["name"]) for row in rows]))
    return [row for row in rows if row["name"] in shown], len(shown) < len(rows)


def _tagged(repository: Repository) -> Any:
    return (
        select(tag.c.name, tag.c.digest, tag.c.moved_at, state.c.state, state.c.since)
        .join(state, state.c.digest == tag.c.digest)
        .join(manifest, manifest.c.digest == tag.c.digest)
        .where(tag.c.repository == repository, manifest.c.kind.not_in(_NO_IMAGE))
        .order_by(tag.c.moved_at.desc(), tag.c.name.desc())
    )


def _images(connection: Connection, digest: str) -> tuple[tuple[str, ...], list[str]]:
    """The platforms of an index and its images; of an image none and itself."""
    row = connection.execute(
        select(manifest.c.document, manifest.c.media_type, manifest.c.kind).where(manifest.c.digest == digest)
    ).first()
    if row is None or row.kind != "index":
        return (), [digest]
    parsed = parse_manifest(bytes(row.document), media_type=row.media_type, where=digest)
    parts = parsed.manifests if isinstance(parsed, Index) else ()
    platforms = tuple(str(part.platform) for part in parts if part.platform)
    children = connection.scalars(select(manifest_child.c.child).where(manifest_child.c.parent == digest)).all()
    return platforms, list(children)


def _summaries(connection: Connection, digests: Sequence[str]) -> list[Any]:
    query = select(image_summary).where(image_summary.c.digest.in_(digests)).order_by(image_summary.c.digest)
    return list(connection.execute(query).mappings())
