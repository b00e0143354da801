# SPDX-License-Identifier: Apache-2.0
"""Pushes to registries (OCI distribution-spec 1.1): blobs, manifests, whole layouts."""

from pathlib import Path
from typing import Final
from urllib.parse import quote

from tidegate.artifact import Descriptor, Digest, Index, Manifest, Reference, Repository, Tag, parse_manifest
from tidegate.artifact import media_type as mt
from tidegate.errors import OutsideError
from tidegate.oci.choose import choose_entry, load_manifest
from tidegate.oci.layout import LayoutBlobs, layout_index
from tidegate.oci.registry import RegistryClient, check, fallback_tag
from tidegate.oci.write import wire_descriptor
from tidegate.outbound import Reply
from tidegate.outbound.address import join
from tidegate.values import replace
from tidegate.wire import to_json

_MAX_INDEX_BYTES: Final = 4 << 20
_CREATED: Final = 201
_OK: Final = 200
_ACCEPTED: Final = 202


class Pusher:
    """Writes into one repository.

    Args:
        client: makes the calls.
        reference: names the repository; its tag is used by `push_layout`.
    """

    def __init__(self, client: RegistryClient, reference: Reference) -> None:
        self._client = client
        self._reference = reference

    def has_blob(self, digest: Digest) -> bool:
        """True when the repository has that blob.

        Raises:
            OutsideError: the registry cannot be reached or refuses.
        """
        reply = self._client.call("HEAD", self._reference, f"blobs/{digest}", push=True)
        if reply.status not in {_OK, 404}:
            check(reply, str(self._reference))
        return reply.status == _OK

    def push_blob(self, content: bytes | Path, digest: Digest, *, mount_from: Repository | None = None) -> None:
        """Puts a blob there unless it is there, from another repository of the registry where that works.

        Raises:
            OutsideError: the registry cannot be reached or refuses, or a file cannot be read.
        """
        if self.has_blob(digest):
            return
        query = f"?mount={quote(digest)}&from={quote(mount_from, safe='')}" if mount_from else ""
        begun = self._call("POST", f"blobs/uploads/{query}", also=mount_from)
        if begun.status == _CREATED and mount_from:
            return
        self._expect(begun, _ACCEPTED)
        place = join(begun.url, begun.headers.get("location", ""))
        address = f"{place}{'&' if '?' in place else '?'}digest={quote(digest)}"
        done = self._call("PUT", address, body=content, headers={"Content-Type": "application/octet-stream"})
        self._expect(done, _CREATED)

    def push_manifest(self, raw: bytes, media_type: str, *, tag: Tag | None = None) -> Descriptor:
        """Puts a manifest or index there, under its digest or also a tag; lists it with its subject if need be.

        Raises:
            InvalidInputError: it is no manifest.
            OutsideError: the registry cannot be reached or refuses.
        """
        node = parse_manifest(raw, media_type=media_type, where=str(self._reference))
        reply = self._call("PUT", f"manifests/{tag or node.digest}", body=raw, headers={"Content-Type": media_type})
        self._expect(reply, _CREATED)
        descriptor = Descriptor(
            media_type=media_type,
            digest=node.digest,
            size=len(raw),
            artifact_type=node.artifact_type or (node.config.media_type if isinstance(node, Manifest) else ""),
            annotations=node.annotations,
        )
        if node.subject is not None and "oci-subject" not in reply.headers:
            self._list_referrer(node.subject.digest, descriptor)
        return descriptor

    def push_layout(self, layout: Path, *, tag: str = "") -> Descriptor:
        """Pushes one image (or index with all its children) of a layout folder to the reference's tag.

        Args:
            layout: the folder.
            tag: its name in the layout; "" for the only one.

        Raises:
            InvalidInputError: the layout is broken.
            NotFoundError: it has no such name.
            OutsideError: the registry cannot be reached or refuses.
        """
        blobs = LayoutBlobs(layout)
        index = layout_index(blobs.document("index.json", _MAX_INDEX_BYTES), where=f"{layout}/index.json")
        (root, *_) = choose_entry(index.manifests, tag=tag, digest=None, where=str(layout))
        self._push_tree(root, layout, blobs, self._reference.tag, ())
        return replace(root, annotations={})

    def _push_tree(
        self, root: Descriptor, layout: Path, blobs: LayoutBlobs, tag: Tag | None, path: tuple[Digest, ...]
    ) -> None:
        node = load_manifest(root, blobs, path)
        if isinstance(node, Index):
            for child in node.manifests:
                self._push_tree(child, layout, blobs, None, (*path, root.digest))
        else:
            for part in (node.config, *node.layers):
                blobs.check(part)
                self.push_blob(layout / "blobs" / part.digest.algorithm / part.digest.hex, part.digest)
        self.push_manifest(node.raw, node.media_type, tag=tag)

    def _list_referrer(self, subject: Digest, referrer: Descriptor) -> None:
        known = self._client.fallback_referrers(self._reference, subject)
        if any(item.digest == referrer.digest for item in known):
            return
        entries = [wire_descriptor(item) for item in (*known, referrer)]
        index = to_json({"schemaVersion": 2, "mediaType": mt.OCI_INDEX, "manifests": entries})
        tag = fallback_tag(subject)
        self._expect(
            self._call("PUT", f"manifests/{tag}", body=index, headers={"Content-Type": mt.OCI_INDEX}), _CREATED
        )

    def _call(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | Path | None = None,
        also: Repository | None = None,
    ) -> Reply:
        return self._client.call(method, self._reference, path, headers=headers, body=body, push=True, also=also)

    def _expect(self, reply: Reply, status: int) -> None:
        check(reply, str(self._reference))
        if reply.status != status:
            raise OutsideError(f"the registry answered {reply.status} instead of {status}", where=str(self._reference))
