# SPDX-License-Identifier: Apache-2.0
"""The strict profile of licences: what may be passed on, and what may not."""

from typing import Any

import pytest
from policy_facts import AT, COMPONENT, CONTEXT, SUBJECT, scan

from tidegate.evidence import Boundary, Decision, Verdict
from tidegate.inventory import Basis, PackageKind, PackageUrl, Scope
from tidegate.policy.decide import decide
from tidegate.policy.profile import load_profile
from tidegate.values import replace

PROFILE = load_profile("licences")


def judge(**changes: Any) -> Decision:
    told = {"license": "MIT", "license_class": "permissive"} | changes
    components = (replace(COMPONENT, **told),)
    return decide(Boundary.CURATION, SUBJECT, CONTEXT, [scan(components=components)], [PROFILE], AT)


@pytest.mark.parametrize(
    ("changes", "rule", "verdict"),
    [
        ({"license": "SSPL-1.0", "license_class": "source-available"}, "not-open", Verdict.DENY),
        ({"license": "LicenseRef-x", "license_class": "proprietary"}, "not-open", Verdict.DENY),
        ({"license": "AGPL-3.0-only", "license_class": "network-copyleft"}, "network-copyleft", Verdict.DENY),
        ({"license": "GPL-3.0-only", "license_class": "copyleft"}, "copyleft", Verdict.DENY),
        ({"license": "", "license_class": ""}, "unlicensed", Verdict.WARN),
        ({"license": "LicenseRef-own", "license_class": ""}, "unclassed", Verdict.WARN),
    ],
)
def test_what_it_objects_to(changes: dict[str, Any], rule: str, verdict: Verdict) -> None:
    decision = judge(**changes)
    assert [reason.rule for reason in decision.reasons] == [rule]
    assert decision.verdict is verdict


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"license": "LGPL-3.0-only", "license_class": "weak-copyleft"},
        {"license": "GPL-3.0-only", "license_class": "copyleft", "kind": PackageKind.DEB},
        {"license": "GPL-3.0-only", "license_class": "copyleft", "scope": Scope.DEVELOPMENT},
        {"license": "GPL-3.0-only", "license_class": "copyleft", "owner": PackageUrl("pkg:deb/debian/a@1")},
        {"license": "", "license_class": "", "basis": Basis.LOCKED},
    ],
)
def test_what_it_lets_pass(changes: dict[str, Any]) -> None:
    assert judge(**changes).reasons == ()


def test_an_image_without_components_is_said_to_prove_nothing() -> None:
    decision = decide(Boundary.CURATION, SUBJECT, CONTEXT, [scan(components=())], [PROFILE], AT)
    assert [reason.rule for reason in decision.reasons] == ["licences-known"]
