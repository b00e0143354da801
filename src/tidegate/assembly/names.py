# SPDX-License-Identifier: Apache-2.0
"""Which digest a workload's image name means: what the curation tier's tags say, handed to the execution tier."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from tidegate.artifact import Digest, Reference
from tidegate.curation import tags
from tidegate.errors import NotFoundError

_DIGESTS: Final = ("sha256:", "sha512:")


def resolve_reference(connection: Connection, reference: Reference) -> Digest | None:
    """The digest of a reference, by repository and tag.

    The registry's host does not count: a cluster may know us by many names, and what is pinned is a digest we admitted,
    so another registry can only serve the same bytes or none.
    """
    if reference.digest is not None:
        return reference.digest
    return tags.resolve(connection, reference.repository, reference.tag) if reference.tag else None


def named_digest(connection: Connection, name: str, sees: Callable[[str], bool] = lambda _: True) -> Digest:
    """The digest a person named: itself, or what a tag of our registry points to.

    Args:
        connection: any.
        name: a digest, or `repository:tag` with or without our host.
        sees: whether they may know of a repository; a tag of another one is not there for them.

    Raises:
        NotFoundError: there is no such tag.
        InvalidInputError: it is no name.
    """
    if name.startswith(_DIGESTS):
        return Digest(name)
    reference = own_reference(name)
    found = resolve_reference(connection, reference) if sees(reference.repository) else None
    if found is None:
        raise NotFoundError("no such tag in the registry", where=name[:200], remedy="give a digest, or repository:tag")
    return found


def own_reference(text: str) -> Reference:
    """A name of our own registry, whose host people leave out; a bare digest has no name but itself."""
    if text.startswith(_DIGESTS):
        return Reference.parse(f"localhost/digest@{text}")
    head = text.partition("/")[0]
    has_host = "/" in text and (head == "localhost" or any(mark in head for mark in ".:["))
    return Reference.parse(text if has_host else f"localhost/{text}")
