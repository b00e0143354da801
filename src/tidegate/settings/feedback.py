# SPDX-License-Identifier: Apache-2.0
"""Settings of what owners are told."""

from dataclasses import dataclass
from typing import Annotated

from tidegate.settings.leaf import Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackSettings:
    """How soon owners are told, who is told of what is nobody's, and where messages lead to."""

    gather_s: Annotated[
        float,
        Leaf(
            meaning="Seconds that are waited for more of the same cause before its owner is told of all at once.",
            low=0,
            high=3600,
        ),
    ] = 10.0
    again_s: Annotated[
        float,
        Leaf(meaning="Seconds between two messages of one case, but for the one that closes it.", low=0, high=604_800),
    ] = 900.0
    default_owner: Annotated[
        str, Leaf(meaning="Owner of what is nobody else's; empty leaves it nobody's, and every channel is told.")
    ] = ""
    link: Annotated[
        str,
        Leaf(
            meaning="Address of this server as owners reach it, for links to passports: `https://registry.example`; "
            "empty names the command."
        ),
    ] = ""
