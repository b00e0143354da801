# SPDX-License-Identifier: Apache-2.0
"""The registry as one ASGI application, to be mounted at `/v2`: which path goes to which endpoint."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from tidegate.server.authentication import Authenticated, Entrance
from tidegate.server.contained import Contained
from tidegate.server.registry.authorization import Authorization
from tidegate.server.registry.blobs import BlobEndpoints
from tidegate.server.registry.errors import HANDLERS, fault, refusal
from tidegate.server.registry.listings import ListingEndpoints
from tidegate.server.registry.manifests import ManifestEndpoints
from tidegate.server.registry.services import RegistryServices
from tidegate.server.registry.uploads import UploadEndpoints


def registry_app(services: RegistryServices, entrance: Entrance) -> Starlette:
    """Builds the registry.

    Args:
        services: what its endpoints work with.
        entrance: who is let in.
    """
    app = Starlette(
        routes=Authorization(entrance).around(_routes(services)),
        middleware=[
            Middleware(Contained, answer=fault),
            Middleware(Authenticated, entrance=entrance, refuse=refusal, sends_for_tokens=True),
        ],
        exception_handlers=HANDLERS,
    )
    app.router.redirect_slashes = False
    return app


def _routes(services: RegistryServices) -> list[BaseRoute]:
    listing, manifest = ListingEndpoints(services), ManifestEndpoints(services)
    blob, upload = BlobEndpoints(services), UploadEndpoints(services)
    # Names hold slashes, so the last match of the fixed part counts. What is asked most comes first.
    uploads, one_upload = "/{name:path}/blobs/uploads/", "/{name:path}/blobs/uploads/{upload}"
    one_blob, one_manifest = "/{name:path}/blobs/{digest}", "/{name:path}/manifests/{locator}"
    return [
        Route(one_blob, blob.get_blob, methods=["GET"]),
        Route(one_manifest, manifest.head_manifest, methods=["HEAD"]),
        Route(one_manifest, manifest.get_manifest, methods=["GET"]),
        Route("/", listing.base),
        Route("/_catalog", listing.list_repositories),
        Route(uploads, upload.begin_upload, methods=["POST"]),
        Route(uploads.rstrip("/"), upload.begin_upload, methods=["POST"]),
        Route(one_upload, upload.append_upload, methods=["PATCH"]),
        Route(one_upload, upload.finish_upload, methods=["PUT"]),
        Route(one_upload, upload.get_upload, methods=["GET"]),
        Route(one_upload, upload.cancel_upload, methods=["DELETE"]),
        Route(one_blob, blob.delete_blob, methods=["DELETE"]),
        Route(one_manifest, manifest.put_manifest, methods=["PUT"]),
        Route(one_manifest, manifest.delete_manifest, methods=["DELETE"]),
        Route("/{name:path}/tags/list", listing.list_tags),
        Route("/{name:path}/referrers/{digest}", listing.list_referrers),
    ]
