# SPDX-License-Identifier: Apache-2.0
"""What a gate knows beside evidence: who brings the artifact, where it should run, and whom the gate trusts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate.artifact import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerContext:
    """One container that would run the image, as it stands after the gate's own changes to the workload."""

    name: str
    runs_as_root: bool
    privileged: bool = False
    allows_escalation: bool = False
    read_only_root: bool = False
    added_capabilities: tuple[str, ...] = ()
    host_namespaces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything around one decision.

    Attributes:
        trusted: ids of the keys whose evidence counts; with none, no evidence counts.
        latest: for an evidence kind (`scan`, `sbom`, `vsa`), the envelope that is the newest the gate's own records
            know of. Then no other counts, so that hiding the newest cannot bring an older, kinder one back.
        known: for a kind of which several count (`tests`, `reviews`), every envelope the gate's own records know of.
            All of them must be at hand, so that hiding a word against the artifact cannot help it.
        repositories: all that hold the artifact, where there are several; an exception for some must be for each.
        pushed_by: the principal who brought the image; cannot have approved an exception that serves it.
        pushers: all who brought it, where there were several; the same holds for each of them.
    """

    repository: str = ""
    repositories: tuple[str, ...] = ()
    reference: str = ""
    pushed_by: str = ""
    pushers: tuple[str, ...] = ()
    environment: str = ""
    cluster: str = ""
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    containers: tuple[ContainerContext, ...] = ()
    trusted: frozenset[str] = frozenset()
    latest: Mapping[str, Digest] = field(default_factory=dict)
    known: Mapping[str, frozenset[Digest]] = field(default_factory=dict)
