# SPDX-License-Identifier: Apache-2.0
"""Whether a stored manifest is what its digest says: asked before it is handed out, and when it is scrubbed."""

import hashlib

from tidegate.artifact import Digest, Repository
from tidegate.errors import OutsideError


class ManifestDamagedError(OutsideError):
    """A manifest's bytes are not what their digest says; they are not handed out."""

    def __init__(self, repository: Repository, digest: Digest) -> None:
        super().__init__(
            "the stored manifest is damaged", where=f"{repository}@{digest}", remedy="push it again, or scrub"
        )


def is_whole(digest: Digest, document: bytes) -> bool:
    """True when a document has the digest."""
    return f"{digest.algorithm}:{hashlib.new(digest.algorithm, document).hexdigest()}" == digest


def require_whole(repository: Repository, digest: Digest, document: bytes) -> None:
    """Makes sure that a document has the digest.

    Raises:
        ManifestDamagedError: it has not.
    """
    if not is_whole(digest, document):
        raise ManifestDamagedError(repository, digest)
