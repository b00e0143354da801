# SPDX-License-Identifier: Apache-2.0
"""A manifest as the shelf hands it out, with what is to be said beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate.artifact import Digest
from tidegate.curation.lifecycle import State
from tidegate.curation.standing import Standing
from tidegate.curation.withheld import WithheldError


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A manifest as it was pushed.

    Attributes:
        objection: why it would have been withheld, were it not for observe mode; None for most.
        standing: what a person said of it; of deprecated ones.
        withheld_platforms: of an index, those whose images are withheld, with their states.
    """

    digest: Digest
    media_type: str
    document: bytes
    state: State
    objection: WithheldError | None = None
    standing: Standing | None = None
    withheld_platforms: Mapping[str, str] = field(default_factory=dict)
