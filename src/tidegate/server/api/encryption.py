# SPDX-License-Identifier: Apache-2.0
"""Encryption: consumers' public keys, encrypted copies of admitted images, and the release of their keys."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse, Response

from tidegate.artifact import Digest, Repository
from tidegate.assembly.server import Server
from tidegate.curation.consumer import Consumer
from tidegate.curation.encryption.copies import list_copies
from tidegate.curation.encryption.copy_job import CopyJob, JobState, find_job, list_jobs
from tidegate.curation.encryption.copy_wish import copy_wish
from tidegate.curation.encryption.key_release import list_releases
from tidegate.curation.encryption.recipients import add_recipient, list_recipients, remove_recipient
from tidegate.curation.shelved import repositories_of
from tidegate.errors import NotFoundError
from tidegate.identity import Asked, Principal, Verb
from tidegate.oci.encryption.keys import RecipientKey
from tidegate.server.api.body import read_body
from tidegate.server.api.problem import reply
from tidegate.server.api.waiting import wait_for
from tidegate.server.authentication import principal_of
from tidegate.server.registry.consumer import consumer_of
from tidegate.values import Struct

Limit = Annotated[int, Query(ge=1, le=1000)]
Name = Annotated[str, Query(max_length=255)]
_CREATED, _ASKED = 201, 202


class NewRecipient(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /recipients`: whose key, and the public key in PEM or as a JWK."""

    name: str
    public_key: str


class NewCopy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /encrypted-copies`: `source` and `target` as `repository:tag` (or `@digest` of the source)."""

    source: str
    target: str
    consumers: tuple[str, ...] = ()


class ShownKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /images/{digest}/keys`: the public key that the layers' keys shall be wrapped for."""

    public_key: str


def routes(server: Server) -> APIRouter:
    """The routes of encryption."""
    router = APIRouter(tags=["encryption"])
    _add_recipients(router, server)
    _add_copies(router, server)
    _add_release(router, server)
    return router


def _add_recipients(router: APIRouter, server: Server) -> None:
    @router.get("/recipients", summary="Consumers' public keys, by name")
    def show_recipients(name: Name = "", limit: Limit = 1000) -> Response:
        with server.database.read() as connection:
            return reply(list_recipients(connection, name=name, limit=limit))

    @router.post("/recipients", status_code=_CREATED, summary="Register a consumer's public key")
    async def add(request: Request) -> Response:
        body, who = await read_body(request, NewRecipient), principal_of(request).name
        key = RecipientKey.parse(body.public_key.encode(), where="public_key")

        def register() -> bool:
            with server.database.begin() as connection:
                return add_recipient(connection, body.name, key, who=who, at=server.clock())

        return reply({"name": body.name, "kid": key.kid, "new": await run_sync(register)}, status=_CREATED)

    @router.delete("/recipients", summary="Take a consumer's public key out")
    def remove(request: Request, name: Name, kid: Annotated[str, Query(max_length=64)]) -> Response:
        with server.database.begin() as connection:
            remove_recipient(connection, name, kid, who=principal_of(request).name, at=server.clock())
        return reply({"name": name, "kid": kid, "removed": True})

    @router.get("/encryption-key", summary="The server's own public key (PEM)")
    def show_key() -> Response:
        return PlainTextResponse(server.encryption.public_key)


def _add_copies(router: APIRouter, server: Server) -> None:
    @router.get("/encrypted-copies", summary="Encrypted copies, newest first; of all images or of one")
    def show_copies(plain: Annotated[str, Query(max_length=135)] = "", limit: Limit = 100) -> Response:
        with server.database.read() as connection:
            return reply(list_copies(connection, plain=Digest(plain) if plain else None, limit=limit))

    @router.post("/encrypted-copies", status_code=_ASKED, summary="Ask for an encrypted copy of an admitted image")
    async def make(request: Request) -> Response:
        body = await read_body(request, NewCopy)
        wish, consumer = copy_wish(body.source, body.target, body.consumers), consumer_of(request)

        def ask() -> CopyJob:
            job = server.encryption.encrypting.ask(wish, consumer)
            if job.state is JobState.ASKED:
                server.encrypt(job)
            return job

        job = await run_sync(ask)
        answer = reply(job, status=_ASKED)
        answer.headers["Location"] = f"/api/v1/encrypted-copies/jobs/{job.id}"
        return answer

    @router.get("/encrypted-copies/jobs", summary="Encrypted copies that were asked for, newest first")
    def show_jobs(limit: Limit = 100) -> Response:
        with server.database.read() as connection:
            return reply(list_jobs(connection, limit=limit))

    @router.get("/encrypted-copies/jobs/{number}", summary="How far an encrypted copy is; can wait for its end")
    def show_job(number: str, wait: Annotated[float, Query(ge=0, le=60)] = 0) -> Response:
        def look() -> CopyJob:
            with server.database.read() as connection:
                return find_job(connection, number)

        def ended() -> CopyJob | None:
            return found if (found := look()).state is not JobState.ASKED else None

        return reply(wait_for(server, ended, seconds=wait) or look())


def _add_release(router: APIRouter, server: Server) -> None:
    @router.post("/images/{digest}/keys", summary="The keys of an encrypted copy, wrapped for the public key shown")
    async def release(digest: str, request: Request) -> Response:
        subject, body = Digest(digest), await read_body(request, ShownKey)
        key = RecipientKey.parse(body.public_key.encode(), where="public_key")
        principal = principal_of(request)
        consumer = consumer_of(request)

        def give() -> Response:
            holding = _pullable(server, subject, principal, consumer)
            return reply(server.encryption.release.release(subject, key, consumer, holding))

        return await run_sync(give)

    @router.get("/key-releases", summary="Who was given, or refused, the keys of which copy; newest first")
    def show_releases(
        digest: Annotated[str, Query(max_length=135)] = "", principal: Name = "", limit: Limit = 100
    ) -> Response:
        with server.database.read() as connection:
            subject = Digest(digest) if digest else None
            return reply(list_releases(connection, encrypted=subject, principal=principal, limit=limit))


def _pullable(server: Server, digest: Digest, principal: Principal, consumer: Consumer) -> tuple[Repository, ...]:
    """The repositories that hold a digest and that somebody may pull it from."""
    with server.database.read() as connection:
        names = repositories_of(connection, digest)
    if not names:
        raise NotFoundError("no such image", where=digest)
    return tuple(
        name
        for name in names
        if server.access.permissions.ruling(
            principal, Asked(verb=Verb.PULL, repository=name, digest=digest, address=consumer.address)
        ).allowed
    )
