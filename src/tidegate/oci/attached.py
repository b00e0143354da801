# SPDX-License-Identifier: Apache-2.0
"""Statements that hang on an image where it lies, in DSSE envelopes or Sigstore bundles; verified by nobody yet."""

from tidegate.artifact import Digest, Reference
from tidegate.artifact import media_type as mt
from tidegate.oci.registry import RegistryClient
from tidegate.oci.signatures import BUNDLE, RegistryPlace, SignaturePlace, signatures_on


def attached_envelopes(client: RegistryClient, reference: Reference, subject: Digest) -> tuple[bytes, ...]:
    """What hangs on an image in a registry: by cosign's tags, and as referrers (OCI distribution-spec 1.1).

    What hangs there is anybody's: what is broken is passed over.

    Args:
        client: asks the registry.
        reference: names the repository.
        subject: digest of the image.

    Raises:
        OutsideError: the registry cannot be reached or refuses.
    """
    return statements_at(RegistryPlace(client, reference), subject)


def statements_at(place: SignaturePlace, subject: Digest) -> tuple[bytes, ...]:
    """What hangs on an image anywhere and may hold statements.

    Raises:
        OutsideError: the disk or the registry failed.
    """
    hanging = signatures_on(place, subject)
    return tuple(it.content for it in hanging.attached if holds_statement(it.layer.media_type))


def holds_statement(media_type: str) -> bool:
    """True for a layer that is an envelope, or a bundle around one."""
    return media_type == mt.DSSE or media_type.startswith(BUNDLE)
