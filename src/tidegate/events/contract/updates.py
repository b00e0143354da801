# SPDX-License-Identifier: Apache-2.0
"""Data of events about proposed updates of what runs."""

from tidegate.events.contract.words import AnId, Owner, Reasons
from tidegate.values import Struct


class UpdateTurned(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far an update of one container is.

    Attributes:
        repositories: of both images.
        digest: of what runs; empty when that is not known.
        step: how far it goes (`patch`).
        rule: of the policy of updates, by its name.
        removes: findings that go, by their ids; `brings` those that come.
        outcome: why it came to its state.
    """

    update: AnId
    owner: Owner
    container: str
    repositories: tuple[str, ...]
    digest: str
    tag: str
    to_repository: str
    to_digest: str
    to_tag: str
    step: str
    rule: str
    why: Reasons
    removes: tuple[str, ...]
    brings: tuple[str, ...]
    asked_by: str
    approved_by: str
    outcome: str
