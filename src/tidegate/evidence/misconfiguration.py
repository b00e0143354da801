# SPDX-License-Identifier: Apache-2.0
"""Something set up in a way it should not be: an image, a Dockerfile, a Compose file, a Kubernetes manifest."""

from tidegate.evidence.finding import Severity
from tidegate.values import Struct


class Misconfiguration(Struct, frozen=True, kw_only=True):
    """One rule that objects to one place.

    Attributes:
        id: the rule's, stable: `TG-IMG-001`.
        reason: what is wrong here, with the value that is.
        fix: what to write instead.
        references: clauses: `CIS Docker 1.6 4.1`, `NIST SP 800-190 4.1.2`.
        subject: what was checked: `image`, `dockerfile`, `compose`, `kubernetes`.
        location: a path, `USER`, or `Deployment/shop/web`; `line` counted from 1, 0 when it has none.
    """

    id: str
    title: str
    severity: Severity
    reason: str
    fix: str
    references: tuple[str, ...]
    subject: str
    location: str = ""
    line: int = 0
