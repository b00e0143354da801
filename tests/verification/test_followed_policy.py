# SPDX-License-Identifier: Apache-2.0
"""A trust policy that is changed, broken and mended while somebody follows it."""

import logging
from pathlib import Path

import pytest

from tidegate.errors import NotFoundError
from tidegate.signing.keys import SigningKey
from tidegate.verification.document import load_trust_policy
from tidegate.verification.followed_policy import FollowedTrustPolicy

_POLICY = """apiVersion: tidegate.dev/v1
kind: TrustPolicy
metadata: {name: company}
spec:
  authorities:
    - {name: release, keys: [release.pub]}
  requirements:
    - {name: signed, by: [release]}
"""


def test_what_its_files_say_now_is_what_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    policy, key = tmp_path / "trust.yaml", tmp_path / "release.pub"
    with pytest.raises(NotFoundError):
        FollowedTrustPolicy(policy)
    key.write_bytes(SigningKey.generate().verifying.to_pem())
    policy.write_text(_POLICY)
    followed = FollowedTrustPolicy(policy)
    first = followed.now()
    assert first == load_trust_policy(policy)
    key.write_bytes(SigningKey.generate().verifying.to_pem())  # the policy itself is as it was
    second = followed.now()
    assert second == load_trust_policy(policy) != first
    policy.write_text(_POLICY.replace("requirements", "requirement"))
    with caplog.at_level(logging.WARNING):
        assert followed.now() == second
    assert "unknown key 'requirement'" in caplog.text
    policy.unlink()
    assert followed.now() == second
    policy.write_text(_POLICY.replace("company", "other"))
    assert followed.now() == load_trust_policy(policy) != second
