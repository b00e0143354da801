# SPDX-License-Identifier: Apache-2.0
"""Rules of intake and of keeping: sets over what files say, each changed by who saw the version they replace."""

import re
from typing import Annotated, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from tidegate.assembly.rule_book import PATHS, RecordedRules, intake_rule_book, keeping_rule_book
from tidegate.assembly.server import Server
from tidegate.curation.rule_sets import MAX_DOCUMENT_BYTES, MAX_WHY_CHARS, RuleKind, RuleSet
from tidegate.errors import BoundExceededError, UsageError
from tidegate.server.api.problem import reply
from tidegate.server.authentication import principal_of

Why = Annotated[str, Query(max_length=MAX_WHY_CHARS)]
Match = Annotated[str, Header(max_length=64)]
_TAG: Final = re.compile(r'"([1-9][0-9]{0,17})"')


def routes(server: Server) -> APIRouter:
    """The routes of rules."""
    router = APIRouter(tags=["rules"])
    for kind in RuleKind:
        _add(router, server, kind)
    return router


def _add(router: APIRouter, server: Server, kind: RuleKind) -> None:
    path = PATHS[kind]

    def book() -> RecordedRules:
        settings, database, clock = server.settings, server.database, server.clock
        if kind is RuleKind.INTAKE:
            return intake_rule_book(settings, database, server.taking_in.rules, clock)
        keeping = server.keeping
        return keeping_rule_book(settings, database, keeping.in_force, clock, suppose=keeping.supposing)

    @router.get(path, summary=f"Sets of rules of {kind}, what each says, and the rules of files beneath")
    def list_sets() -> Response:
        return reply(book().listed())

    @router.get(path + "/{name}", summary="One set, with its document; its version is the ETag")
    def show_set(name: str) -> Response:
        return _tagged(book().named(name))

    @router.put(path + "/{name}", summary="Set the rules of a set, whole. Body: the document, as a file has it")
    async def put_set(
        name: str, request: Request, why: Why, if_match: Match = "", if_none_match: Match = ""
    ) -> Response:
        document, who, seen = await _body(request), principal_of(request).name, _seen(if_match, if_none_match)
        return _tagged(await run_sync(lambda: book().put(name, document, who=who, why=why, seen=seen)))

    @router.delete(path + "/{name}", summary="Remove a set; what files say is in force again")
    def remove_set(name: str, request: Request, why: Why, if_match: Match = "") -> Response:
        book().remove(name, who=principal_of(request).name, why=why, seen=_seen(if_match, ""))
        return reply({"removed": name})

    @router.post(path + "/{name}/plan", summary="What would be, were the body the set: nothing is changed")
    async def plan_set(name: str, request: Request) -> Response:
        document = await _body(request)
        return reply(await run_sync(lambda: book().plan(name, document)))


def _tagged(found: RuleSet) -> Response:
    response = reply(found)
    response.headers["ETag"] = f'"{found.version}"'
    return response


def _seen(if_match: str, if_none_match: str) -> int:
    """The version that is to be replaced (RFC 9110, 13.1); 0 for none."""
    if if_none_match == "*" and not if_match:
        return 0
    found = _TAG.fullmatch(if_match)
    if found is None or if_none_match:
        raise UsageError(
            "which version is changed", remedy='say If-Match: "VERSION", or If-None-Match: * for a new set'
        )
    return int(found[1])


async def _body(request: Request) -> bytes:
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > MAX_DOCUMENT_BYTES:
            raise BoundExceededError("MAX_DOCUMENT_BYTES", MAX_DOCUMENT_BYTES, where="request")
    return bytes(raw)
