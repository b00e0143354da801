# SPDX-License-Identifier: Apache-2.0
"""Policies of updates as documents, and their windows of time."""

from datetime import UTC, datetime, timedelta

import pytest

from tidegate.errors import InvalidInputError
from tidegate.evidence import Severity
from tidegate.execution.updates.rule import OTHERWISE, Application, Distribution, Grouping, RolloutLimits
from tidegate.execution.updates.rule_file import load_update_policy
from tidegate.execution.updates.tag_version import Step
from tidegate.execution.updates.window import opens_at, read_window
from tidegate.rules.reading import DocumentError

POLICY = """
apiVersion: tidegate.dev/v1
kind: UpdatePolicy
metadata: {name: house}
spec:
  rules:
    - name: system
      namespaces: [kube-system]
      steps: []
    - name: shops
      images: [team/*]
      clusters: [prod-*]
      workloads: [Deployment/*]
      steps: [rebuild, patch, minor]
      distribution: newer
      sources: [team/*, bases/*]
      minimumAge: 3d
      onlyFixes: false
      mayBring: low
      early: true
      windows: [Mon-Fri 09:00-16:00 Europe/Berlin, "22:00-02:00"]
      group: namespace
      apply: asked
      deadline: 5m
      steady: 1m
      maxRestarts: 3
"""


def test_a_policy_is_read_and_the_first_rule_that_fits_holds() -> None:
    policy = load_update_policy({"p": POLICY})
    system, shops = policy.rules
    assert system.steps == frozenset()
    assert shops.steps == {Step.REBUILD, Step.PATCH, Step.MINOR}
    assert (shops.distribution, shops.may_bring, shops.group) == (Distribution.NEWER, Severity.LOW, Grouping.NAMESPACE)
    assert shops.minimum_age == timedelta(days=3)
    assert shops.limits == RolloutLimits(deadline_s=300, steady_s=60, max_restarts=3)
    assert (shops.apply, shops.early, shops.only_fixes) == (Application.ASKED, True, False)
    place = {"cluster": "prod-eu", "workload": "Deployment/web"}
    assert policy.rule_for("team/app", namespace="shop", **place) is shops
    assert policy.rule_for("team/app", namespace="kube-system", **place) is system
    assert policy.rule_for("other/app", namespace="shop", **place) is OTHERWISE


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steps: []", "steps: [sideways]", "unknown step"),
        ("minimumAge: 3d", "minimumAge: soon", "not a duration"),
        ("22:00-02:00", "25:00-02:00", "not a window"),
        ("Europe/Berlin", "Europe/Atlantis", "not a window"),
        ("apply: asked", "apply: please", "unknown application"),
        ("name: shops", "name: system", "a second is called"),
        ("early: true", "earlier: true", "unknown key"),
        ("kind: UpdatePolicy", "kind: Policy", "unknown kind"),
    ],
)
def test_what_is_wrong_in_a_policy_is_refused_by_its_place(old: str, new: str, said: str) -> None:
    with pytest.raises(DocumentError, match=said) as caught:
        load_update_policy({"p": POLICY.replace(old, new)})
    assert caught.value.where.startswith("p:")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "now", "opens"),
    [
        ("Mon-Fri 09:00-16:00", "2026-11-30 10:00", "2026-11-30 10:00"),  # a Monday
        ("Mon-Fri 09:00-16:00", "2026-11-30 08:00", "2026-11-30 09:00"),
        ("Mon-Fri 09:00-16:00", "2026-11-28 10:00", "2026-11-30 09:00"),
        ("Mon-Fri 09:00-16:00", "2026-12-04 16:00", "2026-12-07 09:00"),
        ("Mon-Fri 09:00-16:00 Europe/Berlin", "2026-11-30 07:30", "2026-11-30 08:00"),
        ("22:00-02:00", "2026-11-30 01:00", "2026-11-30 01:00"),
        ("22:00-02:00", "2026-11-30 02:00", "2026-11-30 22:00"),
        ("Sun 22:00-02:00", "2026-11-30 01:59", "2026-11-30 01:59"),
        ("Sun 22:00-02:00", "2026-11-30 02:00", "2026-12-06 22:00"),
        ("Sat-Sun 00:00-00:00", "2026-11-29 23:59", "2026-11-29 23:59"),
        ("Fri-Mon 10:00-11:00", "2026-12-01 12:00", "2026-12-04 10:00"),
    ],
)
def test_when_a_window_opens(window: str, now: str, opens: str) -> None:
    assert read_window(window).opens_at(at(now)) == at(opens)


def test_the_first_of_several_windows_counts_and_none_is_always_open() -> None:
    windows = (read_window("Mon 20:00-21:00"), read_window("Mon 10:00-11:00"))
    assert opens_at(windows, at("2026-11-30 09:00")) == at("2026-11-30 10:00")
    assert opens_at((), at("2026-11-30 09:00")) == at("2026-11-30 09:00")


@pytest.mark.parametrize("text", ["", "Mon", "9-16", "Mon-Fry 09:00-16:00", "09:00-24:01", "Mon 09:00-10:00 ../etc"])
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(InvalidInputError):
        read_window(text)
