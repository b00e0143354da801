# SPDX-License-Identifier: Apache-2.0
"""What owners are told: cases, messages, channels, and how long it takes until what they were told is mended."""

from datetime import timedelta
from typing import Annotated
from uuid import uuid4

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate.assembly.feedback import Shown, shown_case, try_out
from tidegate.assembly.server import Server
from tidegate.clock import rfc3339
from tidegate.curation.feedback import cases, messages
from tidegate.curation.feedback.channel import Channel, list_channels, remove_channel, set_channel
from tidegate.curation.feedback.times import times_to_fix
from tidegate.server.api.body import read_body
from tidegate.server.api.problem import reply
from tidegate.server.authentication import principal_of
from tidegate.values import Struct, replace


class WantedChannel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PUT /feedback/channels/{name}`; without a secret the one that is there stays."""

    channel: Channel
    secret: str = ""


def routes(server: Server) -> APIRouter:
    """The routes of feedback."""
    router = APIRouter(tags=["feedback"])
    _add_cases(router, server)
    _add_channels(router, server)
    return router


def _add_cases(router: APIRouter, server: Server) -> None:
    @router.get("/feedback/cases", summary="What owners were told, the newest first")
    def listed(
        state: Annotated[str, Query(pattern="^(open|closed|)$")] = "",
        owner: str = "",
        subject: str = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        with server.database.read() as connection:
            found = cases.list_cases(connection, state=state, owner=owner, subject=subject, limit=limit)
        return reply({"cases": found})

    @router.get("/feedback/cases/{case}", summary="One case: what it is about, what was said and by which messages")
    def show(case: str) -> Response:
        with server.database.read() as connection:
            found: Shown = shown_case(connection, case)
        return reply(found)

    @router.get("/feedback/messages", summary="Messages to owners, the newest first")
    def list_messages(
        state: Annotated[str, Query(pattern="^(waiting|done|dead|merged|)$")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        with server.database.read() as connection:
            return reply({"messages": messages.list_messages(connection, state=state, limit=limit)})

    @router.post("/feedback/messages/{message}/retry", summary="Have a message sent that was given up, or waits")
    def retry(message: str) -> Response:
        with server.database.begin() as connection:
            return reply(messages.retry(connection, message, at=server.clock()))

    @router.get("/feedback/times", summary="How long it takes until it is mended, by owner and severity")
    def times(owner: str = "", days: Annotated[int, Query(ge=1, le=3650)] = 90) -> Response:
        at = server.clock()
        with server.database.read() as connection:
            found = times_to_fix(connection, since=at - timedelta(days=days), at=at, owner=owner)
        return reply({"times": found})


def _add_channels(router: APIRouter, server: Server) -> None:
    @router.get("/feedback/channels", summary="Channels to owners, without their secrets")
    def channels() -> Response:
        with server.database.read() as connection:
            return reply({"channels": list_channels(connection)})

    @router.put("/feedback/channels/{name}", summary="Put a channel on record, in the place of what was said of it")
    async def put(name: str, request: Request) -> Response:
        wanted, by = await read_body(request, WantedChannel), principal_of(request).name
        channel = replace(wanted.channel, name=name)

        def change() -> Channel:
            with server.database.begin() as connection:
                key = server.feedback.key
                return set_channel(connection, channel, wanted.secret, key=key, by=by, at=server.clock())

        return reply(await run_sync(change))

    @router.delete("/feedback/channels/{name}", summary="Remove a channel; what waits for it is given up")
    def remove(name: str, request: Request) -> Response:
        with server.database.begin() as connection:
            remove_channel(connection, name, by=principal_of(request).name, at=server.clock())
        return reply({"removed": name})

    @router.post("/feedback/channels/{name}/test", summary="Send one message by a channel now")
    def test(name: str) -> Response:
        return reply(try_out(server.database, server.feedback.sender, name, uuid4().hex, at=rfc3339(server.clock())))
