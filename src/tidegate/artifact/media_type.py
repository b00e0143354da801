# SPDX-License-Identifier: Apache-2.0
"""Media types of OCI image-spec 1.1, Docker's image manifest v2 and what tidegate attaches."""

from typing import Final

OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY: Final = "application/vnd.oci.empty.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP: Final = OCI_LAYER + "+gzip"
OCI_LAYER_ZSTD: Final = OCI_LAYER + "+zstd"
OCI_LAYER_NONDISTRIBUTABLE: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP: Final = DOCKER_LAYER + ".gzip"
DOCKER_LAYER_FOREIGN: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

DSSE: Final = "application/vnd.dsse.envelope.v1+json"
IN_TOTO: Final = "application/vnd.in-toto+json"
SIMPLE_SIGNING: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
STATEMENTS: Final = frozenset({DSSE, IN_TOTO, SIMPLE_SIGNING})
"""What BuildKit and cosign put where an image has its layers."""

ENCRYPTED: Final = "+encrypted"
"""What ocicrypt appends to the type of a layer it encrypted."""

MANIFESTS: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES: Final = frozenset({OCI_INDEX, DOCKER_INDEX})
IMAGE_CONFIGS: Final = frozenset({OCI_CONFIG, DOCKER_CONFIG})
_LAYER_STEMS: Final = (OCI_LAYER, OCI_LAYER_NONDISTRIBUTABLE, DOCKER_LAYER, DOCKER_LAYER_FOREIGN)


def may_lie_elsewhere(media_type: str) -> bool:
    """True for layers whose licence keeps them out of registries; their descriptor says by URL where they lie."""
    return media_type.startswith((OCI_LAYER_NONDISTRIBUTABLE, DOCKER_LAYER_FOREIGN))


def is_layer(media_type: str) -> bool:
    """True for any file-system layer, whatever its compression (also `+encrypted`)."""
    return media_type.startswith(_LAYER_STEMS)


def is_encrypted(media_type: str) -> bool:
    """True for a layer whose bytes tell nothing without a key."""
    return media_type.endswith(ENCRYPTED)


def is_packed(media_type: str) -> bool:
    """True for a layer that says it is compressed."""
    return media_type.endswith(("+gzip", "+zstd", ".gzip", ".zstd"))
