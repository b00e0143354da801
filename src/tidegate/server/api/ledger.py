# SPDX-License-Identifier: Apache-2.0
"""The ledger: its signed checkpoint, entries, and proofs that an auditor checks with public tools."""

import base64
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import PlainTextResponse, Response

from tidegate import ledger
from tidegate.admission.records import record_named
from tidegate.artifact import Digest
from tidegate.artifact.media_type import DSSE
from tidegate.assembly.server import Server
from tidegate.errors import NotFoundError
from tidegate.server.api.problem import reply


def routes(server: Server) -> APIRouter:
    """The routes of the ledger and of the statements in it."""
    router = APIRouter(tags=["ledger"])

    @router.get("/ledger/checkpoint", summary="The signed checkpoint of now (C2SP tlog-checkpoint)")
    def checkpoint() -> Response:
        return PlainTextResponse(server.publication.note())

    @router.get("/ledger/key", summary="The key that checkpoints are verified with (C2SP signed-note)")
    def key() -> Response:
        return PlainTextResponse(f"{server.notes.verifier}\n")

    @router.get(
        "/ledger/inclusion", summary="Proof that an entry is in the tree of a size (RFC 6962, hashes in base64)"
    )
    def inclusion(index: Annotated[int, Query(ge=0)], size: Annotated[int | None, Query(ge=1)] = None) -> Response:
        with server.database.read() as connection:
            at_size = size or ledger.size(connection)
            proof = ledger.inclusion_proof(connection, index, at_size)
            entry, root = ledger.entry_at(connection, index), ledger.root(connection, at_size)
        told = {"entry": _text(entry), "root": _text(root), "proof": [_text(item) for item in proof]}
        return reply({"index": index, "size": at_size, **told})

    @router.get("/ledger/consistency", summary="Proof that a later tree only added to an earlier one")
    def consistency(first: Annotated[int, Query(ge=0)], second: Annotated[int, Query(ge=0)]) -> Response:
        with server.database.read() as connection:
            proof = ledger.consistency_proof(connection, first, second)
        return reply({"first": first, "second": second, "proof": [_text(item) for item in proof]})

    @router.get("/statements/{digest}", summary="A signed statement as it was recorded (DSSE envelope)")
    def statement(digest: str) -> Response:
        with server.database.read() as connection:
            found = record_named(connection, Digest(digest))
        if found is None:
            raise NotFoundError("no such statement", where=digest)
        return Response(found.envelope, media_type=DSSE)

    return router


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
