# SPDX-License-Identifier: Apache-2.0
"""Manifests: PUT, GET, HEAD, DELETE (OCI distribution-spec 1.1, end-2, 3, 7, 9)."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from tidegate.artifact import Digest, Repository, Tag
from tidegate.artifact.manifest import MAX_MANIFEST_BYTES
from tidegate.curation.consumer import Consumer
from tidegate.curation.intake.pull_through import UnderExaminationError
from tidegate.curation.keeping.name_pattern import subject_of_fallback
from tidegate.curation.lifecycle import UNDECIDED
from tidegate.curation.shelf import ManifestUnknownError, Served, WithheldError
from tidegate.errors import BoundExceededError
from tidegate.server.authentication import principal_of
from tidegate.server.registry.bodies import Body
from tidegate.server.registry.consumer import consumer_of
from tidegate.server.registry.errors import STATE_HEADER
from tidegate.server.registry.names import locator_in, repository_in, tags_in
from tidegate.server.registry.pulls import UPSTREAM_HEADER
from tidegate.server.registry.services import RegistryServices
from tidegate.server.registry.warnings import plain, told_beside


class ManifestEndpoints:
    """Endpoints of `/v2/<name>/manifests/<tag or digest>`."""

    def __init__(self, services: RegistryServices) -> None:
        self._services = services

    async def put_manifest(self, request: Request) -> Response:
        """Takes a manifest in to quarantine."""
        name, locator = repository_in(request), locator_in(request)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip()
        more_tags = tags_in(request) if isinstance(locator, Digest) else ()
        if self._services.pulls is not None:
            self._services.pulls.pull_through.refuse_push(name)
        raw = await _body(request)
        stored = await self._services.offload.run(
            self._services.shelf.put_manifest,
            name,
            locator,
            raw,
            media_type=media_type,
            pushed_by=principal_of(request).name,
            consumer=consumer_of(request),
            more_tags=more_tags,
        )
        self._services.metrics.pushes.labels(stored.kind, stored.state).inc()
        headers = {
            "Location": f"/v2/{name}/manifests/{stored.digest}",
            "Docker-Content-Digest": stored.digest,
            STATE_HEADER: stored.state,
        }
        if stored.subject:
            headers["OCI-Subject"] = stored.subject
        if more_tags:
            headers["OCI-Tag"] = ", ".join(more_tags)
        return Response(status_code=HTTPStatus.CREATED, headers=headers)

    async def get_manifest(self, request: Request) -> Response:
        """Hands a manifest out, or says why not."""
        name, locator = repository_in(request), locator_in(request)
        metrics, consumer = self._services.metrics, consumer_of(request)
        locator, standing = await self._meant(name, locator, who=consumer.name)
        try:
            served = await self._served(name, locator, consumer)
        except WithheldError as error:
            metrics.pulls.labels(error.state).inc()
            metrics.refusals.labels(error.state, "true").inc()
            raise
        metrics.pulls.labels(served.state).inc()
        if served.objection is not None:
            metrics.refusals.labels(served.state, "false").inc()
        return Response(served.document, headers=_headers(served) | standing)

    async def head_manifest(self, request: Request) -> Response:
        """Tells that a manifest is here, in whatever state.

        Clients that push look before they write, and take any answer but 200 and 404 for a failure: a tag whose image
        was refused could never be given a better one. What is withheld is withheld in the GET: no byte leaves here.
        """
        name, locator = repository_in(request), locator_in(request)
        standing: dict[str, str] = {}
        try:
            locator, standing = await self._meant(name, locator, who=principal_of(request).name)
        except UnderExaminationError as error:
            if error.digest is None:
                raise
            locator = error.digest
        served = await self._services.offload.run(self._head, name, locator)
        return Response(headers={**_headers(served), **standing, "Content-Length": str(len(served.document))})

    async def delete_manifest(self, request: Request) -> Response:
        """Removes a tag, or a manifest with its tags."""
        name, locator = repository_in(request), locator_in(request)
        shelf, who = self._services.shelf, principal_of(request).name
        if isinstance(locator, Digest):
            await self._services.offload.run(shelf.delete_manifest, name, locator, who=who)
        else:
            await self._services.offload.run(shelf.delete_tag, name, locator, who=who)
        return Response(status_code=HTTPStatus.ACCEPTED)

    async def _meant(self, name: Repository, locator: Tag | Digest, *, who: str) -> tuple[Tag | Digest, dict[str, str]]:
        """What a name that comes from an upstream is answered with, and how that stands to the upstream."""
        pulls = self._services.pulls
        if pulls is None or not pulls.pull_through.covers(name) or subject_of_fallback(locator):
            return locator, {}  # evidence travels with its image, or not at all
        ready = await pulls.ready(name, locator, who=who)
        return ready.digest, {UPSTREAM_HEADER: plain(ready.standing)}

    async def _served(self, name: Repository, locator: Tag | Digest, consumer: Consumer) -> Served:
        """What is handed out now, or when the verdict is there that is on its way."""
        run, verdicts = self._services.offload.run, self._services.verdicts
        if verdicts.are_awaited:
            try:
                return await run(self._get, name, locator, consumer, is_patient=True)
            except WithheldError as error:
                if error.state not in UNDECIDED:
                    raise
            await verdicts.wait(name, locator)
        return await run(self._get, name, locator, consumer)

    def _get(self, name: Repository, locator: Tag | Digest, consumer: Consumer, *, is_patient: bool = False) -> Served:
        try:
            return self._services.shelf.get_manifest(name, locator, consumer, is_patient=is_patient)
        except ManifestUnknownError:
            return self._found_by_tag(name, locator)

    def _head(self, name: Repository, locator: Tag | Digest) -> Served:
        try:
            return self._services.shelf.head_manifest(name, locator)
        except ManifestUnknownError:
            return self._found_by_tag(name, locator)

    def _found_by_tag(self, name: Repository, locator: Tag | Digest) -> Served:
        if isinstance(locator, Digest):
            raise ManifestUnknownError(name, locator)
        return self._services.shelf.referrers_by_tag(name, locator)


async def _body(request: Request) -> bytes:
    found = bytearray()
    with Body(request) as body:
        while chunk := await body.read():
            found += chunk
            if len(found) > MAX_MANIFEST_BYTES:
                raise BoundExceededError("max_manifest_bytes", MAX_MANIFEST_BYTES, where="manifest")
    return bytes(found)


def _headers(served: Served) -> dict[str, str]:
    return {
        **told_beside(served),
        "Content-Type": served.media_type,
        "Docker-Content-Digest": served.digest,
        "ETag": f'"{served.digest}"',
        "X-Content-Type-Options": "nosniff",
        STATE_HEADER: served.state,
    }
