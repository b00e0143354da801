# SPDX-License-Identifier: Apache-2.0
"""Every shipped profile comes with cases in the form teams write theirs in, and they hold."""

from pathlib import Path

import pytest

from tidegate.errors import NotFoundError
from tidegate.policy.profile import load_profile, profile_names, shipped_texts
from tidegate.policy.testing import load_tests, run_tests
from tidegate.settings import PolicySettings

CASES = Path(__file__).parent / "profiles"


@pytest.mark.parametrize("name", profile_names())
def test_the_cases_of_a_profile_hold(name: str) -> None:
    tests = load_tests({f"{name}.yaml": (CASES / f"{name}.yaml").read_text(encoding="utf-8")})
    assert len(tests) >= 4
    results = run_tests([load_profile(name)], tests)
    assert [(it.test.name, it.problems) for it in results if not it.passed] == []


def test_settings_choose_profiles() -> None:
    assert list(shipped_texts(PolicySettings())) == ["the shipped profile default"]
    assert shipped_texts(PolicySettings(files=(Path("mine.yaml"),))) == {}
    both = shipped_texts(PolicySettings(files=(Path("mine.yaml"),), profiles=("default", "custody")))
    assert list(both) == ["the shipped profile default", "the shipped profile custody"]
    with pytest.raises(NotFoundError, match="known are custody, default, licences"):
        shipped_texts(PolicySettings(profiles=("lax",)))
