# SPDX-License-Identifier: Apache-2.0
"""Subscriptions: who is told of what, what waits, what was given up, and telling it again."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from starlette.responses import Response

from tidegate.artifact import Digest, Repository
from tidegate.assembly.server import Server
from tidegate.assembly.subscribing import hearer_named
from tidegate.curation.consumer_pulls import pulls_of
from tidegate.curation.vending import subscriptions as subscribing
from tidegate.curation.vending.hearing import Hearer
from tidegate.curation.vending.subscriber import owner_columns
from tidegate.curation.vending.subscriptions import MAX_BATCH, USUAL, Subscription, Wanted
from tidegate.curation.vending.webhook import WebhookSecret
from tidegate.errors import NotFoundError
from tidegate.events import EventKind
from tidegate.identity import Verb
from tidegate.outbound.address import check_url
from tidegate.server.api.asking import require
from tidegate.server.api.problem import reply
from tidegate.server.authentication import client_of, principal_of
from tidegate.wire import to_builtins


def routes(server: Server) -> APIRouter:
    """The routes of subscriptions."""
    router = APIRouter(tags=["vending"])

    @router.post("/subscriptions", status_code=201, summary="Be told of changes by signed webhooks")
    def subscribe(
        request: Request,
        *,
        url: Annotated[str, Body(max_length=2000)],
        pattern: Annotated[str, Body(max_length=255)] = "",
        digest: Annotated[str, Body(max_length=135)] = "",
        component: Annotated[str, Body(max_length=1000)] = "",
        kinds: Annotated[tuple[EventKind, ...], Body(max_length=50)] = USUAL,
        owner: Annotated[str, Body(max_length=210)] = "",
        secret: Annotated[str, Body(max_length=200)] = "",
        batch: Annotated[int, Body(ge=1, le=MAX_BATCH)] = 1,
    ) -> Response:
        wanted = Wanted(pattern=pattern, digest=digest, component=component, kinds=kinds)
        verb, repository = subscribing.needed(wanted)
        require(server, request, verb, [Repository(repository)] if repository else [])
        check_url(url, insecure=False)
        shared = WebhookSecret(secret) if secret else WebhookSecret.generate()
        if owner:
            require(server, request, Verb.ADMINISTER, [])
        oneself = Hearer(principal=principal_of(request), address=client_of(request).address)
        with server.database.begin() as connection:
            whose = owner_columns(hearer_named(connection, owner) if owner else oneself)
            made = subscribing.subscribe(
                connection,
                wanted,
                owner=whose,
                url=url,
                secret=shared,
                key=server.webhook_key,
                at=server.clock(),
                batch=batch,
            )
        told: dict[str, Any] = to_builtins(made)
        if not secret:
            told["secret"] = shared.reveal()  # this once
        return reply(told, status=201)

    @router.get("/subscriptions", summary="One's own subscriptions; all of them for administrators")
    def list_own(request: Request) -> Response:
        principal = principal_of(request)
        with server.database.read() as connection:
            whose = {} if principal.is_administrator else {"owner": principal.name, "owner_kind": principal.kind.value}
            return reply({"subscriptions": subscribing.list_subscriptions(connection, **whose)})

    @router.delete("/subscriptions/{number}", summary="Be told no more")
    def remove(request: Request, number: str) -> Response:
        with server.database.begin() as connection:
            _own(request, subscribing.subscription_named(connection, number))
            subscribing.unsubscribe(connection, number)
        return reply({"id": number, "removed": True})

    @router.get("/subscriptions/{number}/deliveries", summary="What was told, waits, or was given up, newest first")
    def deliveries(
        request: Request,
        number: str,
        state: Annotated[str, Query(pattern="^(waiting|done|dead|withheld|)$")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        with server.database.read() as connection:
            _own(request, subscribing.subscription_named(connection, number))
            to_owner = not principal_of(request).is_administrator
            found = subscribing.list_deliveries(connection, number, state=state, limit=limit, to_owner=to_owner)
        return reply({"deliveries": found})

    @router.post("/subscriptions/{number}/replay", status_code=202, summary="Be told once more, from an offset on")
    def replay(request: Request, number: str, after: Annotated[int, Query(ge=0)] = 0) -> Response:
        with server.database.begin() as connection:
            _own(request, subscribing.subscription_named(connection, number))
            told = subscribing.replay(connection, number, after=after, at=server.clock())
        server.database.commits.notify()
        return reply({"id": number, "events": told}, status=202)

    @router.post("/subscriptions/{number}/test", summary="Send the receiver one signed message now")
    def test(request: Request, number: str) -> Response:
        with server.database.read() as connection:
            _own(request, subscribing.subscription_named(connection, number))
        return reply(server.sender.try_out(number))

    @router.get("/images/{digest}/consumers", summary="Who pulled an image, the latest first")
    def consumers(digest: str, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        subject = Digest(digest)
        server.consumer_pulls.flush()
        with server.database.read() as connection:
            return reply({"consumers": pulls_of(connection, subject, limit=limit)})

    return router


def _own(request: Request, found: Subscription) -> None:
    principal = principal_of(request)
    own = (found.owner, found.owner_kind) == (principal.name, principal.kind)
    if not principal.is_administrator and not own:
        raise NotFoundError("no such subscription", where=found.id)
