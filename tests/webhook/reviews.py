# SPDX-License-Identifier: Apache-2.0
"""Reviews as a real API server sends them, and as nobody should."""

import base64
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from webhook_process import WebhookProcess

_SHAPES = Path(__file__).parent / "shapes"


def shape(name: str) -> Any:
    """A review that a real API server sent (`tests/kubernetes/test_webhook_shapes.py` writes them), with a new uid."""
    found = json.loads((_SHAPES / f"{name}.json").read_text())
    found["request"]["uid"] = str(uuid4())
    return found


def pod_review(image: str, **request: Any) -> Any:
    """The creation of a pod that runs an image, as it comes to the first door."""
    found = shape("pod")
    found["request"] |= request
    found["request"]["object"]["spec"]["containers"][0]["image"] = image
    return found


def patched(review: Any, response: Any) -> Any:
    """The review as it comes to the second door, after the first one's patch (RFC 6902: add and replace)."""
    found = copy.deepcopy(review)
    for one in json.loads(base64.b64decode(response.get("patch", "W10="))):
        *way, last = (part.replace("~1", "/").replace("~0", "~") for part in one["path"].split("/")[1:])
        node = found["request"]["object"]
        for part in way:
            node = node[int(part)] if isinstance(node, list) else node[part]
        if isinstance(node, list):
            if one["op"] == "add":
                node.insert(int(last), one["value"])
            else:
                node[int(last)] = one["value"]
        else:
            assert one["op"] == "add" or last in node
            node[last] = one["value"]
    return found


def nested(depth: int) -> Any:
    """Maps within maps."""
    document: Any = "x"
    for _ in range(depth):
        document = {"a": document}
    return document


def hostile_reviews() -> Iterator[tuple[str, bytes]]:
    """Reviews that are broken or meant to do harm; each must be denied."""
    base = pod_review("team/app:1")

    def changed(name: str, act: Any) -> tuple[str, bytes]:
        document = copy.deepcopy(base)
        act(document["request"])
        return name, json.dumps(document).encode()

    def image(text: object) -> Any:
        return lambda request: request["object"]["spec"]["containers"][0].update(image=text)

    yield "nothing", b""
    yield "no JSON", b"{"
    yield "no review", b"{}"
    yield "a list", b"[]"
    yield "null", b"null"
    yield "text", b'"review"'
    yield "not a number", json.dumps(base).replace('"uid"', '"x": NaN, "uid"', 1).encode()
    yield "infinity", json.dumps(base).replace('"uid"', '"x": Infinity, "uid"', 1).encode()
    yield "half a character", json.dumps(base).replace("team/app:1", "team/app\\ud800:1").encode()
    yield "not UTF-8", json.dumps(base).encode().replace(b"team/app:1", b"team/app\xff:1")
    yield "a key twice", json.dumps(base).replace('"image":', '"image": "team/bad:1", "image":', 1).encode()
    yield "a request twice", json.dumps(base).replace('{"', '{"request": {}, "', 1).encode()
    yield "10 MB", json.dumps(base).replace('"uid"', f'"x": "{"x" * 10_000_000}", "uid"', 1).encode()
    yield "10 MB after the uid", json.dumps(base).encode()[:-2] + b', "x": "' + b"x" * 10_000_000 + b'"}}'
    yield "deep text", b'{"apiVersion":' + b"[" * 100_000
    yield changed("deep", lambda request: request["object"].update(spec=nested(500)))
    yield changed("deep beside", lambda request: request["object"]["metadata"].update(x=nested(200)))
    containers = [{"name": f"c{number}", "image": "team/app:1"} for number in range(10_000)]
    yield changed("10,000 containers", lambda request: request["object"]["spec"].update(containers=containers))
    yield changed("no containers", lambda request: request["object"]["spec"].update(containers=[]))
    yield changed("containers null", lambda request: request["object"]["spec"].update(containers=None))
    yield changed("containers text", lambda request: request["object"]["spec"].update(containers="all"))
    yield changed("container null", lambda request: request["object"]["spec"].update(containers=[None]))
    yield changed("two of a name", lambda r: r["object"]["spec"].update(containers=containers[:1] * 2))
    yield changed("no object", lambda request: request.update(object=None))
    yield changed("object text", lambda request: request.update(object="pod"))
    yield changed("metadata a list", lambda request: request["object"].update(metadata=[]))
    yield changed("no spec", lambda request: request["object"].pop("spec"))
    yield changed("spec null", lambda request: request["object"].update(spec=None))
    yield changed("kind a number", lambda request: request["object"].update(kind=7))
    yield changed("another kind", lambda request: request.update(kind={"group": "x", "version": "v1", "kind": "Y"}))
    yield changed("uid a number", lambda request: request.update(uid=7))
    yield changed("groups text", lambda request: request["userInfo"].update(groups="system:masters"))
    yield changed("volumes text", lambda request: request["object"]["spec"].update(volumes="all"))
    for name, text in {
        "empty": "",
        "blank": "  ",
        "a number": 7,
        "null": None,
        "upper case": "team/App:1",
        "upper-case host and path": "REGISTRY.example/TEAM/APP:1",
        "a look-alike": "te\u0430m/app:1",  # a Cyrillic letter
        "full-width": "ｔｅａｍ/app:1",
        "a zero-width space": "team/\u200bapp:1",
        "right to left": "team/\u202eppa:1",
        "a dotless i": "lıbrary/app:1",
        "white space": "team/app:1 ",
        "a new line": "team/app:1\n",
        "a null byte": "team/app\0:1",
        "a path": "team/../team/app:1",
        "two tags": "team/app:1:1",
        "a digest as a tag": "team/app:sha256:" + "0" * 64,
        "a short digest": "team/app@sha256:00",
        "an upper-case digest": "team/app@sha256:" + "A" * 64,
        "another hash": "team/app@md5:" + "0" * 32,
        "two digests": "team/app@sha256:" + "0" * 64 + "@sha256:" + "1" * 64,
        "a scheme": "https://registry.example/team/app:1",
        "credentials": "user:secret@registry.example/team/app:1",
        "a port that is none": "registry.example:99999999/team/app:1",
        "long": "team/" + "a" * 5000,
        "unknown": "team/unknown:1",
        "without a registry": "app:1",
        "an unknown digest": "team/app:1@sha256:" + "0" * 64,
        "a refused one": "team/bad:1",
        "an expired one": "team/old:1",
    }.items():
        yield changed(f"image {name}", image(text))


def hostile_configurations() -> Iterator[tuple[str, bytes]]:
    """ConfigMaps and Secrets that are broken or meant to do harm; each must be denied."""
    for kind in ("configmap", "secret"):
        base = shape(kind)

        def changed(name: str, act: Any, base: Any = base, kind: str = kind) -> tuple[str, bytes]:
            document = copy.deepcopy(base)
            act(document["request"])
            return f"{kind} {name}", json.dumps(document).encode()

        yield f"{kind} cut off", json.dumps(base).encode()[:-7]
        yield f"{kind} data twice", json.dumps(base).replace('"data":', '"data": {}, "data":', 1).encode()
        yield changed("no object", lambda request: request.update(object=None))
        yield changed("another kind", lambda request: request["kind"].update(kind="Pod"))
        yield changed("another group", lambda request: request["kind"].update(group="example.com"))
        yield changed("data a list", lambda request: request["object"].update(data=["a"]))
        yield changed("data of numbers", lambda request: request["object"].update(data={"a": 1}))
        yield changed("data of maps", lambda request: request["object"].update(data={"a": {"b": "c"}}))
        yield changed("deep", lambda request: request["object"].update(data=nested(500)))
        yield changed("500,000 keys", lambda r: r["object"].update(data={str(n): "" for n in range(500_001)}))
        yield changed("metadata a list", lambda request: request["object"].update(metadata=["a"]))
        yield changed("labels of numbers", lambda request: request["object"]["metadata"].update(labels={"a": 1}))
        yield changed("immutable text", lambda request: request["object"].update(immutable="yes"))
        yield changed("an update without the old", lambda request: request.update(operation="UPDATE", oldObject=None))
        encoded = "binaryData" if kind == "configmap" else "data"
        yield changed("no base64", lambda request, at=encoded: request["object"].update({at: {"a": "\u0430%"}}))


class Both:
    """What both doors say of a review, one after the other, as an API server asks them."""

    def __init__(self, webhook: WebhookProcess, review: Any) -> None:
        self.mutation = webhook.ask("mutate", review)
        self.review: Any = patched(review, self.mutation) if self.mutation["allowed"] else review
        self.response = webhook.ask("validate", self.review)
        self.allowed = bool(self.mutation["allowed"] and self.response["allowed"])
        self.message = self.response.get("status", {}).get("message", "")
