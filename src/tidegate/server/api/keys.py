# SPDX-License-Identifier: Apache-2.0
"""Trust in keys: what they may sign, from when until when; proposed by one person and confirmed by another."""

from datetime import timedelta
from typing import Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import Response

from tidegate.admission.key_revocation import Revocation
from tidegate.admission.key_row import NewKey
from tidegate.assembly.server import Server
from tidegate.assembly.trust import DEFAULT_OVERLAP, KeyAdministration
from tidegate.clock import parse_rfc3339
from tidegate.errors import UsageError
from tidegate.identity.duties import Actor
from tidegate.server.api.body import read_body
from tidegate.server.api.problem import reply
from tidegate.server.authentication import principal_of
from tidegate.signing.keys import VerifyingKey
from tidegate.trust.role import parse_roles
from tidegate.values import Struct

_CREATED: Final = 201
_HOURS: Final = DEFAULT_OVERLAP / timedelta(hours=1)
_MAX_HOURS: Final = 24 * 366


class KeyWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /keys`; `alone` is why an administrator does without a second person."""

    name: str
    public_key: str
    roles: tuple[str, ...]
    why: str
    not_before: str = ""
    not_after: str = ""
    alone: str = ""


class Said(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of what is done to a key that was proposed."""

    why: str = ""
    alone: str = ""


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of a rotation; without `public_key` the server makes its own next key."""

    why: str
    public_key: str = ""
    overlap_hours: float = _HOURS
    alone: str = ""


class Voiding(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of a revocation: from now on, or since a moment or an entry of the ledger that lies behind."""

    why: str
    since: str = ""
    since_entry: int | None = None


def routes(server: Server) -> APIRouter:
    """The routes of keys."""
    router = APIRouter(tags=["trust"])
    _add_reading(router, server)
    _add_trusting(router, server)
    _add_ending(router, server)
    return router


def _keys(server: Server) -> KeyAdministration:
    return KeyAdministration(settings=server.settings, database=server.database, gate=server.gate, clock=server.clock)


def _add_reading(router: APIRouter, server: Server) -> None:
    @router.get("/keys", summary="Keys that are or were trusted: for what, from when until when, and who said so")
    def list_keys() -> Response:
        return reply({"keys": _keys(server).listed()})

    @router.get("/keys/{key}", summary="One key, by its id, the start of one, or its name")
    def show_key(key: str) -> Response:
        return reply(_keys(server).named(key))


def _add_trusting(router: APIRouter, server: Server) -> None:
    @router.post("/keys", status_code=_CREATED, summary="Propose a key; some roles need another person to confirm it")
    async def propose(request: Request) -> Response:
        by, body = Actor.of(principal_of(request)), await read_body(request, KeyWanted)
        new = NewKey(
            key=VerifyingKey.parse(body.public_key.encode(), where="public_key"),
            name=body.name,
            roles=parse_roles(body.roles),
            not_before=parse_rfc3339(body.not_before) if body.not_before else None,
            not_after=parse_rfc3339(body.not_after) if body.not_after else None,
        )
        made = await run_sync(lambda: _keys(server).propose(new, by=by, why=body.why, alone=body.alone))
        return reply(made, status=_CREATED)

    @router.post("/keys/{key}/confirm", summary="Trust a key that another person proposed")
    async def confirm(key: str, request: Request) -> Response:
        by, body = Actor.of(principal_of(request)), await read_body(request, Said)
        return reply(await run_sync(lambda: _keys(server).confirm(key, by=by, why=body.why, alone=body.alone)))

    @router.post("/keys/{key}/refuse", summary="Refuse a key that was proposed")
    async def refuse(key: str, request: Request) -> Response:
        by, body = Actor.of(principal_of(request)), await read_body(request, Said)
        return reply(await run_sync(lambda: _keys(server).refuse(key, by=by, why=body.why)))


def _add_ending(router: APIRouter, server: Server) -> None:
    @router.post("/keys/rotate", summary="Give this server another key to sign with; both count until the overlap ends")
    async def rotate_own(request: Request) -> Response:
        by, body = Actor.of(principal_of(request)), await read_body(request, Rotation)
        new = VerifyingKey.parse(body.public_key.encode(), where="public_key") if body.public_key else None
        overlap = _overlap(body)
        return reply(
            await run_sync(
                lambda: _keys(server).rotate_own(by=by, why=body.why, overlap=overlap, new=new, alone=body.alone)
            )
        )

    @router.post("/keys/{key}/rotate", summary="Have a new key take the place of another's; both count for a while")
    async def rotate(key: str, request: Request) -> Response:
        by, body = Actor.of(principal_of(request)), await read_body(request, Rotation)
        if not body.public_key:
            raise UsageError("which key is the next?", remedy="give public_key, in PEM")
        new, overlap = VerifyingKey.parse(body.public_key.encode(), where="public_key"), _overlap(body)
        return reply(
            await run_sync(
                lambda: _keys(server).rotate(key, new, by=by, why=body.why, overlap=overlap, alone=body.alone)
            )
        )

    @router.post("/keys/{key}/revoke", summary="Make void what a key signed from a place in the ledger on")
    async def revoke(key: str, request: Request) -> Response:
        by, body = Actor.of(principal_of(request)), await read_body(request, Voiding)
        since = parse_rfc3339(body.since) if body.since else None
        revocation = Revocation(why=body.why, since=since, since_entry=body.since_entry)
        return reply(await run_sync(lambda: _keys(server).revoke(key, revocation, by=by)))


def _overlap(body: Rotation) -> timedelta:
    if not 0 <= body.overlap_hours <= _MAX_HOURS:
        raise UsageError(f"not a number of hours: {body.overlap_hours}", remedy=f"from 0 to {_MAX_HOURS}")
    return timedelta(hours=body.overlap_hours)
