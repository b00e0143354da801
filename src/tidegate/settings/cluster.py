# SPDX-License-Identifier: Apache-2.0
"""Settings of a cluster's watcher."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tidegate.settings.leaf import Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """What a cluster is called, where its watcher keeps what it knows, and what it does when it is told to."""

    name: Annotated[str, Leaf(meaning="What the cluster is called at the server: the name of `webhook.cluster`.")] = ""
    folder: Annotated[
        Path,
        Leaf(meaning="Folder of what its watcher knows of it, and of what waits for the server.", under_home="cluster"),
    ]
    server_keys: Annotated[
        tuple[Path, ...],
        Leaf(meaning="PEM public keys of the server, whose signed orders are carried out in the cluster."),
    ] = ()
    max_steps_per_hour: Annotated[
        int,
        Leaf(
            meaning="Steps taken in the cluster in an hour, whoever orders them; more are refused.", low=0, high=10_000
        ),
    ] = 60
    own_namespace: Annotated[str, Leaf(meaning="Namespace of tidegate in the cluster, where no step is taken.")] = (
        "tidegate"
    )
