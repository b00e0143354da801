# SPDX-License-Identifier: Apache-2.0
"""The witness over HTTP: `POST /add-checkpoint` of C2SP tlog-witness, and the key it cosigns with."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tidegate.assembly.home import Home
from tidegate.assembly.ledger import build_witness
from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError, TidegateError
from tidegate.ledger.add_checkpoint import MAX_REQUEST_BYTES, SIZE_TYPE
from tidegate.ledger.cosignature import CosignerKey
from tidegate.ledger.witness import ConflictError, InconsistentError, UnknownLogError, Witness
from tidegate.server.offload import Offload
from tidegate.server.run import ServeOptions, serve
from tidegate.settings import Settings

_STATUS: Final[tuple[tuple[type[TidegateError], int], ...]] = (
    (UnknownLogError, 404),
    (BoundExceededError, 413),
    (InvalidInputError, 400),
    (RefusedError, 403),
    (ConflictError, 409),
    (InconsistentError, 422),
)


def witness_app(witness: Witness, key: CosignerKey, offload: Offload) -> Starlette:
    """The application; anybody may call it, since only what a known log signed changes anything."""

    async def add_checkpoint(request: Request) -> Response:
        try:
            body = await _body(request)
            return PlainTextResponse(await offload.run(witness.add_checkpoint, body))
        except ConflictError as error:
            return Response(f"{error.size}\n", status_code=409, headers={"Content-Type": SIZE_TYPE})
        except TidegateError as error:
            status = next((code for kind, code in _STATUS if isinstance(error, kind)), 503)
            return PlainTextResponse(f"{error}\n", status_code=status)

    async def told_key(_request: Request) -> Response:
        return PlainTextResponse(f"{key}\n")

    async def livez(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/key", told_key),
            Route("/livez", livez),
        ]
    )


def run_witness(settings: Settings, *, name: str, logs: Path, ready: Callable[[str, str], None]) -> None:
    """Runs a witness until SIGTERM or SIGINT.

    Args:
        settings: where it listens, and where its key and what it remembers lie.
        name: its name in cosignatures.
        logs: a C2SP tlog-policy file of the logs it watches.
        ready: called with its address and its key once it answers.

    Raises:
        TidegateError: it cannot be built, or the address is taken.
    """
    Home(folder=settings.home).make()
    witness, cosigner, database = build_witness(settings, name=name, logs=logs)
    try:
        asyncio.run(_serve(settings, witness_app(witness, cosigner.key, Offload()), str(cosigner.key), ready))
    finally:
        database.close()


async def _serve(settings: Settings, app: Starlette, key: str, ready: Callable[[str, str], None]) -> None:
    options, stop, loop = settings.server, asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    scheme = "https" if options.tls_certificate_file else "http"
    await serve(
        app,
        ServeOptions(
            host=options.host, port=options.port, certificate=options.tls_certificate_file, key=options.tls_key_file
        ),
        ready=lambda port: ready(f"{scheme}://{options.host}:{port}", key),
        stop=stop,
    )


async def _body(request: Request) -> bytes:
    chunks, length = [], 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > MAX_REQUEST_BYTES:
            raise BoundExceededError("MAX_REQUEST_BYTES", MAX_REQUEST_BYTES, where="add-checkpoint")
        chunks.append(chunk)
    return b"".join(chunks)
