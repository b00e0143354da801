# SPDX-License-Identifier: Apache-2.0
"""What the execution tier reads: rules of pods, quantities."""

from collections.abc import Iterator

from fuzz_parser import Parser, clean_text_of

from tidegate.execution.pod_rule_file import load_pod_rules
from tidegate.execution.quantity import parse_quantity

_HEAD = b"apiVersion: tidegate.dev/v1\nmetadata: {name: h}\n"
_PODS = (
    _HEAD
    + b"""\
kind: PodRules
spec:
  rules:
    - {name: a, namespaces: [x-*], when: workload.kind == "Pod", level: baseline, version: v1.30, writable: [/tmp]}
    - {name: b, limits: {cpu: "2"}, maxRatio: {cpu: 50}, demands: [limits], seccompProfiles: [{image: a, profile: b}]}
  exceptions:
    - {name: e, controls: [host-path], kinds: [Pod], owner: o, approver: p, reason: r, granted: 2026-01-01,
       expires: 2026-01-02}
"""
)


def execution() -> Iterator[Parser]:
    """Readers of rules."""
    yield Parser(
        name="pod-rules", form="yaml", read=lambda data: load_pod_rules({"p": clean_text_of(data)}), samples=(_PODS,)
    )
    yield Parser(
        name="quantity", form="text", read=lambda data: parse_quantity(clean_text_of(data)), samples=(b"500m", b"1.5Gi")
    )
