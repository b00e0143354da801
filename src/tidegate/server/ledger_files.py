# SPDX-License-Identifier: Apache-2.0
"""The ledger as the static files of C2SP tlog-tiles, under `/ledger/`, and the statements that its entries name.

Tiles and bundles never change, whole or in part, so caches may keep them for ever; the checkpoint they may not keep.
"""

import gzip
from collections.abc import Callable
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tidegate import ledger
from tidegate.admission.records import record_named
from tidegate.artifact import Digest
from tidegate.artifact.media_type import DSSE
from tidegate.assembly.notes import handovers_of
from tidegate.assembly.server import Server
from tidegate.errors import InvalidInputError, NotFoundError, TidegateError
from tidegate.identity import Verb
from tidegate.ledger.tile import Tile
from tidegate.server.api.problem import problem
from tidegate.server.offload import Offload

_YEAR_SECONDS: Final = 31_536_000
_BINARY: Final = "application/octet-stream"


def ledger_files(server: Server, offload: Offload) -> Starlette:
    """The files, to be mounted at `/ledger`."""

    def answers(act: Callable[[Server, Request], Response]) -> Callable[[Request], object]:
        async def answer(request: Request) -> Response:
            try:
                return await offload.run(act, server, request)
            except TidegateError as error:
                return await problem(request, error)

        answer.__name__ = act.__name__.strip("_")  # what metrics call it
        return answer

    return Starlette(
        routes=[
            Route("/checkpoint", answers(_ledger_checkpoint)),
            Route("/key", answers(_ledger_key)),
            Route("/handovers", answers(_ledger_handovers)),
            Route("/statement/{algorithm}/{shard}/{hex}", answers(_ledger_statement)),
            Route("/tile/{path:path}", answers(_ledger_tile)),
        ]
    )


def verb_needed(method: str, _path: str) -> Verb:
    """Reading the ledger is listing everything: its entries name every digest."""
    return Verb.LIST if method in {"GET", "HEAD"} else Verb.ADMINISTER


def _ledger_checkpoint(server: Server, _request: Request) -> Response:
    return PlainTextResponse(server.publication.note(), headers={"Cache-Control": "no-cache"})


def _ledger_key(server: Server, _request: Request) -> Response:
    return PlainTextResponse(f"{server.notes.verifier}\n", headers={"Cache-Control": "no-cache"})


def _ledger_handovers(server: Server, _request: Request) -> Response:
    headers = {"Cache-Control": "no-cache"}
    return Response(handovers_of(server.settings), media_type="application/json", headers=headers)


def _ledger_tile(server: Server, request: Request) -> Response:
    tile = _tile(request)
    headers = _kept(server)
    with server.database.read() as connection:
        content = ledger.StoredTiles(connection).read([tile])[tile]
    if tile.is_bundle:
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("accept-encoding", ""):
            content = gzip.compress(content, compresslevel=1, mtime=0)
            headers["Content-Encoding"] = "gzip"
    return Response(content, media_type=_BINARY, headers=headers)


def _ledger_statement(server: Server, request: Request) -> Response:
    digest = Digest(f"{request.path_params['algorithm']}:{request.path_params['hex']}")
    if request.path_params["shard"] != digest.hex[:2]:
        raise NotFoundError("no such statement", where=digest)
    with server.database.read() as connection:
        found = record_named(connection, digest)
    if found is None:
        raise NotFoundError("no such statement", where=digest)
    return Response(found.envelope, media_type=DSSE, headers=_kept(server))


def _kept(server: Server) -> dict[str, str]:
    reach = "public" if server.settings.ledger.public else "private"
    return {"Cache-Control": f"{reach}, max-age={_YEAR_SECONDS}, immutable", "X-Content-Type-Options": "nosniff"}


def _tile(request: Request) -> Tile:
    path = f"tile/{request.path_params['path']}"
    try:
        return Tile.parse(path)
    except InvalidInputError as error:
        raise NotFoundError(error.what, where=error.where) from error
