# SPDX-License-Identifier: Apache-2.0
"""Settings of the execution tier: what is asked of workloads, and what a node's sensor does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tidegate.settings.leaf import Leaf

SensorMode = Literal["observe", "alert", "enforce"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSettings:
    """What is asked of workloads, and where they may run."""

    pod_rules_files: Annotated[
        tuple[Path, ...],
        Leaf(
            meaning="Files of rules of pods; for workloads that none speaks of, the standards' level restricted holds."
        ),
    ] = ()
    placement_files: Annotated[tuple[Path, ...], Leaf(meaning="Files of strategies of placement.")] = ()
    capture_keep_days: Annotated[
        int, Leaf(meaning="Days that a forensic capture is kept, when nobody says otherwise.", low=1, high=3650)
    ] = 90
    configuration_files: Annotated[tuple[Path, ...], Leaf(meaning="Files of rules of ConfigMaps and Secrets.")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSettings:
    """What a node's sensor does about programs that were not in their image."""

    mode: Annotated[
        SensorMode,
        Leaf(
            meaning="For workloads no rule speaks of: `observe` writes it down, `alert` has somebody look at it, "
            "`enforce` does not let it run."
        ),
    ] = "alert"
    rules_files: Annotated[tuple[Path, ...], Leaf(meaning="Files of rules of drift.")] = ()
