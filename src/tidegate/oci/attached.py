# SPDX-License-Identifier: Apache-2.0
"""Statements that hang on an image in a registry, as DSSE envelopes: fetched, and verified by nobody yet."""

from typing import Final

from tidegate.artifact import Descriptor, Digest, Index, Reference
from tidegate.artifact import media_type as mt
from tidegate.bounds import MIB, read_bounded
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.oci.registry import RegistryClient
from tidegate.values import replace

MAX_ATTACHED: Final = 100
"""Manifests looked at for one image; of more, the first the registry tells."""
MAX_ENVELOPE_BYTES: Final = 8 * MIB
"""A longer envelope is passed over."""


def attached_envelopes(client: RegistryClient, reference: Reference, subject: Digest) -> tuple[bytes, ...]:
    """The DSSE envelopes that hang on an image (OCI distribution-spec 1.1, referrers).

    What hangs there is anybody's: what is broken is passed over.

    Args:
        client: asks the registry.
        reference: names the repository.
        subject: digest of the image.

    Raises:
        OutsideError: the registry cannot be reached or refuses.
    """
    found: list[bytes] = []
    for hanging in client.referrers(reference, subject)[:MAX_ATTACHED]:
        found += _envelopes(client, replace(reference, tag=None, digest=hanging.digest), subject)
    return tuple(found)


def _envelopes(client: RegistryClient, reference: Reference, subject: Digest) -> list[bytes]:
    try:
        manifest = client.manifest(reference)
        if isinstance(manifest, Index) or manifest.subject is None or manifest.subject.digest != subject:
            return []
        wanted = [it for it in manifest.layers if it.media_type == mt.DSSE and it.size <= MAX_ENVELOPE_BYTES]
        return [_read(client, reference, it) for it in wanted[:MAX_ATTACHED]]
    except (InvalidInputError, NotFoundError):
        return []


def _read(client: RegistryClient, reference: Reference, blob: Descriptor) -> bytes:
    with client.blob(reference, blob) as body:
        content = read_bounded(body, max_bytes=blob.size, what=f"{reference} {blob.digest}")
    if Digest.of(content) != blob.digest:
        raise InvalidInputError("is not what its manifest says", where=f"{reference} {blob.digest}")
    return content
