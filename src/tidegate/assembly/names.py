# SPDX-License-Identifier: Apache-2.0
"""Which digest a workload's image name means: what the curation tier's tags say, handed to the execution tier."""

from sqlalchemy import Connection

from tidegate.artifact import Digest, Reference
from tidegate.curation import tags


def resolve_reference(connection: Connection, reference: Reference) -> Digest | None:
    """The digest of a reference, by repository and tag.

    The registry's host does not count: a cluster may know us by many names, and what is pinned is a digest we admitted,
    so another registry can only serve the same bytes or none.
    """
    if reference.digest is not None:
        return reference.digest
    return tags.resolve(connection, reference.repository, reference.tag) if reference.tag else None
