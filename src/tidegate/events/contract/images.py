# SPDX-License-Identifier: Apache-2.0
"""Data of events about images: their states, where they lie, who may not pull them."""

from typing import Any

from tidegate.events.contract.words import (
    Address,
    ADigest,
    AnId,
    AnyDigest,
    AnyMoment,
    ARepository,
    Consumer,
    Count,
    Envelope,
    Moment,
    Repositories,
    Who,
    Why,
)
from tidegate.values import Struct


class ImageStored(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A manifest was pushed, or carried over, to a repository."""

    digest: ADigest
    repository: ARepository
    who: Who


class StateChanged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A digest goes from one state to another, or stays in it on other terms.

    Attributes:
        evidence: the decision, or the signed change of a person.
        kind: of manifest: image, index, artifact.
        subject: what an attached manifest refers to.
        restriction: whom it is kept for from now on: `who`, `where`, `until`.
        sunset: when a deprecated image ends.
        replacement: what to use in its place.
        alone: why one person did what takes two.
    """

    digest: ADigest
    before: str
    after: str
    at: Moment
    who: Who
    why: Why
    evidence: Envelope
    kind: str
    repositories: Repositories
    decision: AnyDigest = ""
    subject: AnyDigest = ""
    restriction: dict[str, Any] | None = None
    sunset: AnyMoment = ""
    replacement: str = ""
    alone: str = ""


class ImageRemoved(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A manifest was taken out of a repository.

    Attributes:
        repositories_left: that hold it still; with none its blobs are collected.
    """

    digest: ADigest
    repository: ARepository
    who: Who
    why: Why
    repositories_left: Count


class PullRefused(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A consumer was refused an image for the first time, or would have been.

    Attributes:
        enforced: false where it is only observed.
    """

    repository: ARepository
    digest: ADigest
    consumer: Consumer
    state: str
    reason: Why
    remedy: str
    enforced: bool
    address: Address


class Promoted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An image was promoted, with all that is attached to it.

    Attributes:
        target: a repository here, or of another registry.
        tag: it has there; empty for none.
        manifests: how many went with it.
    """

    digest: ADigest
    source: ARepository
    target: str
    tag: str
    who: Who
    why: Why
    manifests: Count
    decision: AnyDigest
    evidence: Envelope


class ConsumerExposed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who pulled a digest in the last 30 days, when that was recalled.

    Attributes:
        recalled_by: id of the event of the recall.
    """

    digest: ADigest
    consumer: Consumer
    repositories: Repositories
    last_pull: Moment
    why: Why
    recalled_by: AnId


class Nothing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No data: a trial."""
