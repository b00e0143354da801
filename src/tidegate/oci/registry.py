# SPDX-License-Identifier: Apache-2.0
"""A client of registries (OCI distribution-spec 1.1): pull, list, referrers. Pushing is in `tidegate.oci.push`."""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from tidegate.artifact import Descriptor, Digest, Index, Manifest, Platform, Reference, Repository, Tag, parse_manifest
from tidegate.artifact import media_type as mt
from tidegate.artifact.manifest import MAX_MANIFEST_BYTES
from tidegate.bounds import MIB, printable
from tidegate.errors import (
    BoundExceededError,
    InvalidInputError,
    NotFoundError,
    OutsideError,
    TidegateError,
)
from tidegate.oci.blobs import verify
from tidegate.oci.choose import Unlock, choose_image
from tidegate.oci.credentials import Keyring
from tidegate.oci.image import Image
from tidegate.oci.registry_auth import RegistryAuthorizer
from tidegate.oci.repository_blobs import RepositoryBlobs
from tidegate.outbound import Body, Outbound, Reply
from tidegate.outbound.address import is_loopback, join, origin
from tidegate.wire import from_json

MAX_TAGS: Final = 100_000
MAX_PAGES: Final = 1000
MAX_REFERRERS: Final = 10_000
_MAX_PAGE_BYTES: Final = 4 * MIB
_TAGS_SHOWN: Final = 20
_ACCEPT: Final = f"{mt.OCI_INDEX}, {mt.OCI_MANIFEST}, {mt.DOCKER_INDEX}, {mt.DOCKER_MANIFEST}"
_GENERIC: Final = frozenset({"", "application/json", "text/plain", "application/octet-stream"})
_NEXT: Final = re.compile(r'<([^>]{1,4096})>\s*;[^,]*\brel="?next"?')
_HUB: Final = "docker.io"
_HUB_HOST: Final = "registry-1.docker.io"
_BAD: Final = 400
_BAD_REQUEST: Final = 400
_NOT_FOUND: Final = 404
_NOT_MODIFIED: Final = 304


class RegistryClient:
    """Reads from registries. Safe to share between threads.

    Args:
        outbound: makes the calls; its options say which hosts may be plain HTTP.
        keyring: credentials.
        token_servers: hosts besides a registry's own that may see its credentials; None for any.
        bases: addresses (`https://host`) of registries that are not found by trying.
    """

    def __init__(
        self,
        outbound: Outbound,
        *,
        keyring: Keyring | None = None,
        token_servers: frozenset[str] | None = None,
        bases: Mapping[str, str] | None = None,
    ) -> None:
        self.outbound = outbound
        self._token_servers = token_servers
        self._keyring = keyring or Keyring()
        self._lock = threading.Lock()
        self._bases: dict[str, str] = dict(bases or {})
        self._authorizers: dict[tuple[str, str], RegistryAuthorizer] = {}

    def open(
        self, reference: Reference, *, wanted: Platform | None = None, name: str = "", unlock: Unlock | None = None
    ) -> Image:
        """Opens an image; its layers are fetched when they are read.

        Raises:
            BoundExceededError, DigestMismatchError, InvalidInputError: the registry serves something broken.
            NotFoundError: no such repository, tag, digest or platform.
            OutsideError: the registry cannot be reached or refuses.
        """
        node = self.manifest(reference)
        digest = reference.digest or node.digest
        root = Descriptor(media_type=node.media_type, digest=digest, size=len(node.raw))
        blobs = RepositoryBlobs(self, reference, {digest: node.raw})
        return choose_image([root], blobs, wanted=wanted, name=name or str(reference), unlock=unlock)

    def manifest(self, reference: Reference) -> Manifest | Index:
        """Fetches a manifest or an index, verified against the digest asked for and the one the registry tells.

        Raises:
            BoundExceededError: it is over 4 MiB.
            DigestMismatchError: it is not what was asked for.
            InvalidInputError: it is no manifest.
            NotFoundError: it is not there; tells which tags there are.
            OutsideError: the registry cannot be reached or refuses.
        """
        where = str(reference)
        reply = self.call(
            "GET",
            reference,
            f"manifests/{reference.locator}",
            headers={"Accept": _ACCEPT},
            max_bytes=MAX_MANIFEST_BYTES,
        )
        if reply.status == _NOT_FOUND:
            raise NotFoundError(_message(reply), where=where, remedy=self._which_tags(reference))
        check(reply, where)
        if reference.digest is not None:
            verify(reply.body, reference.digest, where=where)
        if stated := reply.headers.get("docker-content-digest"):
            verify(reply.body, _digest(stated, where), where=where)
        kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        return parse_manifest(reply.body, media_type="" if kind in _GENERIC else kind, where=where)

    def head(self, reference: Reference, *, known: Digest | None = None) -> Descriptor | None:
        """What a tag or digest means right now, without fetching it; None when it is not there.

        Args:
            reference: names it.
            known: what it meant before; a registry that still agrees may say so in few words (RFC 9110 §13.1.2).

        Raises:
            InvalidInputError: the registry's answer names no digest.
            OutsideError: the registry cannot be reached or refuses.
        """
        path = f"manifests/{reference.locator}"
        condition = {"If-None-Match": f'"{known}"'} if known else {}
        reply = self.call("HEAD", reference, path, headers={"Accept": _ACCEPT, **condition})
        if known and reply.status == _NOT_MODIFIED:
            return Descriptor(media_type="", digest=known, size=0)
        if reply.status == _NOT_FOUND:
            return None
        check(reply, str(reference))
        size = reply.headers.get("content-length", "")
        stated = reply.headers.get("docker-content-digest") or reference.digest or ""
        return Descriptor(
            media_type=reply.headers.get("content-type", "").partition(";")[0].strip(),
            digest=_digest(stated, str(reference)),
            size=int(size[:18]) if size.isascii() and size.isdecimal() else 0,
        )

    def blob(self, reference: Reference, descriptor: Descriptor, *, start: int = 0) -> AbstractContextManager[Body]:
        """Streams a blob, unverified but for its size; a broken connection is taken up again.

        Args:
            reference: names the repository.
            descriptor: which blob.
            start: bytes the caller has already; the body's `position` tells where it really begins.

        Raises:
            InvalidInputError: it is missing or has another size; also while reading.
            OutsideError: the registry cannot be reached or refuses; also while reading.
        """
        return self._blob(reference, descriptor, start)

    def tags(self, reference: Reference, *, max_tags: int = MAX_TAGS) -> tuple[Tag, ...]:
        """The tags of the reference's repository, in the registry's order; names that are no tags are passed over.

        Raises:
            BoundExceededError: there are more than `max_tags`.
            NotFoundError: there is no such repository.
            OutsideError: the registry cannot be reached or refuses.
        """
        found: list[Tag] = []
        for reply in self._pages(reference, "tags/list"):
            if reply.status == _NOT_FOUND:
                raise NotFoundError(_message(reply), where=str(reference))
            check(reply, str(reference))
            document = from_json(reply.body, dict[str, Any], what=f"{reference} tags", max_bytes=_MAX_PAGE_BYTES)
            found += [tag for text in document.get("tags") or () if (tag := _tag(text)) is not None]
            if len(found) > max_tags:
                raise BoundExceededError("max_tags", max_tags, where=str(reference))
        return tuple(found)

    def referrers(self, reference: Reference, digest: Digest, *, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """What hangs on a digest: by the referrers API, or by the fallback tag where a registry has none.

        Args:
            reference: names the repository.
            digest: the subject.
            artifact_type: only those of this type; "" for all.

        Raises:
            BoundExceededError: there are more than 10000.
            InvalidInputError: the registry serves no index.
            OutsideError: the registry cannot be reached or refuses.
        """
        found: list[Descriptor] = []
        query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
        for reply in self._pages(reference, f"referrers/{digest}{query}"):
            if reply.status in {_NOT_FOUND, 405}:
                found = list(self.fallback_referrers(reference, digest))
                break
            check(reply, str(reference))
            found += _index(reply.body, f"{reference} referrers").manifests
            if len(found) > MAX_REFERRERS:
                raise BoundExceededError("max_referrers", MAX_REFERRERS, where=str(reference))
        return tuple(item for item in found if not artifact_type or item.artifact_type == artifact_type)

    def fallback_referrers(self, reference: Reference, digest: Digest) -> tuple[Descriptor, ...]:
        """The referrers listed under the fallback tag; none when there is no such tag."""
        reply = self.call(
            "GET",
            reference,
            f"manifests/{fallback_tag(digest)}",
            headers={"Accept": mt.OCI_INDEX},
            max_bytes=_MAX_PAGE_BYTES,
        )
        if reply.status == _NOT_FOUND:
            return ()
        check(reply, str(reference))
        return _index(reply.body, f"{reference} referrers").manifests

    def call(
        self,
        method: str,
        reference: Reference,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Path | None = None,
        max_bytes: int = MIB,
        push: bool = False,
        also: Repository | None = None,
    ) -> Reply:
        """Calls the registry about a repository, with its credentials.

        Args:
            method: in capitals.
            reference: names the registry and the repository.
            path: behind `/v2/NAME/`, or a whole address the registry gave; credentials go to the registry only.
            headers: sent along.
            body: sent along.
            max_bytes: the longest answer accepted.
            push: ask for the right to push.
            also: a second repository to read from.

        Raises:
            OutsideError: the registry cannot be reached.
        """
        url = self._url(reference, path)
        scopes = [f"repository:{reference.repository}:pull{',push' if push else ''}"]
        scopes += [f"repository:{also}:pull"] if also else []
        at_home = origin(url) == origin(self._base(reference.registry))
        return self.outbound.request(
            method,
            url,
            headers=headers,
            body=body,
            max_bytes=max_bytes,
            authorizer=self._authorizer(reference, " ".join(scopes)) if at_home else None,
        )

    def beside(self, reference: Reference) -> tuple[str, RegistryAuthorizer]:
        """Where a registry's services besides `/v2/` lie, and what shows them who the user is."""
        return self._base(reference.registry), self._authorizer(reference, "")

    @contextmanager
    def _blob(self, reference: Reference, descriptor: Descriptor, start: int) -> Iterator[Body]:
        scope = f"repository:{reference.repository}:pull"
        stream = self.outbound.stream(
            self._url(reference, f"blobs/{descriptor.digest}"),
            max_bytes=descriptor.size,
            total_bytes=descriptor.size,
            authorizer=self._authorizer(reference, scope),
            start=start,
        )
        try:
            body = stream.__enter__()
        except NotFoundError as error:
            raise InvalidInputError(f"blob {descriptor.digest} is missing", where=str(reference)) from error
        try:
            yield body
        finally:
            stream.__exit__(None, None, None)

    def _pages(self, reference: Reference, path: str) -> Iterator[Reply]:
        """Follows `Link: rel=next` within the registry, a bounded number of times."""
        home = origin(self._base(reference.registry))
        for _ in range(MAX_PAGES):
            reply = self.call("GET", reference, path, max_bytes=_MAX_PAGE_BYTES)
            yield reply
            match = _NEXT.search(reply.headers.get("link", ""))
            if match is None:
                return
            path = join(reply.url, match[1])
            if origin(path) != home:
                raise OutsideError("its next page lies on another server", where=str(reference))
        raise BoundExceededError("max_pages", MAX_PAGES, where=str(reference))

    def _which_tags(self, reference: Reference) -> str:
        try:
            tags = self.tags(reference)
        except TidegateError:
            return "check the name"
        shown = ", ".join(sorted(tags, reverse=True)[:_TAGS_SHOWN]) or "none"
        return f"the tags there are: {shown}{', …' if len(tags) > _TAGS_SHOWN else ''}"

    def _url(self, reference: Reference, path: str) -> str:
        if path.startswith(("http://", "https://")):
            return path
        return f"{self._base(reference.registry)}/v2/{reference.repository}/{path}"

    def _authorizer(self, reference: Reference, scope: str) -> RegistryAuthorizer:
        key = (reference.registry, scope)
        base = self._base(reference.registry)
        with self._lock:
            if key not in self._authorizers:
                own = self._keyring.find(reference)
                self._authorizers[key] = RegistryAuthorizer(
                    self.outbound, base=base, scope=scope, credentials=own, token_servers=self._token_servers
                )
            return self._authorizers[key]

    def _base(self, registry: str) -> str:
        with self._lock:
            if registry not in self._bases:
                self._bases[registry] = self._probe(_HUB_HOST if registry == _HUB else registry)
            return self._bases[registry]

    def _probe(self, host: str) -> str:
        """HTTPS; plain HTTP only on loopback or when insecure calls were asked for, and when the server speaks it."""
        plain, safe = f"http://{host}", f"https://{host}"
        if is_loopback(origin(plain)[1]):
            return safe if not self._speaks(plain) and self._speaks(safe) else plain
        if self.outbound.options.insecure:
            return plain if not self._speaks(safe) and self._speaks(plain) else safe
        return safe

    def _speaks(self, base: str) -> bool:
        """True when the server answers there; one that wants TLS says 400, or nothing."""
        try:
            return self.outbound.request("GET", f"{base}/v2/", retry=False).status != _BAD_REQUEST
        except OutsideError:
            return False


def check(reply: Reply, where: str) -> None:
    """Raises what a registry's refusal means, with the registry's own words.

    Raises:
        NotFoundError: 404.
        OutsideError: any other status of 400 and above.
    """
    if reply.status == _NOT_FOUND:
        raise NotFoundError(_message(reply), where=where)
    if reply.status in {401, 403}:
        raise OutsideError(_message(reply), where=where, remedy="log in to the registry, or ask for access")
    if reply.status >= _BAD:
        raise OutsideError(_message(reply), where=where)


def fallback_tag(digest: Digest) -> Tag:
    """The tag that lists a subject's referrers where a registry has no referrers API."""
    return Tag(f"{digest.algorithm}-{digest.hex[:64]}")


def _message(reply: Reply) -> str:
    """The registry's first error, in one printable line."""
    text = f"the registry answered {reply.status}"
    try:
        errors = from_json(reply.body, dict[str, Any], what="", max_bytes=_MAX_PAGE_BYTES).get("errors")
    except InvalidInputError:
        return text
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    words = [str(first[key]) for key in ("code", "message") if isinstance(first.get(key), str)]
    return f"{text}: {printable(' '.join(' '.join(words).split())[:500])}" if words else text


def _index(raw: bytes, where: str) -> Index:
    node = parse_manifest(raw, where=where)
    if not isinstance(node, Index):
        raise InvalidInputError("is no index", where=where)
    return node


def _digest(text: str, where: str) -> Digest:
    try:
        return Digest(text)
    except InvalidInputError as error:
        raise InvalidInputError(f"the registry names no valid digest: {printable(text[:80])!r}", where=where) from error


def _tag(text: object) -> Tag | None:
    try:
        return Tag(text) if isinstance(text, str) else None
    except InvalidInputError:
        return None
