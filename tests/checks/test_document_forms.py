# SPDX-License-Identifier: Apache-2.0
"""Compose files and manifests in the forms they come in, lines and parts told, hostile ones refused by name."""

import json
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.checks.compose import MAX_MEMBERS
from tidegate.checks.documents import check_document, is_template
from tidegate.checks.inline import heed_comments
from tidegate.checks.run import MAX_OBJECTIONS
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import InVain, Misconfiguration

TODAY = date(2026, 6, 1)


def _check(text: str, kind: str = "manifest") -> list[Misconfiguration]:
    return check_document(text.encode(), path="d.yaml", kind=kind) or []


def _places(found: list[Misconfiguration], name: str) -> list[tuple[int, str]]:
    return [(one.line, one.part) for one in found if one.id == name]


def test_a_service_takes_over_what_it_extends() -> None:
    text = """
services:
  base:
    image: a:1
    cap_add: [SYS_ADMIN]
    environment: {A_PASSWORD: x1, B: y}
  web:
    extends: {service: base}
    environment: {A_PASSWORD: ""}
  far:
    extends: {service: base, file: other.yaml}
    image: a:1
  round:
    extends: round
    image: a:1
"""
    found = _check(text, "compose")
    assert _places(found, "TG-CP-006") == [(3, "services.base"), (7, "services.web")]
    assert _places(found, "TG-CP-015") == [(3, "services.base")]


def test_compose_reads_merge_keys_and_its_own_tags() -> None:
    text = """
services:
  a:
    privileged: false
    <<: {privileged: true, image: nginx}
    ports: !reset []
    x: !override {}
"""
    found = _check(text, "compose")
    assert _places(found, "TG-CP-001") == []
    assert _places(found, "TG-CP-012") == [(3, "services.a")]


def test_services_behind_a_profile_are_checked() -> None:
    assert _places(_check("services: {a: {image: a, profiles: [x]}}", "compose"), "TG-CP-012") == [(1, "services.a")]


def test_a_stack_under_another_name_is_a_compose_file() -> None:
    assert _places(_check("services:\n  a: {image: nginx}\n"), "TG-CP-012") == [(2, "services.a")]
    assert check_document(b"services: {a: 1}\n", path="x", kind="manifest") is None


def test_bounds_of_what_services_extend() -> None:
    ports = ", ".join(["1"] * 1000)
    services = "\n".join(f"  s{at}: {{extends: base}}" for at in range(MAX_MEMBERS // 1000 + 1))
    with pytest.raises(BoundExceededError, match="MAX_MEMBERS"):
        _check(f"services:\n  base: {{ports: [{ports}]}}\n{services}\n", "compose")


def test_bounds_of_a_manifest() -> None:
    rules = ", ".join(["{}"] * 50_001)
    with pytest.raises(BoundExceededError, match="MAX_MEMBERS"):
        _check(f"apiVersion: v1\nkind: Role\nrules: [{rules}]\n")


def test_what_is_no_compose_file_is_refused() -> None:
    for text in ("a: b", "services: []", "services: {a: []}", "[]", ""):
        with pytest.raises(InvalidInputError):
            _check(text, "compose")


def test_parts_of_manifests_are_named() -> None:
    text = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
        - name: app
          securityContext: {privileged: true}
---
# another
apiVersion: v1
kind: PodList
items:
  - kind: Pod
    apiVersion: v1
    metadata: {generateName: x-}
    spec: {hostNetwork: true}
"""
    found = _check(text)
    assert _places(found, "TG-K8S-001") == [(8, "Deployment/shop/web app")]
    assert _places(found, "TG-K8S-003") == [(15, "Pod/x-")]


def test_json_has_lines_where_yaml_reads_the_same() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"hostPID": True}}
    listed = {"apiVersion": "v1", "kind": "List", "items": [pod, pod]}
    assert [line for line, _ in _places(_check(json.dumps(listed, indent=1)), "TG-K8S-002")] == [5, 12]


def test_a_template_is_none_until_it_is_rendered() -> None:
    assert is_template(b"apiVersion: v1\nkind: Pod\nmetadata: {name: {{ .Values.x }}}\n")
    assert not is_template(b"apiVersion: v1\nkind: ConfigMap\ndata: {rule: '{{ $labels.pod }} is down'}\n")
    assert check_document(b"apiVersion: v1\n{{- if .x }}\nkind: Pod\n{{- end }}\n", path="x", kind="manifest") is None


def test_comments_speak_of_the_next_line() -> None:
    text = """# tidegate:ignore=TG-DF-002,TG-DF-009 exp:2026-12-31 - moved by us
# another comment

FROM a
USER x  # tidegate:ignore=TG-DF-017
# tidegate:ignore=TG-DF-027 exp:2026-05-31
RUN cd /x
# hadolint ignore=DL3004, DL9999
RUN sudo x
# hadolint ignore=DL3025
CMD ["a"]
"""
    found = _check(text, "dockerfile")
    heard = heed_comments(found, text.encode(), path="Dockerfile", at=TODAY)
    silenced = {(one.misconfiguration.id, one.by.source, one.by.reason) for one in heard.suppressed}
    assert silenced == {
        ("TG-DF-002", "Dockerfile:1", "moved by us"),
        ("TG-DF-017", "Dockerfile:8", ""),
    }
    assert {(one.word.id, one.why) for one in heard.idle} == {
        ("TG-DF-009", InVain.UNUSED),
        ("TG-DF-017", InVain.UNUSED),
        ("TG-DF-027", InVain.EXPIRED),
    }
    assert len(heard.counting) + len(heard.suppressed) == len(found)


def test_a_comment_may_speak_of_the_whole_document() -> None:
    text = "# hadolint global ignore=DL3006\nFROM a\nFROM b\n# tidegate:ignore-file=TG-DF-001\nRUN id\n"
    heard = heed_comments(_check(text, "dockerfile"), text.encode(), path="Dockerfile", at=TODAY)
    assert sorted(one.misconfiguration.id for one in heard.suppressed) == ["TG-DF-001", "TG-DF-002", "TG-DF-002"]
    assert heard.idle == ()


def test_comments_in_yaml_speak_of_a_service_and_a_container() -> None:
    text = "services:\n  # tidegate:ignore=TG-CP-012\n  web:\n    image: nginx\n"
    heard = heed_comments(_check(text, "compose"), text.encode(), path="compose.yaml", at=TODAY)
    assert [one.misconfiguration.part for one in heard.suppressed] == ["services.web"]


_LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["root", "${A:-b}", "0", "/"])
_KEYS = st.sampled_from(
    [
        *(
            "services",
            "image",
            "ports",
            "volumes",
            "environment",
            "extends",
            "healthcheck",
            "deploy",
            "resources",
            "user",
        ),
        *(
            "apiVersion",
            "kind",
            "metadata",
            "spec",
            "template",
            "containers",
            "securityContext",
            "rules",
            "items",
            "env",
        ),
        *("name", "value", "limits", "capabilities", "add", "subjects", "roleRef", "data", "tls", "hostPath", "source"),
    ]
)
_ANY = st.recursive(
    _LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=20
)
_KINDS = st.sampled_from(["Pod", "CronJob", "Role", "RoleBinding", "Service", "Ingress", "Secret", "ConfigMap", "List"])


@pytest.mark.property
@settings(deadline=None)
@given(kind=_KINDS, spec=_ANY, others=st.dictionaries(_KEYS, _ANY, max_size=3))
def test_any_manifest_is_judged(kind: str, spec: Any, others: dict[str, Any]) -> None:
    document = {**others, "spec": {"template": {"spec": spec}, "containers": spec}, "apiVersion": "v1", "kind": kind}
    assert isinstance(_check(json.dumps(document)), list)


@pytest.mark.property
@settings(deadline=None)
@given(services=st.dictionaries(st.text(max_size=3), st.dictionaries(_KEYS, _ANY, max_size=4), max_size=3))
def test_any_services_are_judged(services: dict[str, Any]) -> None:
    assert isinstance(_check(json.dumps({"services": services}), "compose"), list)


@pytest.mark.property
@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["services:", " a", ": ", "\n", "<<", "&a", "*a", "!reset", "[", "{"])).map("".join)
)
def test_nothing_but_named_errors_comes_out_of_any_yaml(text: str) -> None:
    for kind in ("compose", "manifest"):
        with suppress(InvalidInputError):
            check_document(text.encode(), path="x", kind=kind)
    heed_comments([], b"ignore " + text.encode(), path="x", at=TODAY)


def test_objections_are_bounded_and_the_rest_is_counted() -> None:
    members = "".join(f"  s{number}: {{image: 'a:1', privileged: true}}\n" for number in range(MAX_OBJECTIONS + 3))
    found = [one for one in _check(f"services:\n{members}", "compose") if one.id == "TG-CP-001"]
    assert len(found) == MAX_OBJECTIONS + 1
    assert (found[-1].reason, found[-1].location) == ("and 3 more", "d.yaml")
    assert found[-2].part == f"services.s{MAX_OBJECTIONS - 1}"
