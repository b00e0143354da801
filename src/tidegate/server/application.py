# SPDX-License-Identifier: Apache-2.0
"""The one ASGI application: registry, health, and what else is handed in (management API, pages, webhook)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount

from tidegate.clock import Clock, system_clock
from tidegate.curation.intake.pull_through import PullThrough
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.identity import Access
from tidegate.identity.audit_writer import AuditWriter
from tidegate.server.audited import Audited, Watch
from tidegate.server.authentication import Entrance
from tidegate.server.client_address import ClientAddresses
from tidegate.server.early_answers import EarlyAnswers
from tidegate.server.health import Check, health_routes
from tidegate.server.metrics import HttpMetrics, Measured
from tidegate.server.offload import Offload
from tidegate.server.protected_resource import login_route
from tidegate.server.registry import RegistryServices, registry_app
from tidegate.server.registry.open_uploads import OpenUploads
from tidegate.server.registry.pulls import UpstreamPulls
from tidegate.server.registry.verdicts import Verdicts
from tidegate.server.same_site import SameSite
from tidegate.server.token_endpoint import TokenEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the doors stand on.

    Attributes:
        figures: what `/metrics` shows; the doors add theirs.
        clients, token_realm, certificate_header: as `Entrance` has them.
        checks: what readiness depends on, by name.
        pull_through: answers for names that come from upstreams; None where none do.
        verdict_wait_seconds: how long a pull waits for the verdict over what was pushed just now; 0 for not at all.
        offload: threads shared by all doors.
        open_uploads: whose uploads are unfinished, and the bound of that.
        audit: writes the audit trail; None for none.
        watch: is told of every request that is audited; None for nobody.
    """

    shelf: Shelf
    blobs: ShelfBlobs
    access: Access
    figures: CollectorRegistry
    checks: Mapping[str, Check] = field(default_factory=dict)
    pull_through: PullThrough | None = None
    verdict_wait_seconds: float = 0.0
    offload: Offload = field(default_factory=Offload)
    clients: ClientAddresses = field(default_factory=ClientAddresses)
    token_realm: str = ""
    audit: AuditWriter | None = None
    watch: Watch | None = None
    clock: Clock = system_clock
    certificate_header: str = ""
    open_uploads: OpenUploads = field(default_factory=OpenUploads)

    @property
    def entrance(self) -> Entrance:
        """How every door finds out who asks."""
        return Entrance(
            access=self.access,
            offload=self.offload,
            clients=self.clients,
            realm=self.token_realm,
            certificate_header=self.certificate_header,
        )


def create_application(services: Services, *, extra_routes: Sequence[BaseRoute] = ()) -> Starlette:
    """Builds the application.

    Args:
        services: what it stands on.
        extra_routes: other paths, such as the management API mounted at `/api`; they let in whom they want.
    """
    metrics = HttpMetrics(services.figures)
    entrance, offload, through = services.entrance, services.offload, services.pull_through
    registry = RegistryServices(
        shelf=services.shelf,
        blobs=services.blobs,
        access=services.access,
        offload=offload,
        metrics=metrics,
        pulls=UpstreamPulls(through, offload) if through is not None else None,
        open_uploads=services.open_uploads,
        verdicts=Verdicts(services.shelf, offload, seconds=services.verdict_wait_seconds),
    )
    app = registry_app(registry, entrance)
    routes = [
        Mount("/v2", app=SameSite(app)),  # what is asked most comes first
        *extra_routes,
        *health_routes(services.checks, services.figures, services.offload),
    ]
    if services.access.tokens is not None:
        routes += [TokenEndpoint(entrance, services.access.tokens).route(), login_route(entrance)]
    middleware = [Middleware(EarlyAnswers), Middleware(Measured, metrics=metrics)]
    if services.audit is not None:
        middleware.append(Middleware(Audited, writer=services.audit, clock=services.clock, watch=services.watch))
    return Starlette(routes=routes, middleware=middleware)
