# SPDX-License-Identifier: Apache-2.0
"""Data of events about encrypted copies of images and who can read them."""

from typing import Annotated

from tidegate.events.contract.words import Address, ADigest, ARepository, Consumer, Moment, Who, Why
from tidegate.values import Struct, msgspec

_Kid = Annotated[str, msgspec.Meta(description="The key's id: its JWK thumbprint (RFC 7638).")]


class ImageEncrypted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An encrypted copy of an image is there.

    Attributes:
        digest: of the copy.
        plain: of what it is a copy of.
        consumers: whose keys open it.
    """

    digest: ADigest
    plain: ADigest
    repository: ARepository
    consumers: list[str]
    who: Who


class KeysAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of an encrypted copy's layers were released to a consumer, or refused.

    Attributes:
        why: of a refusal; empty when they were released.
    """

    encrypted: ADigest
    plain: ADigest
    principal: Consumer
    address: Address
    kid: _Kid
    at: Moment
    why: Why


class Recipient(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A consumer's public key was added or removed."""

    name: Consumer
    kid: _Kid
    who: Who
