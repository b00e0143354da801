# SPDX-License-Identifier: Apache-2.0
"""Intake: upstreams, the names that come from them, and lists of images to take in."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate.artifact import Digest, Repository
from tidegate.assembly.server import Server
from tidegate.curation.image_chains import built_upon
from tidegate.curation.intake.entry import Outcome, located
from tidegate.curation.intake.imports import ImportReport, begin_import, import_report, recent_imports
from tidegate.curation.intake.internal_base import versions_of
from tidegate.curation.intake.named_images import MAX_TEXT_BYTES, named_images
from tidegate.curation.intake.names import intake_names
from tidegate.curation.intake.pull_through import NotTakenError
from tidegate.errors import BoundExceededError, NotFoundError
from tidegate.server.api.problem import reply
from tidegate.server.api.waiting import wait_for
from tidegate.server.authentication import principal_of

Limit = Annotated[int, Query(ge=1, le=1000)]
Wait = Annotated[float, Query(ge=0, le=60, description="Seconds to wait until every line has its verdict.")]
Name = Annotated[str, Query(max_length=255)]


def routes(server: Server) -> APIRouter:
    """The routes of intake."""
    router = APIRouter(prefix="/intake", tags=["intake"])
    _add_names(router, server)
    _add_imports(router, server)
    _add_bases(router, server)
    return router


def _add_names(router: APIRouter, server: Server) -> None:

    @router.get("/upstreams", summary="Upstream registries, and what is taken from them")
    def list_upstreams() -> Response:
        return reply(
            [
                {
                    "name": one.name,
                    "source": f"{one.registry}/{one.path}".rstrip("/"),
                    "under": one.under,
                    "repositories": one.repositories.wanted,
                    "tags": one.tags.wanted,
                    "not_tags": one.tags.excepted,
                    "platforms": [str(platform) for platform in one.platforms],
                    "min_age_days": one.min_age.total_seconds() / 86400,
                }
                for one in server.taking_in.intake.upstreams.all
            ]
        )

    @router.get("/names", summary="Names that come from upstreams, and how they stand")
    def list_names(
        upstream: Name = "", outcome: Outcome | None = None, watched: bool = False, limit: Limit = 100, last: Name = ""
    ) -> Response:
        repository, _, locator = last.partition(" ")
        with server.database.read() as connection:
            found = intake_names(
                connection,
                upstream=upstream,
                outcome=outcome.value if outcome else "",
                watched=watched,
                last=(repository, locator),
                limit=limit,
            )
        return reply(found)

    @router.post("/look", status_code=202, summary="Have a name looked at upstream now")
    def look(request: Request, repository: Name, locator: Name) -> Response:
        name, wanted = Repository(repository), located(locator)
        upstream = server.taking_in.intake.upstreams.of(name)
        objection = upstream.objection(name, wanted) if upstream else "no upstream brings it"
        if upstream is None or objection:
            raise NotTakenError(objection, where=name)
        source, who = upstream.source(name, wanted), principal_of(request).name
        return reply(server.taking_in.intake.ask(upstream, name, wanted, source=source, who=who), status=202)


def _add_imports(router: APIRouter, server: Server) -> None:
    @router.post("/imports", status_code=202, summary="Take in the images a text names")
    async def begin(request: Request, name: Name = "list", dry_run: bool = False) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_TEXT_BYTES:
                raise BoundExceededError("MAX_TEXT_BYTES", MAX_TEXT_BYTES, where="list")
        who = principal_of(request).name

        def act() -> Response:
            named = named_images(bytes(body), where=name)
            if dry_run:
                return reply(server.taking_in.preview.lines(named))
            upstreams = server.taking_in.intake.upstreams
            id_ = begin_import(server.database, upstreams, named, name=name, who=who, at=server.clock())
            return reply(import_report(server.database, id_), status=202)

        return await run_sync(act)

    @router.get("/imports", summary="Lists taken in, newest first")
    def list_imports(limit: Limit = 100) -> Response:
        return reply(recent_imports(server.database, limit=limit))

    @router.get("/imports/{id}", summary="What became of each image of a list")
    def show_import(id: str, wait: Wait = 0) -> Response:  # noqa: A002 - the name in the address
        def done() -> ImportReport | None:
            report = import_report(server.database, id)
            return report if report.is_done else None

        return reply(wait_for(server, done, seconds=wait) or import_report(server.database, id))


def _add_bases(router: APIRouter, server: Server) -> None:
    @router.get("/bases", summary="Internal bases, each with its versions, newest first")
    def list_bases() -> Response:
        with server.database.read() as connection:
            found = [
                {
                    "name": base.name,
                    "source": str(base.source),
                    "name_here": f"{base.repository}:{base.tag}",
                    "owner": base.owner,
                    "built": base.is_built,
                    "versions": versions_of(connection, base.name),
                }
                for base in server.taking_in.renewal.bases
            ]
        return reply(found)

    @router.get("/bases/{name}/built-upon", summary="Images built upon a version of an internal base")
    def list_built_upon(name: str, number: Annotated[int, Query(ge=1)]) -> Response:
        with server.database.read() as connection:
            version = next((one for one in versions_of(connection, name, limit=1000) if one.number == number), None)
            if version is None or not version.digest:
                raise NotFoundError("no such version of a base", where=f"{name} {number}"[:100])
            return reply(built_upon(connection, Digest(version.digest)))
