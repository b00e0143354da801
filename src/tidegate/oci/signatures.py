# SPDX-License-Identifier: Apache-2.0
"""What signatures of an image lie beside it, in both forms: cosign's tags (`sha256-HEX.sig`, `.att`) and referrers.

Found and fetched within bounds; who reads them says what they are. What hangs on an image is anybody's: what is broken
is told and passed over, since it cannot be what somebody trusted made.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from tidegate.artifact import Descriptor, Digest, Index, Manifest, Reference, Tag
from tidegate.artifact import media_type as mt
from tidegate.artifact.manifest import MAX_MANIFEST_BYTES
from tidegate.bounds import MIB, read_bounded
from tidegate.errors import InvalidInputError, NotFoundError, TidegateError
from tidegate.oci.choose import load_manifest
from tidegate.oci.layout import LayoutBlobs, layout_index
from tidegate.oci.registry import RegistryClient
from tidegate.oci.write import REF_NAME
from tidegate.values import replace

if TYPE_CHECKING:
    from tidegate.oci.archive import ArchiveBlobs

MAX_MANIFESTS: Final = 500
"""Manifests of signatures looked at for one image; of more, the first that are told."""
MAX_ATTACHED: Final = 2000
"""Signatures fetched for one image."""
MAX_ATTACHED_BYTES: Final = 256 * MIB
"""Bytes of signatures fetched for one image, together."""
MAX_ONE_BYTES: Final = 128 * MIB
"""A longer signature is passed over."""
TAG_ENDINGS: Final = ("sig", "att")
BUNDLE: Final = "application/vnd.dev.sigstore.bundle"
NOTATION: Final = frozenset({"application/jose+json", "application/cose"})
_KINDS: Final = frozenset({mt.DSSE, mt.SIMPLE_SIGNING, *NOTATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """One layer that may be a signature, fetched.

    Attributes:
        layer: its descriptor; annotations of cosign's tags stand there.
        where: reference and digest, for people.
    """

    layer: Descriptor
    where: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """Something that was not looked at, and why."""

    where: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hanging:
    """Everything found on one image."""

    attached: tuple[Attached, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()


class SignaturePlace(Protocol):
    """Where an image lies, as far as its signatures are asked for."""

    def manifests(self, subject: Digest) -> Iterator[Manifest | PassedOver]:
        """The manifests that may hold signatures of an image: by tag first, then referrers.

        Raises:
            OutsideError: the disk or the registry failed.
        """
        ...

    def read(self, layer: Descriptor) -> bytes:
        """A layer whole, verified against its digest.

        Raises:
            TidegateError: it is missing, another, or cannot be read.
        """
        ...


def signatures_on(place: SignaturePlace, subject: Digest) -> Hanging:
    """Fetches all that may be signatures of an image.

    Raises:
        OutsideError: the disk or the registry failed.
    """
    attached: list[Attached] = []
    passed: list[PassedOver] = []
    left = MAX_ATTACHED_BYTES
    for number, manifest in enumerate(place.manifests(subject)):
        if isinstance(manifest, PassedOver):
            passed.append(manifest)
            continue
        where = str(manifest.digest)
        if number >= MAX_MANIFESTS:
            passed.append(PassedOver(where=where, why=f"over the limit MAX_MANIFESTS = {MAX_MANIFESTS}"))
            break
        for layer in manifest.layers:
            if not is_signature(layer.media_type):
                continue
            if len(attached) >= MAX_ATTACHED or layer.size > min(left, MAX_ONE_BYTES):
                what = f"MAX_ATTACHED = {MAX_ATTACHED}" if len(attached) >= MAX_ATTACHED else "MAX_ATTACHED_BYTES"
                passed.append(PassedOver(where=where, why=f"over the limit {what}"))
                return Hanging(attached=tuple(attached), passed_over=tuple(passed))
            try:
                content = place.read(layer)
            except (InvalidInputError, NotFoundError) as error:
                passed.append(PassedOver(where=where, why=str(error)))
                continue
            left -= len(content)
            attached.append(Attached(layer=layer, where=f"{where} {layer.digest.short}", content=content))
    return Hanging(attached=tuple(attached), passed_over=tuple(passed))


def is_signature(media_type: str) -> bool:
    """True for layers that may hold a signature."""
    return media_type in _KINDS or media_type.startswith(BUNDLE)


def signature_tag(subject: Digest, ending: str) -> Tag:
    """The tag cosign keeps an image's signatures (`sig`) or attestations (`att`) under."""
    return Tag(f"{subject.algorithm}-{subject.hex}.{ending}")


class RegistryPlace:
    """A repository of a registry (a `SignaturePlace`).

    Args:
        client: asks it.
        reference: names the repository.
    """

    def __init__(self, client: RegistryClient, reference: Reference) -> None:
        self._client = client
        self._reference = replace(reference, tag=None, digest=None)

    def manifests(self, subject: Digest) -> Iterator[Manifest | PassedOver]:
        """The manifests under cosign's tags, then the referrers."""
        for ending in TAG_ENDINGS:
            yield from self._manifest(replace(self._reference, tag=signature_tag(subject, ending)), None)
        for hanging in self._client.referrers(self._reference, subject):
            if hanging.artifact_type and not _may_be(hanging.artifact_type):
                continue
            yield from self._manifest(self._reference.at(hanging.digest), subject)

    def read(self, layer: Descriptor) -> bytes:
        """Fetches a blob."""
        with self._client.blob(self._reference, layer) as body:
            return _verified(read_bounded(body, max_bytes=layer.size, what=str(layer.digest)), layer)

    def _manifest(self, reference: Reference, subject: Digest | None) -> Iterator[Manifest | PassedOver]:
        try:
            found = self._client.manifest(reference)
        except NotFoundError as error:
            if subject is not None:
                yield PassedOver(where=str(reference), why=error.what)
            return
        except InvalidInputError as error:
            yield PassedOver(where=str(reference), why=error.what)
            return
        yield from _that_hangs(found, subject, str(reference))


class LayoutPlace:
    """A layout folder, or an archive of one (a `SignaturePlace`)."""

    def __init__(self, blobs: "LayoutBlobs | ArchiveBlobs") -> None:
        self._blobs = blobs

    def manifests(self, subject: Digest) -> Iterator[Manifest | PassedOver]:
        """What the index names like cosign's tags, then all in it that names the image as its subject."""
        raw = self._blobs.document("index.json", MAX_MANIFEST_BYTES)
        entries = layout_index(raw, where=f"{self._blobs.where}: index.json").manifests
        tags = {signature_tag(subject, ending) for ending in TAG_ENDINGS}
        tagged = [entry for entry in entries if entry.annotations.get(REF_NAME) in tags]
        for entry in tagged:
            yield from self._manifest(entry, None)
        for entry in entries:
            if entry not in tagged:
                yield from self._manifest(entry, subject, quiet=True)

    def read(self, layer: Descriptor) -> bytes:
        """Reads a blob."""
        with self._blobs.open(layer) as body:
            return _verified(read_bounded(body, max_bytes=layer.size, what=str(layer.digest)), layer)

    def _manifest(
        self, entry: Descriptor, subject: Digest | None, *, quiet: bool = False
    ) -> Iterator[Manifest | PassedOver]:
        try:
            found = load_manifest(entry, self._blobs, ())
        except TidegateError as error:
            yield PassedOver(where=str(entry.digest), why=error.what)
            return
        hangs = not isinstance(found, Index) and found.subject is not None and found.subject.digest == subject
        if not quiet or hangs:
            yield from _that_hangs(found, subject, str(entry.digest))


def _that_hangs(found: Manifest | Index, subject: Digest | None, where: str) -> Iterator[Manifest | PassedOver]:
    if isinstance(found, Index):
        yield PassedOver(where=where, why="is an index")
    elif subject is not None and (found.subject is None or found.subject.digest != subject):
        yield PassedOver(where=where, why="hangs on another image than the registry says")
    else:
        yield found


def _may_be(artifact_type: str) -> bool:
    """Whether a referrer of this type may be a signature; an empty one, and those of images, may."""
    kinds = (BUNDLE, "application/vnd.dev.cosign", "application/vnd.cncf.notary", "application/vnd.in-toto", mt.DSSE)
    return artifact_type.startswith(kinds) or artifact_type in {mt.OCI_CONFIG, mt.OCI_EMPTY}


def _verified(content: bytes, layer: Descriptor) -> bytes:
    if Digest.of(content) != layer.digest:
        raise InvalidInputError("is not what its manifest says", where=str(layer.digest))
    return content
