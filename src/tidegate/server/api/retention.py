# SPDX-License-Identifier: Apache-2.0
"""Retention: the rules in force, what they would take out now and why, and having it done."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.bounds import MIB
from tidegate.curation.keeping.orders import OrderKind
from tidegate.curation.keeping.rule_file import load_keeping_rules
from tidegate.curation.keeping.upkeep import MAX_RUNS, list_runs
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.server.api.problem import reply
from tidegate.server.api.upkeep import WAITS, Wait, answer

MAX_RULES_BYTES = MIB


def routes(server: Server) -> APIRouter:
    """The routes of retention."""
    router = APIRouter(tags=["retention"])

    @router.get("/retention", summary="The rules in force, and the last runs with every digest they took out")
    def show_retention(limit: Annotated[int, Query(ge=1, le=MAX_RUNS)] = 10) -> Response:
        with server.database.read() as connection:
            runs = list_runs(connection, "retention", limit=limit)
        return reply({"rules": server.keeping.rules.retention, "runs": runs})

    @router.post("/retention/plan", summary="What would go now and why. Body: none, or other rules to try, as YAML")
    async def plan(request: Request, wait: Wait = WAITS) -> Response:
        rules = _text(await _body(request))

        def planned() -> Response:
            if rules:
                load_keeping_rules({"request": rules})  # what is wrong with them is told at once
            return answer(server, request, OrderKind.PLAN, argument=rules, wait=wait)

        return await run_sync(planned)

    @router.post("/retention/run", summary="Take out now what the rules in force say")
    def run(request: Request, wait: Wait = WAITS) -> Response:
        return answer(server, request, OrderKind.RETENTION, wait=wait)

    return router


async def _body(request: Request) -> bytes:
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > MAX_RULES_BYTES:
            raise BoundExceededError("MAX_RULES_BYTES", MAX_RULES_BYTES, where="request")
    return bytes(raw)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError("not UTF-8 text", where="request") from error
