# SPDX-License-Identifier: Apache-2.0
"""What is done about programs that were not in the image, per workload. Values and judgement, nothing that acts."""

import fnmatch
import re
from enum import StrEnum
from functools import lru_cache
from typing import Final

from tidegate.values import Struct

EVERYTHING: Final = ("*",)


class Mode(StrEnum):
    """How far the sensor goes."""

    OBSERVE = "observe"
    """It is written down."""
    ALERT = "alert"
    """It is written down, and somebody is to look at it."""
    ENFORCE = "enforce"
    """It does not run."""


class Workload(Struct, frozen=True, kw_only=True):
    """What rules know of a container; "" for what nobody says.

    Attributes:
        container: its name, within its pod or on its host.
        image: the reference it was started from.
        namespace, pod: of Kubernetes.
    """

    container: str = ""
    image: str = ""
    namespace: str = ""
    pod: str = ""


class DriftRule(Struct, frozen=True, kw_only=True):
    """What holds for some workloads.

    Attributes:
        name: said where it is the reason.
        containers, images, namespaces, pods: shell patterns, `*` for any run of characters; all four must fit.
        mode: how far the sensor goes for them.
        allow: shell patterns of paths that may be there beside the image.
        opened: libraries and scripts are looked at too when a loader or an interpreter opens them. Every file that
            the workload opens then waits for the sensor.
    """

    name: str
    containers: tuple[str, ...] = EVERYTHING
    images: tuple[str, ...] = EVERYTHING
    namespaces: tuple[str, ...] = EVERYTHING
    pods: tuple[str, ...] = EVERYTHING
    mode: Mode = Mode.ALERT
    allow: tuple[str, ...] = ()
    opened: bool = False

    def fits(self, workload: Workload) -> bool:
        """True when it speaks of this workload."""
        return (
            _any(self.containers, workload.container)
            and _any(self.images, workload.image)
            and _any(self.namespaces, workload.namespace)
            and _any(self.pods, workload.pod)
        )

    def allows(self, path: str) -> bool:
        """True when this path may be there beside the image."""
        return _any(self.allow, path)


class DriftRules(Struct, frozen=True, kw_only=True):
    """Rules in their order: the first that speaks of a workload holds for it.

    Attributes:
        rules: in order.
        otherwise: holds for workloads no rule speaks of.
    """

    rules: tuple[DriftRule, ...] = ()
    otherwise: Mode = Mode.ALERT

    def rule_for(self, workload: Workload) -> DriftRule:
        """What holds for a workload."""
        rule = next((rule for rule in self.rules if rule.fits(workload)), None)
        return rule or DriftRule(name="otherwise", mode=self.otherwise)


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return patterns == EVERYTHING or any(_compiled(pattern).match(text) for pattern in patterns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern))
