# SPDX-License-Identifier: Apache-2.0
"""Tags for a command, their history and what holds them: of the record here, or of a server elsewhere."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Protocol

from tidegate.artifact import Repository, Tag
from tidegate.assembly.keeping import Keeping, local_user, open_keeping
from tidegate.assembly.remote import here_or_there
from tidegate.curation import tag_holds
from tidegate.curation.tag_holds import Freeze, Override
from tidegate.curation.tag_rules import TagRule
from tidegate.curation.tags import TagMove, tag_moves
from tidegate.remote import RemoteServer
from tidegate.settings import Settings
from tidegate.values import Struct


class Holds(Struct, frozen=True, kw_only=True):
    """What holds tags where they are, and what lets them go once."""

    rules: tuple[TagRule, ...]
    freezes: tuple[Freeze, ...]
    overrides: tuple[Override, ...]


class TagBook(Protocol):
    """What a command asks of tags; raises as `tidegate.curation.tag_holds` does."""

    def history(self, repository: Repository, tag: Tag | None, *, limit: int) -> Sequence[TagMove]:
        """What became of a tag, or of all tags of a repository, the newest first."""
        ...

    def holds(self, *, limit: int) -> Holds:
        """Rules, and at most `limit` freezes and overrides."""
        ...

    def freeze(self, repository: Repository, tag: Tag, *, why: str) -> bool:
        """Holds a tag; False when it was frozen before."""
        ...

    def unfreeze(self, repository: Repository, tag: Tag, *, why: str) -> str:
        """Lets a frozen tag go; returns what holds it still, "" for nothing."""
        ...

    def override(self, repository: Repository, tag: Tag, *, why: str, for_whom: str, minutes: int) -> Override:
        """Records why an immutable tag may be moved or removed once."""
        ...


def open_tag_book(settings: Settings) -> AbstractContextManager[TagBook]:
    """The tags of the server that `client.server` names, as its user may see them; without one, of the record here.

    Raises:
        TidegateError: a rule or the record cannot be used, or the server's address is none.
    """
    return here_or_there(settings, opens=open_keeping, here=_Recorded, there=_Remote)


class _Recorded:
    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self._database = keeping.database
        self._who = local_user()

    def history(self, repository: Repository, tag: Tag | None, *, limit: int) -> Sequence[TagMove]:
        with self._database.read() as connection:
            return tag_moves(connection, repository, tag, limit=limit)

    def holds(self, *, limit: int) -> Holds:
        with self._database.read() as connection:
            return Holds(
                rules=self._keeping.rules.tags.rules,
                freezes=tuple(tag_holds.list_freezes(connection, limit=limit)),
                overrides=tuple(tag_holds.list_overrides(connection, limit=limit)),
            )

    def freeze(self, repository: Repository, tag: Tag, *, why: str) -> bool:
        at = self._keeping.clock()
        with self._database.begin() as connection:
            return tag_holds.freeze(connection, repository, tag, who=self._who, why=why, at=at)

    def unfreeze(self, repository: Repository, tag: Tag, *, why: str) -> str:
        at = self._keeping.clock()
        with self._database.begin() as connection:
            tag_holds.unfreeze(connection, repository, tag, who=self._who, why=why, at=at)
            return tag_holds.held_by(connection, self._keeping.rules.tags, repository, tag)

    def override(self, repository: Repository, tag: Tag, *, why: str, for_whom: str, minutes: int) -> Override:
        with self._database.begin() as connection:
            return tag_holds.override(
                connection,
                repository,
                tag,
                who=self._who,
                why=why,
                at=self._keeping.clock(),
                for_whom=for_whom,
                lasts=timedelta(minutes=minutes),
            )


class _Frozen(Struct, frozen=True):
    new: bool


class _Loose(Struct, frozen=True, rename="camel"):
    held_by: str


class _Remote:
    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def history(self, repository: Repository, tag: Tag | None, *, limit: int) -> Sequence[TagMove]:
        query = {"repository": repository, "tag": tag, "limit": limit}
        return self._server.ask("GET", "/tags/history", tuple[TagMove, ...], query=query)

    def holds(self, *, limit: int) -> Holds:
        query = {"limit": limit}
        return Holds(
            rules=self._server.ask("GET", "/tags/rules", tuple[TagRule, ...]),
            freezes=self._server.ask("GET", "/tags/freezes", tuple[Freeze, ...], query=query),
            overrides=self._server.ask("GET", "/tags/overrides", tuple[Override, ...], query=query),
        )

    def freeze(self, repository: Repository, tag: Tag, *, why: str) -> bool:
        return self._server.ask("POST", "/tags/freeze", _Frozen, body=_act(repository, tag, why)).new

    def unfreeze(self, repository: Repository, tag: Tag, *, why: str) -> str:
        return self._server.ask("POST", "/tags/unfreeze", _Loose, body=_act(repository, tag, why)).held_by

    def override(self, repository: Repository, tag: Tag, *, why: str, for_whom: str, minutes: int) -> Override:
        body = {**_act(repository, tag, why), "for_whom": for_whom, "minutes": minutes}
        return self._server.ask("POST", "/tags/override", Override, body=body)


def _act(repository: Repository, tag: Tag, why: str) -> dict[str, object]:
    return {"repository": repository, "tag": tag, "why": why}
