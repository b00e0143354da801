# SPDX-License-Identifier: Apache-2.0
"""Verdicts for webhooks elsewhere, and what those did with them."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Body, Query, Request
from starlette.responses import Response

from tidegate.artifact import Digest
from tidegate.assembly.server import Server
from tidegate.bounds import MIB
from tidegate.execution.reviews.record import Record
from tidegate.execution.reviews.recorded import put_on_record
from tidegate.execution.verdicts.verdict import MAX_BATCH
from tidegate.server.api.body import read_body
from tidegate.server.api.problem import reply
from tidegate.server.authentication import principal_of
from tidegate.values import Struct

_MAX_RECORDS_BYTES = 8 * MIB


class _Records(Struct, frozen=True, kw_only=True):
    records: tuple[Record, ...]


def routes(server: Server) -> APIRouter:
    """The routes of verdicts."""
    router = APIRouter(tags=["admission"])

    @router.get("/admission/head", summary="What verdicts stand on: newest event, signed policies")
    def head() -> Response:
        found = server.verdicts.head()
        return reply({"offset": found.offset, "policies": found.policies.decode(), "restrictions": found.restrictions})

    @router.get("/admission/images", summary="Digests that verdicts can be asked for, in their order")
    def known(after: Annotated[str, Query(max_length=135)] = "") -> Response:
        return reply({"digests": server.verdicts.known_after(after)})

    @router.post("/admission/verdicts", summary="A signed batch of verdicts over images, for webhooks to answer by")
    def verdicts(
        digests: Annotated[list[str], Body(embed=True, min_length=1, max_length=MAX_BATCH)],
    ) -> Response:
        wanted = list(dict.fromkeys(Digest(text) for text in digests))
        return reply({"envelope": server.verdicts.verdicts(wanted).decode()})

    @router.post("/admission/records", summary="What a webhook admitted, denied and let through broken glass")
    async def records(request: Request) -> Response:
        given = await read_body(request, _Records, max_bytes=_MAX_RECORDS_BYTES)
        new = await run_sync(put_on_record, server.database, given.records, principal_of(request).name)
        return reply({"recorded": new})

    return router
