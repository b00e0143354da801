# SPDX-License-Identifier: Apache-2.0
"""Data of events about tags."""

from tidegate.events.contract.words import AnyDigest, ARepository, Who, Why
from tidegate.values import Struct


class TagMoved(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tag means another digest, or is gone: then `after` is empty, as `before` is for a new one."""

    repository: ARepository
    tag: str
    before: AnyDigest
    after: AnyDigest
    who: Who
    why: Why


class TagHeld(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tag was frozen or let go, or its immutability was overridden once."""

    repository: ARepository
    tag: str
    who: Who
    why: Why
