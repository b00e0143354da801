# SPDX-License-Identifier: Apache-2.0
"""Settings of the execution tier: what is asked of workloads, and what a node's sensor does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tidegate.settings.leaf import Leaf

RogueMode = Literal["observe", "alert"]
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
    flow_keep_days: Annotated[
        int, Leaf(meaning="Days that an observed flow is kept after it was seen last.", low=1, high=3650)
    ] = 30
    capture_schedule_files: Annotated[
        tuple[Path, ...], Leaf(meaning="Files of schedules of captures: which workloads are captured, and how often.")
    ] = ()
    configuration_files: Annotated[tuple[Path, ...], Leaf(meaning="Files of rules of ConfigMaps and Secrets.")] = ()
    confinement_files: Annotated[
        tuple[Path, ...],
        Leaf(
            meaning="Files of rules of confinement: how strongly the kernel is to confine processes of which workloads."
        ),
    ] = ()
    response_files: Annotated[
        tuple[Path, ...],
        Leaf(
            meaning="Files of the policy of response: what follows from what sensors see, of the server and of sensors."
        ),
    ] = ()
    update_files: Annotated[
        tuple[Path, ...],
        Leaf(meaning="Files of the policy of updates: which running workload may have which newer admitted image."),
    ] = ()
    update_author: Annotated[
        str, Leaf(meaning="Who writes commits of updates, as git writes it: `Name <address>`.")
    ] = "tidegate <tidegate@localhost>"
    update_signing_key_file: Annotated[
        Path | None, Leaf(meaning="SSH private key that signs commits of updates; empty leaves them unsigned.")
    ] = None
    rogue_mode: Annotated[
        RogueMode,
        Leaf(meaning="What is made of containers whose image is not admitted: `alert` opens an incident."),
    ] = "alert"
    rogue_exempt_namespaces: Annotated[
        tuple[str, ...],
        Leaf(meaning="Namespaces in which images need no admission; best those of `webhook.exempt_namespaces`."),
    ] = ("kube-system", "kube-public", "kube-node-lease", "tidegate")
    node_silent_s: Annotated[
        float, Leaf(meaning="Seconds after which a node whose sensor says nothing is told of.", low=15, high=86400)
    ] = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSettings:
    """What a node's sensor does about programs that were not in their image."""

    node: Annotated[str, Leaf(meaning="Name of this node at the server; empty is the machine's own.")] = ""
    spool_file: Annotated[
        Path, Leaf(meaning="File in which what was seen waits for the server.", under_home="sensor/spool.db")
    ]
    server_keys: Annotated[
        tuple[Path, ...], Leaf(meaning="PEM public keys of the server, whose signed orders are carried out.")
    ] = ()
    max_responses_per_hour: Annotated[
        int,
        Leaf(meaning="Steps this node takes in an hour, whoever orders them; more are refused.", low=0, high=10_000),
    ] = 60

    flows: Annotated[bool, Leaf(meaning="Count who talks to whom among pods, for network policies.")] = True
    mode: Annotated[
        SensorMode,
        Leaf(
            meaning="For workloads no rule speaks of: `observe` writes it down, `alert` has somebody look at it, "
            "`enforce` does not let it run."
        ),
    ] = "alert"
    rules_files: Annotated[tuple[Path, ...], Leaf(meaning="Files of rules of drift.")] = ()
    profile_files: Annotated[
        tuple[Path, ...], Leaf(meaning="Files of profiles of behaviour: what is expected of which workloads.")
    ] = ()
