# SPDX-License-Identifier: Apache-2.0
"""Tags that name a subject: how clients find what hangs on it without the referrers API.

`sha256-<hex>` holds an index of referrers (OCI distribution-spec 1.1, "Referrers Tag Schema"; hex is cut to 64 digits),
`sha256-<hex>.sig` and `.att` hold cosign's signatures and attestations.
"""

import re
from typing import Final

from sqlalchemy import Connection, select

from tidegate.artifact import Digest, Index, Repository, Tag
from tidegate.curation.kind import Kind
from tidegate.curation.referrers import list_referrers
from tidegate.storage.schema import manifest, repository_manifest
from tidegate.storage.schema import tag as schema_tag

_FORM: Final = re.compile(r"(sha256|sha512)-([0-9a-f]{64})(\.sig|\.att)?")
_HELD: Final = (".att", ".sig")
_SHA256: Final = "sha256"


def names_subject(tag: Tag) -> bool:
    """True for a tag under which clients look for what hangs on another manifest."""
    return _FORM.fullmatch(tag) is not None


def attested_by_tag(connection: Connection, attachment: Digest) -> tuple[Digest, ...]:
    """The subjects that tags of cosign's signatures and attestations name, where they point to this manifest."""
    names = connection.scalars(select(schema_tag.c.name).where(schema_tag.c.digest == attachment).limit(100))
    found = (_FORM.fullmatch(name) for name in names)
    return tuple(Digest(f"{it[1]}:{it[2]}") for it in found if it is not None and it[3] in _HELD and it[1] == _SHA256)


def lists_attachments_only(connection: Connection, index: Index) -> bool:
    """True when all an index names is stored here as an attachment: then nothing of it can run."""
    wanted = {child.digest for child in index.manifests}
    query = select(manifest.c.digest).where(manifest.c.digest.in_(wanted), manifest.c.kind == Kind.ATTACHMENT)
    return wanted == set(connection.scalars(query))


def referrers_by_tag(connection: Connection, repository: Repository, tag: Tag) -> bytes | None:
    """What the referrers API answers for the subject a tag names, for clients that do not know that API.

    Returns:
        The index, its first page; None when the tag is of another form, or nothing hangs there.
    """
    match = _FORM.fullmatch(tag)
    if match is None or match[3]:
        return None
    subject = _subject(connection, repository, match[1], match[2])
    if subject is None:
        return None
    page = list_referrers(connection, repository, subject)
    return page.document if page.count else None


def _subject(connection: Connection, repository: Repository, algorithm: str, hexadecimal: str) -> Digest | None:
    if algorithm == _SHA256:
        return Digest(f"{algorithm}:{hexadecimal}")
    held = repository_manifest
    query = (
        select(manifest.c.subject)
        .join(held, held.c.digest == manifest.c.digest)
        .where(held.c.repository == repository, manifest.c.subject.startswith(f"{algorithm}:{hexadecimal}"))
        .limit(1)
    )
    found = connection.scalar(query)
    return None if found is None else Digest(found)
