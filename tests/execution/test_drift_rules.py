# SPDX-License-Identifier: Apache-2.0
"""Rules of drift: which holds for which workload, and what is wrong with a file of them."""

import pytest

from tidegate.execution.drift_rule_file import load_drift_rules
from tidegate.execution.drift_rules import DriftRules, Mode, Workload
from tidegate.rules.reading import DocumentError

FILE = """apiVersion: tidegate.dev/v1
kind: DriftRules
metadata: {name: mine}
spec:
  rules:
    - name: builders
      namespaces: ["build-*"]
      mode: observe
    - name: closed
      images: ["registry.example/prod/*", "registry.example/core/*"]
      pods: ["web-*"]
      mode: enforce
      opened: true
      allow: ["/plugins/*.so"]
    - name: told
      containers: ["side"]
"""


def rules() -> DriftRules:
    return load_drift_rules({"drift.yaml": FILE}, otherwise=Mode.OBSERVE)


@pytest.mark.parametrize(
    ("workload", "name", "mode"),
    [
        (Workload(namespace="build-1", image="registry.example/prod/a:1", pod="web-0"), "builders", Mode.OBSERVE),
        (Workload(namespace="shop", image="registry.example/prod/a:1", pod="web-0"), "closed", Mode.ENFORCE),
        (Workload(namespace="shop", image="registry.example/core/a/b@sha256:1", pod="web-0"), "closed", Mode.ENFORCE),
        (Workload(image="registry.example/prod/a:1", pod="db-0"), "otherwise", Mode.OBSERVE),
        (Workload(image="elsewhere/registry.example/prod/a", pod="web-0"), "otherwise", Mode.OBSERVE),
        (Workload(container="side"), "told", Mode.ALERT),
        (Workload(container="Side"), "otherwise", Mode.OBSERVE),
        (Workload(), "otherwise", Mode.OBSERVE),
    ],
)
def test_the_first_rule_that_fits_holds(workload: Workload, name: str, mode: Mode) -> None:
    found = rules().rule_for(workload)
    assert (found.name, found.mode) == (name, mode)


def test_what_a_rule_allows() -> None:
    rule = rules().rule_for(Workload(image="registry.example/prod/a", pod="web-0"))
    assert rule.opened
    assert rule.allows("/plugins/a/b.so")
    assert not rule.allows("/plugins/a.so.1")
    assert not rule.allows("/x/plugins/a.so")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mode: observe", "mode: watch", "drift.yaml:8:13: unknown mode 'watch'"),
        ("mode: observe", "modes: observe", "drift.yaml:8:7: unknown key 'modes'; did you mean 'mode'?"),
        ("kind: DriftRules", "kind: Drift", "drift.yaml:2:7: unknown kind 'Drift'; write DriftRules"),
        ("opened: true", "opened: often", "drift.yaml:13:15: is neither true nor false"),
        ("name: builders", "name: Builders!", "drift.yaml:6:13: not a name"),
        ('["build-*"]', "build", "drift.yaml:7:19: expected a list"),
        ("tidegate.dev/v1", "tidegate.dev/v9", "drift.yaml:1:13: unknown apiVersion"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_drift_rules({"drift.yaml": FILE.replace(old, new, 1)})
    assert said in str(caught.value)


def test_files_are_read_in_their_order() -> None:
    second = FILE.replace("builders", "others").replace("build-*", "*")
    assert load_drift_rules({"a": FILE, "b": second}).rule_for(Workload(namespace="x")).name == "others"
    assert load_drift_rules({"a": second, "b": FILE}).rule_for(Workload(namespace="build-1")).name == "others"
