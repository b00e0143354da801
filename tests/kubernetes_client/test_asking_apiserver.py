# SPDX-License-Identifier: Apache-2.0
"""How an API server is asked: bounds, pages, and what its refusals mean."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Node, Pod

from scripted_api_server import Said, Script, scripted_api_server, write_kubeconfig
from tidegate.errors import (
    BoundExceededError,
    InvalidInputError,
    NotFoundError,
    OutsideError,
    RefusedError,
    TidegateError,
    UsageError,
)
from tidegate.kubernetes.client import find_api_server, open_client
from tidegate.kubernetes.failures import ConflictError, ExpiredError, kubernetes_failures
from tidegate.kubernetes.listing import list_objects
from tidegate.kubernetes.transport import MAX_ANSWER_BYTES


def says(document: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Script:
    return lambda _method, _path: Said(pieces=[json.dumps(document).encode()], status=status, headers=headers or {})


def refusal(status: int, message: str) -> Script:
    return says({"kind": "Status", "status": "Failure", "code": status, "message": message}, status=status)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, RefusedError),
        (403, RefusedError),
        (404, NotFoundError),
        (409, ConflictError),
        (410, ExpiredError),
        (422, InvalidInputError),
        (429, OutsideError),
        (500, OutsideError),
        (503, OutsideError),
    ],
)
def test_a_refusal_keeps_its_reason_and_gets_its_family(tmp_path: Path, status: int, kind: type[TidegateError]) -> None:
    with (
        scripted_api_server(tmp_path, refusal(status, "because\x1b[2J of it")) as config,
        open_client(find_api_server(config)) as client,
        pytest.raises(kind) as caught,
        kubernetes_failures("pod one"),
    ):
        client.get(Pod, "one", namespace="shop")
    assert type(caught.value) is kind
    assert str(caught.value) == rf"pod one: the API server answered {status}: because\x1b[2J of it"


def test_what_is_no_answer_of_an_api_server_is_outside(tmp_path: Path) -> None:
    answers = iter(
        [
            Said(pieces=[b"<html>"], status=502, headers={"Content-Type": "text/html"}),
            Said(pieces=[b"[]"]),
            Said(pieces=[b'{"metadata":'], whole=False),
        ]
    )
    with (
        scripted_api_server(tmp_path, lambda *_: next(answers)) as config,
        open_client(find_api_server(config)) as client,
    ):
        for _ in range(3):
            with pytest.raises(OutsideError, match="API server"):
                list_objects(client, Pod)


def test_lists_go_by_pages_and_have_a_bound(tmp_path: Path) -> None:
    asked = []

    def script(_method: str, path: str) -> Said:
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        asked.append((parts.path, query.get("continue", [""])[0], query["limit"], query.get("labelSelector")))
        more = {"": "a", "a": "b"}.get(asked[-1][1], "")
        items = [{"metadata": {"name": f"{asked[-1][1]}{number}"}} for number in range(2)]
        return Said(
            pieces=[json.dumps({"metadata": {"resourceVersion": "7", "continue": more}, "items": items}).encode()]
        )

    with scripted_api_server(tmp_path, script) as config, open_client(find_api_server(config)) as client:
        found = list_objects(client, Pod, namespace="shop", labels={"app": "web"})
        assert [pod.metadata.name for pod in found if isinstance(pod.metadata, ObjectMeta)] == [
            "0", "1", "a0", "a1", "b0", "b1",
        ]  # fmt: skip
        assert asked == [("/api/v1/namespaces/shop/pods", more, ["250"], ["app=web"]) for more in ("", "a", "b")]
        with pytest.raises(BoundExceededError, match="max_objects = 3"):
            list_objects(client, Pod, max_objects=3)
        list_objects(client, Node)
        list_objects(client, ConfigMap)
        assert {path for path, *_ in asked[-6:]} == {"/api/v1/nodes", "/api/v1/configmaps"}


def test_a_list_whose_beginning_is_forgotten_begins_anew(tmp_path: Path) -> None:
    page = {"metadata": {"resourceVersion": "1"}, "items": [{"metadata": {"name": "one"}}]}
    first = Said(pieces=[json.dumps(page | {"metadata": {"continue": "x", "resourceVersion": "1"}}).encode()])
    gone = Said(pieces=[b'{"kind":"Status","code":410,"message":"too old"}'], status=410)
    last = Said(pieces=[json.dumps(page).encode()])
    answers = iter([first, gone, last])
    with (
        scripted_api_server(tmp_path, lambda *_: next(answers)) as config,
        open_client(find_api_server(config)) as client,
    ):
        assert len(list_objects(client, Pod)) == 1
        with pytest.raises(StopIteration):
            next(answers)


def test_an_answer_has_a_bound_and_may_not_be_compressed(tmp_path: Path) -> None:
    answers = iter(
        [
            Said(pieces=[b" " * (MAX_ANSWER_BYTES // 8)] * 9),
            Said(pieces=[b"\x1f\x8b\x08"], headers={"Content-Encoding": "gzip"}),
        ]
    )
    with (
        scripted_api_server(tmp_path, lambda *_: next(answers)) as config,
        open_client(find_api_server(config)) as client,
    ):
        with pytest.raises(BoundExceededError, match="max_answer_bytes"):
            list_objects(client, Pod)
        with pytest.raises(OutsideError, match="compressed"):
            list_objects(client, Pod)


def test_a_server_that_is_not_there_or_that_nobody_vouches_for_is_outside(tmp_path: Path) -> None:
    nowhere = write_kubeconfig(tmp_path / "nowhere", "https://127.0.0.1:1", {})
    with open_client(find_api_server(nowhere)) as client, pytest.raises(OutsideError, match="cannot be asked"):
        list_objects(client, Pod)
    with scripted_api_server(tmp_path, says({})) as config:
        stranger = write_kubeconfig(tmp_path / "stranger", find_api_server(config).cluster.server, {})
        with open_client(find_api_server(stranger)) as client, pytest.raises(OutsideError, match=r"(?i)certificate"):
            list_objects(client, Pod)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("{", InvalidInputError, "no kubeconfig"),
        ("[]", InvalidInputError, "no kubeconfig"),
        ("clusters: 7", InvalidInputError, "no kubeconfig"),
        ("{clusters: [], contexts: []}", UsageError, "context"),
    ],
)
def test_what_is_no_kubeconfig_says_so(tmp_path: Path, text: str, kind: type[TidegateError], words: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(kind, match=words):
        find_api_server(path)


def test_plain_http_and_unverified_tls_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "config"
    with pytest.raises(UsageError, match="https only"):
        find_api_server(write_kubeconfig(path, "http://10.0.0.1:8080", {}))
    with pytest.raises(UsageError, match="certificate-authority"):
        find_api_server(write_kubeconfig(path, "https://10.0.0.1:6443", {"insecure-skip-tls-verify": True}))
    with pytest.raises(UsageError, match="not found"):
        find_api_server(path, "elsewhere")
    with pytest.raises(UsageError, match="not found"):
        find_api_server(tmp_path / "missing")
