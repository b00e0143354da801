# SPDX-License-Identifier: Apache-2.0
"""The profile of custody at a real server: provenance that a builder hangs on an image lets it pass."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from whole_server import WholeServer, python_image

from tidegate.artifact import Digest, Reference
from tidegate.artifact import media_type as mt
from tidegate.evidence import PROVENANCE, Statement, Subject
from tidegate.oci.attached import attached_envelopes
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Outbound
from tidegate.signing.envelope import sign
from tidegate.signing.keys import SigningKey
from tidegate.wire import to_json

EMPTY = b"{}"
BUILDER = SigningKey.generate()


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeServer]:
    folder = tmp_path_factory.mktemp("strict")
    key = folder / "builder.pem"
    key.write_bytes(BUILDER.verifying.to_pem())
    environment = {"TIDEGATE_POLICY_PROFILES": "default,custody", "TIDEGATE_SIGNING_TRUSTED_KEYS": str(key)}
    with WholeServer(folder / "home", environment=environment) as server:
        yield server


def provenance_of(digest: str) -> Statement:
    dependency = {"uri": "git+https://example.com/team/app@refs/heads/main", "digest": {"gitCommit": "c" * 40}}
    build = {"buildType": "https://example.com/build", "externalParameters": {}, "resolvedDependencies": [dependency]}
    return Statement(
        subjects=(Subject(name="other", digest=Digest.of(b"other")), Subject(name="app", digest=Digest(digest))),
        predicate_type=PROVENANCE,
        predicate={"buildDefinition": build, "runDetails": {"builder": {"id": "https://example.com/builder"}}},
    )


def put(server: WholeServer, name: str, content: bytes) -> dict[str, Any]:
    digest = str(Digest.of(content))
    begun = server.http.post(f"/v2/{name}/blobs/uploads/")
    done = server.http.put(begun.headers["location"], params={"digest": digest}, content=content)
    assert done.status_code == 201
    return {"digest": digest, "size": len(content)}


def hang(server: WholeServer, name: str, subject: dict[str, Any], envelope: bytes) -> None:
    manifest = {
        "schemaVersion": 2,
        "mediaType": mt.OCI_MANIFEST,
        "artifactType": "application/vnd.in-toto.provenance+dsse",
        "config": put(server, name, EMPTY) | {"mediaType": mt.OCI_EMPTY},
        "layers": [put(server, name, envelope) | {"mediaType": mt.DSSE}],
        "subject": subject,
    }
    raw = to_json(manifest)
    path = f"/v2/{name}/manifests/{Digest.of(raw)}"
    assert server.http.put(path, content=raw, headers={"content-type": mt.OCI_MANIFEST}).status_code == 201


def image_with(server: WholeServer, folder: Path, name: str, envelope_of: Any) -> tuple[str, bytes]:
    tag = name.rpartition("/")[2]
    digest = python_image(folder, tag, {"h11": "0.14.0"})
    envelope: bytes = envelope_of(digest)
    size = (folder / "blobs" / "sha256" / digest.partition(":")[2]).stat().st_size
    hang(server, name, {"mediaType": mt.OCI_MANIFEST, "digest": digest, "size": size}, envelope)
    server.push(folder, tag, f"{name}:1")
    return digest, envelope


def rules(found: Any) -> set[str]:
    return {reason["rule"] for reason in found["verdict"]["reasons"] if reason["verdict"] == "deny"}


def test_an_image_with_provenance_of_a_trusted_builder_is_admitted(strict: WholeServer, tmp_path: Path) -> None:
    digest, envelope = image_with(
        strict, tmp_path / "l", "team/proved", lambda it: sign(provenance_of(it), BUILDER).content
    )
    found = strict.verdict(digest)
    assert (found["state"], rules(found)) == ("admitted", set())
    with Outbound() as outbound:
        reference = Reference.parse(f"{strict.address}/team/proved:1")
        assert envelope in attached_envelopes(RegistryClient(outbound), reference, Digest(digest))
    passport = strict.api(f"/passports/{digest}")
    assert passport["sound"]


def test_provenance_of_a_stranger_proves_nothing(strict: WholeServer, tmp_path: Path) -> None:
    stranger = SigningKey.generate()
    digest, _ = image_with(strict, tmp_path / "l", "team/strange", lambda it: sign(provenance_of(it), stranger).content)
    found = strict.verdict(digest)
    assert (found["state"], rules(found)) == ("rejected", {"provenance", "in-house-source"})


def test_provenance_that_comes_after_the_verdict_is_heard(strict: WholeServer, tmp_path: Path) -> None:
    digest = python_image(tmp_path / "l", "late", {"h11": "0.14.0"})
    strict.push(tmp_path / "l", "late", "team/late:1")
    assert strict.verdict(digest)["state"] == "rejected"
    size = (tmp_path / "l" / "blobs" / "sha256" / digest.partition(":")[2]).stat().st_size
    after = strict.api("/events", limit=1000)["next"]
    envelope = sign(provenance_of(digest), BUILDER).content
    hang(strict, "team/late", {"mediaType": mt.OCI_MANIFEST, "digest": digest, "size": size}, envelope)
    assert strict.wait_for_event("curation.image.admitted", after=after)["subject"] == digest
    assert strict.verdict(digest)["state"] == "admitted"
