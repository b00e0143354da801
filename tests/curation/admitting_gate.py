# SPDX-License-Identifier: Apache-2.0
"""A gate that lets every image pass: for tests of what comes after it."""

from typing import Any

from tidegate.admission.gate import Gate
from tidegate.policy.document import load_policy
from tidegate.signing.keys import SigningKey, TrustedKeys

_POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: team}
spec:
  rules:
    - {name: one, boundaries: [curation], when: "false", verdict: deny, message: "it says no"}
"""


def admitting_gate(**more: Any) -> Gate:
    """One with a key of its own; `more` is the gate's own arguments."""
    key = SigningKey.generate()
    policies = (load_policy(_POLICY, file="policy.yaml"),)
    return Gate(
        policies=policies, signer=key, trusted=TrustedKeys.of([key.verifying]), verifier_id="https://x.test", **more
    )
