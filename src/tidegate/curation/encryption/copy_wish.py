# SPDX-License-Identifier: Apache-2.0
"""What is to be copied encrypted, whereto, and for whom."""

from collections.abc import Sequence
from typing import Final

from tidegate.artifact import Digest, Reference, Repository, Tag
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.values import Struct

MAX_CONSUMERS: Final = 100


class CopyWish(Struct, frozen=True, kw_only=True):
    """What is to be copied, whereto, and for whom.

    Attributes:
        source: the repository that holds the image.
        locator: its tag or digest there.
        target: the repository of the copy; may be the same.
        tag: of the copy; None for none.
        consumers: names of registered recipients; none makes a copy whose keys are had by release alone.
    """

    source: Repository
    locator: Tag | Digest
    target: Repository
    tag: Tag | None
    consumers: tuple[str, ...]


def copy_wish(source: str, target: str, consumers: Sequence[str]) -> CopyWish:
    """Reads what is to be copied and whereto, as people write it: names of this registry without its host.

    Args:
        source: `repository:tag` or `repository@digest`.
        target: `repository:tag`.
        consumers: names of registered recipients.

    Raises:
        BoundExceededError: more than 100 consumers.
        InvalidInputError: one of the names is none.
    """
    if len(consumers) > MAX_CONSUMERS:
        raise BoundExceededError("MAX_CONSUMERS", MAX_CONSUMERS, where=target)
    plain, copy = (Reference.parse(f"localhost/{text}") for text in (source, target))
    if copy.digest is not None:
        raise InvalidInputError("a copy has a digest of its own", where=target, remedy="write repository:tag")
    locator = plain.digest or plain.tag
    if locator is None:
        raise InvalidInputError("names no tag and no digest", where=source, remedy="write repository:tag")
    return CopyWish(
        source=plain.repository,
        locator=locator,
        target=copy.repository,
        tag=copy.tag,
        consumers=tuple(dict.fromkeys(consumers)),
    )
