# SPDX-License-Identifier: Apache-2.0
"""A workload against a level, as it was in a version of Kubernetes.

Follows https://kubernetes.io/docs/concepts/security/pod-security-standards/ and what Kubernetes' own admission does of
it (k8s.io/pod-security-admission). A field of a pod stands before its containers'; init and ephemeral containers count
like all others.
"""

from tidegate.execution.standards.baseline import BASELINE
from tidegate.execution.standards.restricted import RESTRICTED
from tidegate.execution.standards.version import LATEST, StandardVersion
from tidegate.execution.standards.violation import Level, Subject, Violation
from tidegate.execution.workload import Workload


def violations(
    workload: Workload, level: Level = Level.RESTRICTED, version: StandardVersion = LATEST
) -> tuple[Violation, ...]:
    """Everything in a workload that a level does not allow; empty is compliant."""
    controls = {Level.PRIVILEGED: (), Level.BASELINE: BASELINE, Level.RESTRICTED: (*BASELINE, *RESTRICTED)}[level]
    subject = Subject.of(workload, version.minor)
    return tuple(one for control in controls if control.holds_at(version.minor) for one in control.check(subject))
