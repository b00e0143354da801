# SPDX-License-Identifier: Apache-2.0
"""What lies with an image in a real registry that could prove who made it."""

from pathlib import Path

import pytest

from tidegate.artifact import Descriptor, Digest, Reference, Tag, media_type
from tidegate.oci.proofs import Proofs, proofs_of
from tidegate.oci.push import Pusher
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Outbound
from tidegate.wire import to_json


@pytest.fixture
def client(outbound: Outbound) -> RegistryClient:
    return RegistryClient(outbound)


EMPTY = {"mediaType": media_type.OCI_EMPTY, "digest": Digest.of(b"{}"), "size": 2}


def pushed(client: RegistryClient, reference: Reference, layout: Path) -> tuple[Pusher, Descriptor]:
    pusher = Pusher(client, reference)
    subject = pusher.push_layout(layout)
    pusher.push_blob(b"{}", Digest.of(b"{}"))
    return pusher, subject


def manifest(artifact_type: str = "", subject: Descriptor | None = None, **annotations: str) -> bytes:
    told: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media_type.OCI_MANIFEST,
        "config": EMPTY,
        "layers": [],
        "annotations": {key.replace("_", "."): value for key, value in annotations.items()},
    }
    if artifact_type:
        told["artifactType"] = artifact_type
    if subject is not None:
        told["subject"] = {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size}
    return to_json(told)


@pytest.mark.tools
def test_nothing_is_seen_where_nothing_is(registry_host: str, client: RegistryClient, layout: Path) -> None:
    reference = Reference.parse(f"{registry_host}/proof/none:1")
    _, subject = pushed(client, reference, layout)
    assert proofs_of(client, reference, subject.digest) == Proofs()


@pytest.mark.tools
@pytest.mark.parametrize(
    ("artifact_type", "predicate", "seen"),
    [
        ("application/vnd.dev.sigstore.bundle.v0.3+json", "", Proofs(is_signed=True)),
        (
            "application/vnd.dev.sigstore.bundle.v0.3+json",
            "https://slsa.dev/provenance/v1",
            Proofs(has_provenance=True),
        ),
        ("application/vnd.cncf.notary.signature", "", Proofs(is_signed=True)),
        ("application/vnd.in-toto+json", "", Proofs(has_provenance=True)),
        ("application/vnd.cyclonedx+json", "", Proofs()),
    ],
)
def test_referrers(
    registry_host: str, client: RegistryClient, layout: Path, artifact_type: str, predicate: str, seen: Proofs
) -> None:
    name = Digest.of(f"{artifact_type}{predicate}".encode()).rpartition(":")[2][:12]
    reference = Reference.parse(f"{registry_host}/proof/{name}:1")
    pusher, subject = pushed(client, reference, layout)
    told = {"dev_sigstore_bundle_predicateType": predicate} if predicate else {}
    pusher.push_manifest(manifest(artifact_type, subject, **told), media_type.OCI_MANIFEST)
    assert proofs_of(client, reference, subject.digest) == seen


@pytest.mark.tools
def test_tags_beside_it(registry_host: str, client: RegistryClient, layout: Path) -> None:
    reference = Reference.parse(f"{registry_host}/proof/tags:1")
    pusher, subject = pushed(client, reference, layout)
    for ending, seen in (("sig", Proofs(is_signed=True)), ("att", Proofs(is_signed=True, has_provenance=True))):
        tag = Tag(f"{str(subject.digest).replace(':', '-')}.{ending}")
        pusher.push_manifest(manifest(), media_type.OCI_MANIFEST, tag=tag)
        assert proofs_of(client, reference, subject.digest) == seen
