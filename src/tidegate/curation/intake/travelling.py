# SPDX-License-Identifier: Apache-2.0
"""What hangs on an image at its upstream travels along: referrers, and what cosign keeps under tags of its own.

It is brought as claims: nothing is verified here. Only documents travel; what a runtime could run stays where it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.artifact import Digest, Manifest, Reference, Tag
from tidegate.artifact import media_type as mt
from tidegate.bounds import MIB
from tidegate.curation.intake.gathering import fetch_document, manifest_or_none
from tidegate.curation.kind import Kind, kind_of
from tidegate.errors import DigestMismatchError, InvalidInputError
from tidegate.oci.registry import RegistryClient
from tidegate.signing.bounds import MAX_ENVELOPE_BYTES
from tidegate.values import replace

MAX_ATTACHED: Final = 100
"""Referrers brought for one image; of more, the first the upstream tells."""
MAX_DOCUMENT_BYTES: Final = 16 * MIB
"""A longer document stays where it is."""
MAX_ENVELOPES: Final = 50
_COSIGN_ENDINGS: Final = ("sig", "att")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What travels along with an image.

    Attributes:
        referrers: manifests that name their subject.
        tagged: what cosign keeps under tags that name the subject.
        envelopes: signed statements cosign keeps under a tag, each with the digest it was kept for.
    """

    referrers: tuple[Manifest, ...] = ()
    tagged: tuple[tuple[Tag, Manifest], ...] = ()
    envelopes: tuple[tuple[Digest, bytes], ...] = ()

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """All that comes as it is."""
        return (*self.referrers, *(node for _, node in self.tagged))


def bring(client: RegistryClient, reference: Reference, subjects: Sequence[Digest]) -> Brought:
    """Finds what hangs on some manifests of a repository; what is broken is passed over.

    Raises:
        OutsideError: the upstream cannot be reached or refuses.
    """
    referrers: dict[Digest, Manifest] = {}
    tagged: list[tuple[Tag, Manifest]] = []
    envelopes: list[tuple[Digest, bytes]] = []
    for subject in subjects:
        for found in _referrers(client, reference, subject):
            referrers[found.digest] = found
        for tag, found in _cosign_tags(client, reference, subject):
            tagged.append((tag, found))
            envelopes += [(subject, content) for content in _envelopes(client, reference, found)]
    return Brought(
        referrers=tuple(referrers.values()), tagged=tuple(tagged), envelopes=tuple(envelopes[:MAX_ENVELOPES])
    )


def _referrers(client: RegistryClient, reference: Reference, subject: Digest) -> Iterator[Manifest]:
    try:
        listed = client.referrers(reference, subject)[:MAX_ATTACHED]
    except InvalidInputError:
        return
    for one in listed:
        node = manifest_or_none(client, replace(reference, tag=None, digest=one.digest))
        if not isinstance(node, Manifest) or node.subject is None or node.subject.digest != subject:
            continue
        if kind_of(node) is Kind.ATTACHMENT and sum(it.size for it in node.layers) <= MAX_DOCUMENT_BYTES:
            yield node


def _cosign_tags(client: RegistryClient, reference: Reference, subject: Digest) -> Iterator[tuple[Tag, Manifest]]:
    """Signatures and attestations in cosign's older form: manifests under `sha256-HEX.sig` and `.att`."""
    for ending in _COSIGN_ENDINGS:
        tag = Tag(f"{subject.algorithm}-{subject.hex[:64]}.{ending}")
        node = manifest_or_none(client, replace(reference, tag=tag, digest=None))
        if not isinstance(node, Manifest) or kind_of(node, named=True) is not Kind.ATTACHMENT:
            continue
        if sum(part.size for part in (node.config, *node.layers)) <= MAX_DOCUMENT_BYTES:
            yield tag, node


def _envelopes(client: RegistryClient, reference: Reference, node: Manifest) -> Iterator[bytes]:
    """The signed statements of such a manifest: they count as evidence, so they hang on the subject here too."""
    for layer in node.layers[:MAX_ENVELOPES]:
        if layer.media_type == mt.DSSE and layer.size <= MAX_ENVELOPE_BYTES:
            try:
                yield fetch_document(client, replace(reference, tag=None), layer, max_bytes=MAX_ENVELOPE_BYTES)
            except (InvalidInputError, DigestMismatchError):
                continue
