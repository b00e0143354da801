# SPDX-License-Identifier: Apache-2.0
"""The management API as one ASGI application, mounted at /api/v1."""

from fastapi import FastAPI

from tidegate import __version__
from tidegate.assembly.server import Server
from tidegate.errors import TidegateError
from tidegate.server.api import (
    admission,
    audit,
    captures,
    catalogue,
    encryption,
    event_stream,
    events,
    feedback,
    fleet,
    flows,
    gc,
    grants,
    images,
    intake,
    inventory,
    keys,
    knowledge,
    ledger,
    nodes,
    observations,
    owners,
    passports,
    principals,
    promotions,
    refusals,
    responses,
    restrictions,
    retention,
    rules,
    scrub,
    states,
    subscriptions,
    tags,
    tenants,
    tides,
    updates,
    upkeep,
    verdicts,
)
from tidegate.server.api.problem import problem

_DESCRIPTION = "Ask what is on record of a digest, put a workload before the gate, follow every change of state."


def create_api(server: Server) -> FastAPI:
    """Builds the API over a server's parts."""
    # FastAPI's own pages load scripts from elsewhere; the description itself is served.
    api = FastAPI(title="tidegate", version=__version__, description=_DESCRIPTION, docs_url=None, redoc_url=None)
    for module in (
        images,
        passports,
        catalogue,
        encryption,
        states,
        restrictions,
        promotions,
        subscriptions,
        tags,
        retention,
        rules,
        intake,
        gc,
        scrub,
        refusals,
        admission,
        verdicts,
        captures,
        events,
        event_stream,
        knowledge,
        ledger,
        principals,
        grants,
        audit,
        tenants,
        upkeep,
        keys,
        nodes,
        inventory,
        fleet,
        flows,
        observations,
        responses,
        updates,
        owners,
        feedback,
        tides,
    ):
        api.include_router(module.routes(server))
    api.add_exception_handler(TidegateError, problem)
    return api
