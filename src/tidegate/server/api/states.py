# SPDX-License-Identifier: Apache-2.0
"""Changes of state that people make: restrict, deprecate, recall, retire, release."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from tidegate.artifact import Digest
from tidegate.assembly.server import Server
from tidegate.curation.change import Act, Wish, change_state
from tidegate.curation.shelved import repositories_of
from tidegate.evidence.restriction import parse_moment, parse_restriction
from tidegate.identity import Verb
from tidegate.identity.duties import Actor
from tidegate.server.api.asking import require
from tidegate.server.api.problem import reply
from tidegate.server.authentication import principal_of

Reason = Annotated[str, Body(max_length=1000)]
Names = Annotated[tuple[str, ...], Body(max_length=100)]
Text = Annotated[str, Body(max_length=1000)]


def routes(server: Server) -> APIRouter:
    """The routes of changes."""
    router = APIRouter(tags=["states"])

    def change(request: Request, digest: str, act: Act, reason: str, **more: Any) -> Response:
        subject = Digest(digest)
        with server.database.read() as connection:
            names = repositories_of(connection, subject)
        require(server, request, Verb.APPROVE if act is Act.RELEASE else Verb.ADMIT, names)
        principal = principal_of(request)
        wish = Wish(act=act, reason=reason, who=principal.name, by=Actor.of(principal), **more)
        with server.database.begin() as connection:
            changed = change_state(connection, server.gate, subject, wish, at=server.clock())
        return reply(changed)

    @router.post("/images/{digest}/restrict", summary="Keep an image for some: who, where, until when")
    def restrict(
        request: Request, digest: str, *, reason: Reason, who: Names = (), where: Names = (), until: Text = ""
    ) -> Response:
        return change(request, digest, Act.RESTRICT, reason, restriction=parse_restriction(who, where, until))

    @router.post("/images/{digest}/deprecate", summary="Say that an image should not be used any more")
    def deprecate(
        request: Request, digest: str, *, reason: Reason, sunset: Text = "", replacement: Text = ""
    ) -> Response:
        gone_at = parse_moment(sunset) if sunset else None
        return change(request, digest, Act.DEPRECATE, reason, sunset=gone_at, replacement=replacement)

    @router.post("/images/{digest}/recall", summary="Take an image back, until it is released")
    def recall(request: Request, digest: str, *, reason: Reason, replacement: Text = "") -> Response:
        return change(request, digest, Act.RECALL, reason, replacement=replacement)

    @router.post("/images/{digest}/retire", summary="Take an image out of use for good")
    def retire(request: Request, digest: str, *, reason: Reason, replacement: Text = "") -> Response:
        return change(request, digest, Act.RETIRE, reason, replacement=replacement)

    @router.post("/images/{digest}/release", summary="Take the last of these back; what was recalled is judged again")
    def release(request: Request, digest: str, *, reason: Reason, alone: Text = "") -> Response:
        return change(request, digest, Act.RELEASE, reason, alone=alone)

    return router
