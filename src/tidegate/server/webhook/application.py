# SPDX-License-Identifier: Apache-2.0
"""The webhook as an ASGI application: a review in, a review out; whatever goes wrong is a denial, told as one.

What the API server cannot read as an answer it takes for none: that fails closed too, and tells nobody why.
"""

import logging
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Receive, Scope, Send

from tidegate.bounds import KIB, MIB
from tidegate.errors import TidegateError
from tidegate.execution.reviews.admission_review import (
    MAX_REVIEW_BYTES,
    AdmissionRequest,
    Answer,
    read_review,
    uid_in,
    write_answer,
)
from tidegate.execution.reviews.configuration_desk import ConfigurationDesk
from tidegate.execution.reviews.desk import Desk
from tidegate.server.offload import Offload

_log = logging.getLogger(__name__)
_APART_BYTES: Final = 128 * KIB
"""A review longer than this is read in a thread, so that it holds up nobody else."""
_MAX_DROPPED_BYTES: Final = 64 * MIB
_HEADERS: Final = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
_SECONDS: Final = (0.0001, 0.0002, 0.0003, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01, 0.05, 0.25, 1.0)


class WebhookApplication:
    """Answers `/mutate`, `/validate` and `/configure`.

    Args:
        desk: judges what runs.
        configuration: judges ConfigMaps and Secrets.
        figures: gets how many and how long.
        rest: answers everything else (health, figures).
    """

    def __init__(self, desk: Desk, configuration: ConfigurationDesk, figures: CollectorRegistry, rest: ASGIApp) -> None:
        self._doors: Mapping[str, Callable[[AdmissionRequest], Answer]] = {
            "/mutate": desk.mutate,
            "/validate": desk.validate,
            "/configure": configuration.judge,
        }
        self._rest = rest
        self._offload = Offload(threads=2)
        labels = ("door",)
        self._seconds = Histogram(
            "tidegate_webhook_seconds",
            "From a review's last byte to its answer.",
            labels,
            buckets=_SECONDS,
            registry=figures,
        )
        self._reviews = Counter("tidegate_webhook_reviews", "Reviews answered.", (*labels, "allowed"), registry=figures)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        door = self._doors.get(scope["path"]) if scope["type"] == "http" else None
        if door is None or scope["method"] != "POST":
            await self._rest(scope, receive, send)
            return
        body, is_whole = await _body(receive)
        began = perf_counter()
        if len(body) > _APART_BYTES:
            content, allowed = await self._offload.run(answer_review, door, body, is_whole=is_whole)
        else:
            content, allowed = answer_review(door, body, is_whole=is_whole)
        name = scope["path"][1:]
        self._seconds.labels(name).observe(perf_counter() - began)
        self._reviews.labels(name, str(allowed).lower()).inc()
        length = (b"content-length", str(len(content)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, length]})
        await send({"type": "http.response.body", "body": content})


def answer_review(
    door: Callable[[AdmissionRequest], Answer], body: bytes, *, is_whole: bool = True
) -> tuple[bytes, bool]:
    """The answer to one review, and whether it allows; never raises.

    Args:
        door: judges it.
        body: as it came.
        is_whole: false when it was longer than anybody reads.
    """
    uid = ""
    try:
        request = read_review(body, is_whole=is_whole)
        uid = request.uid
        answer = door(request)
    except TidegateError as error:
        answer = Answer(allowed=False, message=f"denied by tidegate, which cannot judge it: {error}", code=400)
    except Exception:  # noqa: BLE001 - logged, and it denies
        _log.exception("a review failed")
        answer = Answer(allowed=False, message="denied by tidegate: a defect of its own, which its log tells", code=500)
    return write_answer(uid or uid_in(body), answer), answer.allowed


async def _body(receive: Receive) -> tuple[bytes, bool]:
    """A request's body, and whether that is all of it; what is over the bound is read and dropped."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_REVIEW_BYTES or not parts:
            parts.append(part[:MAX_REVIEW_BYTES])
        if message["type"] != "http.request" or not message.get("more_body", False) or size > _MAX_DROPPED_BYTES:
            return b"".join(parts), size <= MAX_REVIEW_BYTES
