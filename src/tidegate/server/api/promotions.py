# SPDX-License-Identifier: Apache-2.0
"""Promotions: to another repository here at once, to another registry as durable work."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Body, Query, Request
from starlette.responses import Response

from tidegate.artifact import Digest, Repository
from tidegate.assembly.server import Server
from tidegate.curation.vending.carrying import Promoted, parse_target
from tidegate.curation.vending.promotion import Promotion
from tidegate.identity import Verb
from tidegate.identity.duties import Actor
from tidegate.server.api.asking import require
from tidegate.server.api.problem import reply
from tidegate.server.api.waiting import wait_for
from tidegate.server.authentication import principal_of
from tidegate.server.registry.consumer import consumer_of

_DONE = 200
_ASKED = 202


def routes(server: Server) -> APIRouter:
    """The routes of promotions."""
    router = APIRouter(tags=["vending"])

    @router.post("/promotions", summary="Promote an admitted image, with all that hangs on it")
    async def promote(
        request: Request,
        *,
        digest: Annotated[str, Body(max_length=135)],
        source: Annotated[str, Body(max_length=255)],
        target: Annotated[str, Body(max_length=600)],
        reason: Annotated[str, Body(max_length=1000)],
        alone: Annotated[str, Body(max_length=1000)] = "",
    ) -> Response:
        name, tag, is_here = parse_target(target)
        wish = Promotion(
            digest=Digest(digest),
            source=Repository(source),
            target=name,
            tag=tag,
            who=principal_of(request).name,
            why=reason,
        )

        def act() -> Promoted:
            require(server, request, Verb.PULL if is_here else Verb.ADMIT, [source], digest=digest)
            if is_here:
                require(server, request, Verb.PUSH, [name], tag=tag, digest="" if tag else digest)
                consumer = None if principal_of(request).is_administrator else consumer_of(request)
                return server.vending.promote_here(wish, consumer)
            asked = server.vending.ask(wish, by=Actor.of(principal_of(request)), alone=alone)
            server.promote(f"{asked.id}:{asked.asked_at}", asked.id)
            return asked

        promoted = await run_sync(act)
        return reply(promoted, status=_DONE if is_here else _ASKED)

    @router.get("/promotions", summary="Promotions, newest first")
    def list_promotions(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        with server.database.read() as connection:
            return reply({"promotions": server.vending.listed(connection, limit=limit)})

    @router.get("/promotions/{number}", summary="One promotion; can wait for its end")
    def show_promotion(number: str, wait: Annotated[float, Query(ge=0, le=60)] = 0) -> Response:
        def ended() -> Promoted | None:
            with server.database.read() as connection:
                found = server.vending.named(connection, number)
            return found if found.state != "asked" else None

        found = wait_for(server, ended, seconds=wait)
        if found is None:
            with server.database.read() as connection:
                found = server.vending.named(connection, number)
        return reply(found)

    return router
