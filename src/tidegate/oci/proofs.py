# SPDX-License-Identifier: Apache-2.0
"""What lies with an image in its registry that could prove who made it: signatures and build provenance, unverified.

As referrers (OCI distribution-spec 1.1), as tags beside it (cosign: `sha256-HEX.sig`, `.att`), or as the
attestation manifests of BuildKit in the image's index.
"""

from typing import Final

from tidegate.artifact import Descriptor, Digest, Index, Reference, Tag
from tidegate.errors import TidegateError
from tidegate.oci.registry import RegistryClient
from tidegate.values import Struct, replace

SIGNATURES: Final = frozenset(
    {
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        "application/vnd.dev.cosign.artifact.sig.v1+json",
        "application/vnd.cncf.notary.signature",
    }
)
"""Artifact types of signatures: sigstore bundles, cosign's own, Notary Project's."""
_IN_TOTO: Final = "application/vnd.in-toto"
_PREDICATES: Final = ("in-toto.io/predicate-type", "dev.sigstore.bundle.predicateType")
_PROVENANCE: Final = "slsa.dev/provenance"
_BUILDKIT: Final = ("vnd.docker.reference.type", "attestation-manifest")
_BUILDKIT_SUBJECT: Final = "vnd.docker.reference.digest"


class Proofs(Struct, frozen=True, kw_only=True):
    """What was seen; none of it verified."""

    is_signed: bool = False
    has_provenance: bool = False


def proofs_of(client: RegistryClient, reference: Reference, digest: Digest) -> Proofs:
    """Looks for proofs of one image.

    Args:
        client: asks the registry.
        reference: names the repository; its tag may name an index that holds attestations.
        digest: of the image.

    Raises:
        OutsideError: the registry cannot be reached or refuses.
    """
    hanging = client.referrers(reference, digest)
    beside = {ending for ending in ("sig", "att") if _is_there(client, reference, digest, ending)}
    attested = [one for one in _index_of(client, reference) if one.annotations.get(_BUILDKIT_SUBJECT) == digest]
    return Proofs(
        is_signed="sig" in beside or any(_is_signature(one) for one in hanging),
        has_provenance="att" in beside
        or any(_is_provenance(one) for one in hanging)
        or any(one.annotations.get(_BUILDKIT[0]) == _BUILDKIT[1] for one in attested),
    )


def _is_signature(one: Descriptor) -> bool:
    is_statement = any(one.annotations.get(name) for name in _PREDICATES)
    return one.artifact_type in SIGNATURES and not is_statement


def _is_provenance(one: Descriptor) -> bool:
    predicates = [one.annotations.get(name, "") for name in _PREDICATES]
    return any(_PROVENANCE in predicate for predicate in predicates) or (
        one.artifact_type.startswith(_IN_TOTO) and not any(predicates)
    )


def _is_there(client: RegistryClient, reference: Reference, digest: Digest, ending: str) -> bool:
    tag = Tag(f"{str(digest).replace(':', '-')}.{ending}")
    return client.head(replace(reference, tag=tag, digest=None)) is not None


def _index_of(client: RegistryClient, reference: Reference) -> tuple[Descriptor, ...]:
    try:
        found = client.manifest(reference)
    except TidegateError:  # what the image was read from may be gone by now, or be withheld
        return ()
    return found.manifests if isinstance(found, Index) else ()
