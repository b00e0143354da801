# SPDX-License-Identifier: Apache-2.0
"""Settings of Kubernetes clusters that are asked: where their API servers are, and as whom."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tidegate.settings.leaf import Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSettings:
    """Which API server is asked, and as whom."""

    config_file: Annotated[
        Path | None,
        Leaf(
            meaning="Kubeconfig of the cluster; empty takes the account of the pod this runs in, or else what kubectl "
            "takes."
        ),
    ] = None
    context: Annotated[str, Leaf(meaning="Context of the kubeconfig; empty takes its current one.")] = ""
