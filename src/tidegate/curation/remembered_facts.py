# SPDX-License-Identifier: Apache-2.0
"""Facts of an image by which it is found among all: the release lines it stands on, the commits it was made from."""

import re
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, delete

from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError
from tidegate.evidence import PROVENANCE, PROVENANCE_02, Evidence, ScanReport
from tidegate.evidence.predicates.provenance import read_provenance
from tidegate.storage.fleet_schema import image_commit, image_line
from tidegate.storage.insert import insert_once

MAX_COMMITS: Final = 100
"""That are remembered of one image, of each kind of word."""
_OCI: Final = "org.opencontainers.image."
_PROVENANCES: Final = frozenset({PROVENANCE, PROVENANCE_02})
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MAX_PRODUCT_CHARS: Final = 128
_MAX_CYCLE_CHARS: Final = 64
_MAX_REPOSITORY_CHARS: Final = 500


def remember_lines(connection: Connection, digest: Digest, report: ScanReport) -> None:
    """Keeps the release lines that a scan recognised, in the place of earlier ones."""
    connection.execute(delete(image_line).where(image_line.c.digest == digest))
    for one in report.support:
        if len(one.product) <= _MAX_PRODUCT_CHARS and len(one.cycle) <= _MAX_CYCLE_CHARS:
            place = {"product": one.product, "cycle": one.cycle, "digest": digest, "subject": one.subject}
            insert_once(connection, image_line, **place, purl=one.purl)


def remember_claimed_commit(connection: Connection, digest: Digest, labels: dict[str, str]) -> None:
    """Keeps the commit that an image names itself (`org.opencontainers.image.revision`), in the place of an earlier."""
    commit = labels.get(f"{_OCI}revision", "").strip().lower()
    _forget(connection, digest, "label")
    if _COMMIT.fullmatch(commit):
        _keep(connection, commit, digest, "label", labels.get(f"{_OCI}source", ""))


def remember_proven_commits(connection: Connection, digest: Digest, evidence: Iterable[Evidence]) -> None:
    """Keeps the commits that verified provenance names, in the place of earlier ones."""
    _forget(connection, digest, "provenance")
    for one in evidence:
        if one.predicate_type not in _PROVENANCES:
            continue
        try:
            told = read_provenance(one.predicate_type, one.predicate, where=str(one.digest))
        except InvalidInputError:
            continue  # nothing is to be learnt from it; a rule that asks for provenance says so
        for commit in told.commits[:MAX_COMMITS]:
            if _COMMIT.fullmatch(commit):
                _keep(connection, commit, digest, "provenance", told.source.uri if commit == told.source.digest else "")


def _keep(connection: Connection, commit: str, digest: Digest, said_by: str, repository: str) -> None:
    shown = repository[:_MAX_REPOSITORY_CHARS] if repository.isprintable() else ""
    insert_once(connection, image_commit, commit=commit, digest=digest, said_by=said_by, repository=shown)


def _forget(connection: Connection, digest: Digest, said_by: str) -> None:
    own = (image_commit.c.digest == digest) & (image_commit.c.said_by == said_by)
    connection.execute(delete(image_commit).where(own))
