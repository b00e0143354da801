# SPDX-License-Identifier: Apache-2.0
"""Whether the process lives (`/livez`), whether it can do its work (`/readyz`), and its figures (`/metrics`)."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from tidegate.errors import TidegateError
from tidegate.server.offload import Offload

Check = Callable[[], None]
"""Returns when a part works; raises TidegateError when it does not."""


def health_routes(checks: Mapping[str, Check], figures: CollectorRegistry, offload: Offload) -> list[BaseRoute]:
    """Routes for those who watch.

    Args:
        checks: what readiness depends on, by name; run one after another at every request.
        figures: what `/metrics` shows, as OpenMetrics 1.0.
        offload: where the checks run.
    """

    async def livez(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        found = {name: await offload.run(_ask, check) for name, check in checks.items()}
        ready = not any(found.values())
        body = {"ready": ready, "checks": {name: said or "ok" for name, said in found.items()}}
        return JSONResponse(body, status_code=200 if ready else 503)

    async def metrics(_request: Request) -> Response:
        return Response(await offload.run(generate_latest, figures), media_type=CONTENT_TYPE_LATEST)

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]


def _ask(check: Check) -> str:
    try:
        check()
    except TidegateError as error:
        return str(error)
    return ""
