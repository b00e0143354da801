# SPDX-License-Identifier: Apache-2.0
"""What the default profile lets pass, and what it stops."""

from policy_facts import AT, CONTEXT, ENDED, EXPLOITED, OUTCOME, SECRET, SUBJECT, finding, sbom, scan

from tidegate.evidence import Boundary, Severity
from tidegate.policy.decide import decide
from tidegate.policy.profile import load_profile

PROFILE = load_profile()


def test_smoke() -> None:
    decision = decide(
        Boundary.CURATION,
        SUBJECT,
        CONTEXT,
        [
            scan(
                findings=(finding(severity=Severity.CRITICAL, exploited=EXPLOITED), finding(2, severity=Severity.HIGH)),
                secrets=(SECRET,),
                support=(ENDED,),
                outcomes=(OUTCOME,),
            ),
            sbom(),
        ],
        [PROFILE],
        AT,
    )
    for r in decision.reasons:
        print(r)
    print(decision.expires_at)
