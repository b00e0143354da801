# SPDX-License-Identifier: Apache-2.0
"""Images: what state they are in, and asking for another judgement."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Connection, select
from starlette.responses import Response

from tidegate.artifact import Digest
from tidegate.assembly.server import Server
from tidegate.clock import rfc3339
from tidegate.curation.lifecycle import UNDECIDED, State
from tidegate.errors import NotFoundError, RefusedError
from tidegate.evidence import Decision
from tidegate.server.api.problem import reply
from tidegate.server.api.waiting import wait_for
from tidegate.storage import schema

Wait = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for a verdict before answering.")]
Limit = Annotated[int, Query(ge=1, le=1000)]


def routes(server: Server) -> APIRouter:
    """The routes of images."""
    router = APIRouter(tags=["images"])

    @router.get("/images", summary="Images by state, newest first")
    def list_images(state: State | None = None, limit: Limit = 100) -> Response:
        table = schema.state
        query = select(table).order_by(table.c.since.desc(), table.c.digest.desc()).limit(limit)
        if state is not None:
            query = query.where(table.c.state == state.value)
        with server.database.read() as connection:
            return reply([dict(row) for row in connection.execute(query).mappings()])

    @router.get("/images/{digest}", summary="The state of one image, and the reasons for it")
    def show_image(digest: str, wait: Wait = 0) -> Response:
        subject = Digest(digest)

        def decided() -> dict[str, Any] | None:
            found = _image(server, subject)
            return found if found["state"] not in UNDECIDED else None

        return reply(wait_for(server, decided, seconds=wait) or _image(server, subject))

    @router.post("/images/{digest}/judge", status_code=202, summary="Have an image judged again")
    def judge_image(digest: str) -> Response:
        subject = Digest(digest)
        _image(server, subject)
        server.submit(f"{subject}:asked:{rfc3339(server.clock())}", subject)
        return reply({"digest": subject, "asked": True}, status=202)

    return router


def _image(server: Server, digest: Digest) -> dict[str, Any]:
    table = schema.state
    with server.database.read() as connection:
        row = connection.execute(select(table).where(table.c.digest == digest)).mappings().first()
        if row is None:
            raise NotFoundError("no such image", where=digest)
        decision = _verdict(server, connection, row["decision"])
    return {**row, "verdict": decision}


def _verdict(server: Server, connection: Connection, envelope: str) -> Decision | None:
    """The decision behind a state; None when there is none, or its signature is void by now."""
    try:
        return server.gate.decision_named(connection, Digest(envelope)) if envelope else None
    except RefusedError:
        return None
