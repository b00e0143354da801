# SPDX-License-Identifier: Apache-2.0
"""Evidence hung on its subject: an OCI artifact manifest whose one layer is the DSSE envelope.

Types as the in-toto attestation specification names them (`application/vnd.in-toto.<predicate>+dsse`), and its
predicate in the annotation BuildKit and sigstore's tools look for. Equal input makes an equal manifest.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, select

from tidegate.artifact import Digest, Repository
from tidegate.artifact import media_type as mt
from tidegate.errors import NotFoundError
from tidegate.evidence import (
    BEHAVIOUR,
    COMMITS,
    ENCRYPTION,
    PROVENANCE,
    REVIEW,
    SBOM,
    SCAN,
    SOURCE,
    SPDX,
    STATE_CHANGE,
    TEST_RESULT,
    TEST_RESULTS,
    VSA,
)
from tidegate.storage.digest_locks import lock_digests
from tidegate.storage.schema import manifest, repository_manifest, statement
from tidegate.wire import to_json

EMPTY: Final = b"{}"
PREDICATE_TYPE: Final = "in-toto.io/predicate-type"
CREATED: Final = "org.opencontainers.image.created"
_ARTIFACT_TYPES: Final[Mapping[str, str]] = {
    BEHAVIOUR: "application/vnd.in-toto.tidegate-behaviour+dsse",
    COMMITS: "application/vnd.in-toto.tidegate-commit-trail+dsse",
    ENCRYPTION: "application/vnd.in-toto.tidegate-encryption+dsse",
    PROVENANCE: "application/vnd.in-toto.provenance+dsse",
    REVIEW: "application/vnd.in-toto.tidegate-review+dsse",
    SBOM: "application/vnd.in-toto.cyclonedx+dsse",
    SCAN: "application/vnd.in-toto.tidegate-scan+dsse",
    SOURCE: "application/vnd.in-toto.tidegate-source-provenance+dsse",
    SPDX: "application/vnd.in-toto.spdx+dsse",
    STATE_CHANGE: "application/vnd.in-toto.tidegate-state-change+dsse",
    TEST_RESULT: "application/vnd.in-toto.test-result+dsse",
    TEST_RESULTS: "application/vnd.in-toto.tidegate-test-results+dsse",
    VSA: "application/vnd.in-toto.vsa+dsse",
}
_OTHER: Final = "application/vnd.in-toto+dsse"


def artifact_type_of(predicate_type: str) -> str:
    """The `artifactType` under which a statement is found among the referrers."""
    return _ARTIFACT_TYPES.get(predicate_type, _OTHER)


def attachment_manifest(
    connection: Connection,
    subject: Digest,
    envelope: bytes,
    *,
    artifact_type: str,
    annotations: Mapping[str, str],
) -> bytes:
    """The manifest that hangs an envelope on a stored subject.

    Raises:
        NotFoundError: the subject is not stored here.
    """
    row = connection.execute(
        select(manifest.c.media_type, manifest.c.document).where(manifest.c.digest == subject)
    ).first()
    if row is None:
        raise NotFoundError("no manifest with this digest", where=subject)
    return to_json(
        {
            "schemaVersion": 2,
            "mediaType": mt.OCI_MANIFEST,
            "artifactType": artifact_type,
            "config": {"mediaType": mt.OCI_EMPTY, "digest": Digest.of(EMPTY), "size": len(EMPTY)},
            "layers": [{"mediaType": mt.DSSE, "digest": Digest.of(envelope), "size": len(envelope)}],
            "subject": {"mediaType": row.media_type, "digest": subject, "size": len(row.document)},
            "annotations": dict(annotations),
        }
    )


def recorded_envelope(connection: Connection, digest: Digest) -> tuple[bytes, str, dict[str, str]]:
    """A statement on record by its envelope's digest: the envelope, its artifact type and annotations.

    It is dated by its record, so that it stays the same attachment.

    Raises:
        NotFoundError: there is no such statement.
    """
    row = connection.execute(select(statement).where(statement.c.digest == digest)).first()
    if row is None:
        raise NotFoundError("no such statement", where=digest)
    notes = {PREDICATE_TYPE: row.predicate_type, CREATED: row.recorded_at}
    return bytes(row.envelope), artifact_type_of(row.predicate_type), notes


def before_attaching(connection: Connection, blobs: Iterable[Digest]) -> None:
    """Takes the locks of blobs and of what every attachment has, in the caller's transaction and in their one order.

    For who attaches several, or takes locks that come after those of blobs (`tidegate.storage.lock_order`).
    """
    lock_digests(connection, [Digest.of(EMPTY), *blobs])


def holds(connection: Connection, repository: Repository, digest: Digest) -> bool:
    """True when a repository holds a manifest."""
    held = repository_manifest
    query = select(held.c.digest).where(held.c.repository == repository, held.c.digest == digest)
    return connection.scalar(query) is not None
