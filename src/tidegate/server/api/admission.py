# SPDX-License-Identifier: Apache-2.0
"""Admission: workloads before the execution gate."""

from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tidegate.assembly.server import Server
from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError
from tidegate.execution.gate import WorkloadReview
from tidegate.manifests.documents import read_documents
from tidegate.server.api.problem import reply

MAX_MANIFEST_BYTES = 4 * MIB


def routes(server: Server) -> APIRouter:
    """The routes of admission."""
    router = APIRouter(tags=["admission"])

    @router.post(
        "/admission/workloads", summary="May these Kubernetes objects run? Body: YAML or JSON as it would be applied"
    )
    async def review(
        request: Request,
        cluster: Annotated[str, Query(max_length=253, pattern=r"^[A-Za-z0-9._-]*$")] = "",
        dry_run: bool = False,
    ) -> Response:
        raw = await _body(request)

        def judge() -> WorkloadReview:
            documents = read_documents(raw, where="request")
            return server.execution.review(documents, where="request", cluster=cluster, record=not dry_run)

        return reply(review_document(await run_sync(judge)))

    return router


def review_document(review: WorkloadReview) -> dict[str, Any]:
    """A review as plain data: whether it may run, why, what was changed, and the objects as they may run."""
    return {
        "allowed": review.allowed,
        "reasons": [f"{reason.message}" + (f" → {reason.fix}" if reason.fix else "") for reason in review.reasons],
        "rules": [
            {"rule": r.rule, "verdict": r.verdict, "item": r.item, "excepted_by": r.excepted_by} for r in review.reasons
        ],
        "changes": [
            f"{change.path}: {change.after!r} ({change.why})" for item in review.objects for change in item.changes
        ],
        "patches": [{"object": item.name, "patch": list(item.patch)} for item in review.objects],
        "documents": list(review.documents),
    }


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_MANIFEST_BYTES:
            raise BoundExceededError("max_manifest_bytes", MAX_MANIFEST_BYTES, where="request")
        parts.append(part)
    return b"".join(parts)
