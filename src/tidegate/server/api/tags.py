# SPDX-License-Identifier: Apache-2.0
"""Tags: who moved them, which are frozen, and the recorded reasons for which one may be moved all the same."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tidegate.artifact import Repository, Tag
from tidegate.assembly.server import Server
from tidegate.curation import tag_holds
from tidegate.curation.tags import MAX_PAGE, tag_moves
from tidegate.server.api.problem import reply
from tidegate.server.authentication import principal_of

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
_MAX_MINUTES = int(tag_holds.MAX_OVERRIDE / timedelta(minutes=1))
_MINUTES = int(tag_holds.DEFAULT_OVERRIDE / timedelta(minutes=1))


class TagAct(BaseModel):
    """What is to be done to a tag, and why."""

    repository: str = Field(max_length=255)
    tag: str = Field(max_length=128)
    why: str = Field(max_length=tag_holds.MAX_WHY_CHARS)


class OverrideAct(TagAct):
    """Leave to move or remove an immutable tag once; `for_whom` empty is whoever may push."""

    for_whom: str = Field("", max_length=255)
    minutes: int = Field(_MINUTES, ge=1, le=_MAX_MINUTES)


def routes(server: Server) -> APIRouter:
    """The routes of tags."""
    router = APIRouter(prefix="/tags", tags=["tags"])

    @router.get("/history", summary="Who moved the tags of a repository, from which digest and when, newest first")
    def show_history(
        repository: Annotated[str, Query(max_length=255)],
        tag: Annotated[str, Query(max_length=128)] = "",
        limit: Limit = 100,
    ) -> Response:
        with server.database.read() as connection:
            return reply(tag_moves(connection, Repository(repository), Tag(tag) if tag else None, limit=limit))

    @router.get("/rules", summary="Rules in force that make tags immutable")
    def show_rules() -> Response:
        return reply(server.keeping.rules.tags.rules)

    @router.get("/freezes", summary="Frozen tags")
    def show_freezes(limit: Limit = 100) -> Response:
        with server.database.read() as connection:
            return reply(tag_holds.list_freezes(connection, limit=limit))

    @router.get("/overrides", summary="Reasons recorded for moving immutable tags, used or not, newest first")
    def show_overrides(limit: Limit = 100) -> Response:
        with server.database.read() as connection:
            return reply(tag_holds.list_overrides(connection, limit=limit))

    @router.post("/freeze", summary="Hold a tag where it points")
    def freeze(act: TagAct, request: Request) -> Response:
        repository, tag, who = Repository(act.repository), Tag(act.tag), principal_of(request).name
        with server.database.begin() as connection:
            new = tag_holds.freeze(connection, repository, tag, who=who, why=act.why, at=server.clock())
        return reply({"repository": repository, "tag": tag, "frozen": True, "new": new})

    @router.post("/unfreeze", summary="Let a frozen tag go")
    def unfreeze(act: TagAct, request: Request) -> Response:
        repository, tag, who = Repository(act.repository), Tag(act.tag), principal_of(request).name
        with server.database.begin() as connection:
            tag_holds.unfreeze(connection, repository, tag, who=who, why=act.why, at=server.clock())
            holder = tag_holds.held_by(connection, server.keeping.rules.tags, repository, tag)
        return reply({"repository": repository, "tag": tag, "frozen": False, "heldBy": holder})

    @router.post("/override", status_code=201, summary="Record why an immutable tag may be moved or removed, once")
    def override(act: OverrideAct, request: Request) -> Response:
        with server.database.begin() as connection:
            made = tag_holds.override(
                connection,
                Repository(act.repository),
                Tag(act.tag),
                who=principal_of(request).name,
                why=act.why,
                at=server.clock(),
                for_whom=act.for_whom,
                lasts=timedelta(minutes=act.minutes),
            )
        return reply(made, status=201)

    return router
