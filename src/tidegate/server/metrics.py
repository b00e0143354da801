# SPDX-License-Identifier: Apache-2.0
"""Counters of the HTTP door, in a registry that is handed in."""

from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpMetrics:
    """What is counted of requests, and of the registry's work."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        labels = ("method", "route")
        self.requests = Counter("tidegate_http_requests", "Requests answered.", (*labels, "status"), registry=registry)
        self.seconds = Histogram(
            "tidegate_http_request_duration_seconds",
            "From the request's head to the answer's end.",
            labels,
            registry=registry,
        )
        self.in_flight = Gauge("tidegate_http_requests_in_flight", "Requests being answered.", registry=registry)
        self.received_bytes = Counter("tidegate_registry_upload_bytes", "Blob bytes taken in.", registry=registry)
        self.pushes = Counter("tidegate_registry_pushes", "Manifests taken in.", ("kind", "state"), registry=registry)
        self.refusals = Counter(
            "tidegate_registry_refusals",
            "Manifests refused (enforced), or served in observe mode though they would be.",
            ("state", "enforced"),
            registry=registry,
        )
        self.pulls = Counter("tidegate_registry_pulls", "Manifests asked for.", ("state",), registry=registry)


class Measured:
    """ASGI middleware that counts and times requests by the name of the endpoint, never by path."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, measured."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with self._metrics.in_flight.track_inprogress():
                await self._app(scope, receive, watched)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = getattr(scope.get("endpoint"), "__name__", "none")
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.seconds.labels(method, route).observe(perf_counter() - began)
