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
        references: clauses: `CIS Docker 4.1`, `NIST SP 800-190 4.1.2`.
        subject: what was checked: `image`, `dockerfile`, `compose`, `kubernetes`, `host`.
        location: the path of a document or of a file in an image, or a part of the image's configuration (`ENV NAME`,
            `history 3`); `line` counted from 1, 0 when it has none.
        part: what of the document it is about, where a line says too little: `services.web`, `Deployment/shop/web app`.
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
    part: str = ""
