# SPDX-License-Identifier: Apache-2.0
"""Pull, discovery and management of OCI distribution-spec 1.1, and the quarantine in front of them."""

import httpx
import pytest
from live_registry import LiveRegistry
from oci_material import artifact, image, index
from registry_client import code_of, push, push_blob

from tidegate.artifact import Digest
from tidegate.artifact import media_type as mt
from tidegate.curation.states import State
from tidegate.errors import NotFoundError

NAME = "team/app"
DATA = bytes(range(256)) * 40


def test_it_is_a_registry(http: httpx.Client) -> None:
    answer = http.get("/v2/")
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"


def test_a_manifest_comes_back_verbatim(http: httpx.Client, live: LiveRegistry) -> None:
    made = image()
    push(http, NAME, made, "v1")
    live.admit(made.digest)
    for locator in ("v1", made.digest):
        answer = http.get(f"/v2/{NAME}/manifests/{locator}")
        assert answer.content == made.raw
        assert answer.headers["content-type"] == mt.OCI_MANIFEST
        assert answer.headers["docker-content-digest"] == made.digest
        head = http.head(f"/v2/{NAME}/manifests/{locator}")
        assert head.content == b""
        assert head.headers["content-length"] == str(len(made.raw))
        assert head.headers["docker-content-digest"] == made.digest


def test_what_is_not_here(http: httpx.Client) -> None:
    push(http, NAME, image(), "v1")
    digest = Digest.of(b"nothing")
    for path, code in (
        (f"manifests/{digest}", "MANIFEST_UNKNOWN"),
        ("manifests/none", "MANIFEST_UNKNOWN"),
        (f"blobs/{digest}", "BLOB_UNKNOWN"),
    ):
        answer = http.get(f"/v2/{NAME}/{path}")
        assert (answer.status_code, code_of(answer)) == (404, code)
        assert http.head(f"/v2/{NAME}/{path}").status_code == 404
        assert http.delete(f"/v2/{NAME}/{path}").status_code == 404
    answer = http.get("/v2/nobody/tags/list")
    assert (answer.status_code, code_of(answer)) == (404, "NAME_UNKNOWN")
    assert http.get(f"/v2/{NAME}/nonsense").status_code == 404
    assert code_of(http.post(f"/v2/{NAME}/manifests/v1")) == "UNSUPPORTED"
    # One repository's content is no other's.
    assert http.get(f"/v2/other/manifests/{image().digest}").status_code == 404


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ((), "quarantined: it waits for its examination"),
        ((State.ANALYSING,), "analysing: it is being examined"),
        ((State.ANALYSING, State.REJECTED), "rejected: the reason"),
        ((State.ANALYSING, State.ADMITTED, State.RESTRICTED), "restricted: the reason"),
        ((State.ANALYSING, State.ADMITTED, State.RECALLED), "recalled: the reason"),
        ((State.ANALYSING, State.ADMITTED, State.RETIRED), "retired: the reason"),
    ],
)
def test_withheld_with_the_reason(http: httpx.Client, live: LiveRegistry, path: tuple[State, ...], says: str) -> None:
    made = image()
    push(http, NAME, made, "v1")
    live.settle(made.digest, *path, why="the reason")
    for locator in ("v1", made.digest):
        answer = http.get(f"/v2/{NAME}/manifests/{locator}")
        assert (answer.status_code, code_of(answer)) == (403, "DENIED")
        assert answer.headers["tidegate-state"] == (path[-1] if path else "quarantined")
        assert says in answer.json()["errors"][0]["message"]
        assert made.digest in answer.text
        head = http.head(f"/v2/{NAME}/manifests/{locator}")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["tidegate-state"] == answer.headers["tidegate-state"]


def test_deprecated_is_still_served(http: httpx.Client, live: LiveRegistry) -> None:
    made = image()
    push(http, NAME, made, "v1")
    live.settle(made.digest, State.ANALYSING, State.ADMITTED, State.DEPRECATED)
    answer = http.get(f"/v2/{NAME}/manifests/v1")
    assert (answer.status_code, answer.headers["tidegate-state"]) == (200, "deprecated")


def test_an_expired_decision_proves_nothing(http: httpx.Client, live: LiveRegistry) -> None:
    made = image()
    push(http, NAME, made, "v1")
    live.settle(made.digest, State.ANALYSING)
    live.settle(made.digest, State.ADMITTED, expires_at="2020-01-01T00:00:00Z")
    answer = http.get(f"/v2/{NAME}/manifests/v1")
    assert answer.status_code == 403
    assert "has expired" in answer.text


def test_a_recalled_image_may_come_back(http: httpx.Client, live: LiveRegistry) -> None:
    made = image()
    push(http, NAME, made, "v1")
    live.settle(made.digest, State.ANALYSING, State.ADMITTED, State.RECALLED, State.ANALYSING)
    assert http.get(f"/v2/{NAME}/manifests/v1").status_code == 403
    live.settle(made.digest, State.ADMITTED)
    assert http.get(f"/v2/{NAME}/manifests/v1").content == made.raw


def test_control_characters_of_a_reason_stay_outside(http: httpx.Client, live: LiveRegistry) -> None:
    made = image()
    push(http, NAME, made, "v1")
    live.settle(made.digest, State.ANALYSING, State.REJECTED, why="bad \x1b[31mfile\u202e name")
    message = http.get(f"/v2/{NAME}/manifests/v1").json()["errors"][0]["message"]
    assert "\x1b" not in message
    assert "\u202e" not in message
    assert "bad \\x1b[31mfile" in message


def test_an_index_needs_its_own_admission(http: httpx.Client, live: LiveRegistry) -> None:
    one, two = image("one"), image("two")
    made = index(one, two)
    for child in (one, two):
        push(http, NAME, child)
    push(http, NAME, made, "v1")
    live.admit(one.digest)
    live.admit(two.digest)
    assert http.get(f"/v2/{NAME}/manifests/v1").status_code == 403
    live.admit(made.digest)
    assert http.get(f"/v2/{NAME}/manifests/v1").content == made.raw


def test_an_admitted_index_opens_no_child(http: httpx.Client, live: LiveRegistry) -> None:
    one, two = image("one"), image("two")
    for child in (one, two):
        push(http, NAME, child)
    made = index(one, two)
    push(http, NAME, made, "v1")
    live.admit(made.digest)
    live.admit(one.digest)
    assert http.get(f"/v2/{NAME}/manifests/{two.digest}").status_code == 403


@pytest.mark.parametrize(
    ("asked", "status", "said", "got"),
    [
        ("bytes=0-9", 206, f"bytes 0-9/{len(DATA)}", DATA[:10]),
        ("bytes=100-", 206, f"bytes 100-{len(DATA) - 1}/{len(DATA)}", DATA[100:]),
        ("bytes=-5", 206, f"bytes {len(DATA) - 5}-{len(DATA) - 1}/{len(DATA)}", DATA[-5:]),
        ("bytes=10-999999", 206, f"bytes 10-{len(DATA) - 1}/{len(DATA)}", DATA[10:]),
        (f"bytes=0-{len(DATA) - 1}", 200, "", DATA),
        (f"bytes=-{len(DATA) + 5}", 200, "", DATA),
        (f"bytes={len(DATA)}-", 416, f"bytes */{len(DATA)}", b""),
        ("bytes=9-0", 416, f"bytes */{len(DATA)}", b""),
        ("bytes=-0", 416, f"bytes */{len(DATA)}", b""),
        # Several at once, and what is no range, are passed over.
        ("bytes=0-1,4-5", 200, "", DATA),
        ("bytes=" + ",".join(f"{at}-{at}" for at in range(5000)), 200, "", DATA),
        ("bytes=-", 200, "", DATA),
        ("bytes=a-b", 200, "", DATA),
        ("bytes=0-99999999999999999999999999", 200, "", DATA),
        ("pages=1-2", 200, "", DATA),
    ],
)
def test_a_range_of_a_blob(http: httpx.Client, asked: str, status: int, said: str, got: bytes) -> None:
    digest = push_blob(http, NAME, DATA)
    answer = http.get(f"/v2/{NAME}/blobs/{digest}", headers={"Range": asked})
    assert (answer.status_code, answer.headers.get("content-range", "")) == (status, said)
    assert answer.content == got
    assert answer.headers["content-length"] == str(len(got))
    head = http.head(f"/v2/{NAME}/blobs/{digest}", headers={"Range": asked})
    assert (head.status_code, head.headers["content-length"], head.content) == (status, str(len(got)), b"")


def test_a_range_of_another_version_of_a_blob(http: httpx.Client) -> None:
    digest = push_blob(http, NAME, DATA)
    for condition, length in (
        (f'"{digest}"', 10),
        ('"other"', len(DATA)),
        ("Mon, 30 Nov 2026 11:17:22 GMT", len(DATA)),
    ):
        asked = {"Range": "bytes=0-9", "If-Range": condition}
        assert http.get(f"/v2/{NAME}/blobs/{digest}", headers=asked).content == DATA[:length]


def test_the_head_of_a_blob(http: httpx.Client) -> None:
    digest = push_blob(http, NAME, DATA)
    head = http.head(f"/v2/{NAME}/blobs/{digest}")
    assert head.headers["content-length"] == str(len(DATA))
    assert head.headers["docker-content-digest"] == digest
    assert head.headers["accept-ranges"] == "bytes"


def test_pages_of_tags(http: httpx.Client) -> None:
    names = ["10", "2", "A", "a", "b", "latest", "v1"]
    made = image()
    for name in reversed(names):
        push(http, NAME, made, name)
    assert http.get(f"/v2/{NAME}/tags/list").json() == {"name": NAME, "tags": names}
    seen, path = [], f"/v2/{NAME}/tags/list?n=3"
    while path:
        answer = http.get(path)
        seen += answer.json()["tags"]
        path = answer.links.get("next", {}).get("url", "")
    assert seen == names
    assert http.get(f"/v2/{NAME}/tags/list?n=2&last=a").json()["tags"] == ["b", "latest"]
    empty = http.get(f"/v2/{NAME}/tags/list?n=0")
    assert (empty.json()["tags"], "link" in empty.headers) == ([], False)
    assert http.get(f"/v2/{NAME}/tags/list?n=-1").status_code == 400


def test_the_catalog(http: httpx.Client) -> None:
    for name in ("b/x", "a", "c"):
        push(http, name, image(), "v1")
    assert http.get("/v2/_catalog?n=2").json() == {"repositories": ["a", "b/x"]}
    assert http.get(http.get("/v2/_catalog?n=2").links["next"]["url"]).json() == {"repositories": ["c"]}


def test_referrers(http: httpx.Client) -> None:
    made = image()
    one = artifact(made, artifact_type="application/vnd.example.sbom", annotations={"by": "me"})
    two = artifact(made, artifact_type="", config_type="application/vnd.example.config.v1+json")
    path = f"/v2/{NAME}/referrers/{made.digest}"
    assert http.get(path).json()["manifests"] == []
    # What hangs on an image may come before it.
    for item in (one, two):
        push(http, NAME, item)
    push(http, NAME, made)
    answer = http.get(path)
    assert answer.headers["content-type"] == mt.OCI_INDEX
    assert "oci-filters-applied" not in answer.headers
    listed = {entry["digest"]: entry for entry in answer.json()["manifests"]}
    assert listed[one.digest] == {
        "mediaType": mt.OCI_MANIFEST,
        "digest": one.digest,
        "size": len(one.raw),
        "artifactType": "application/vnd.example.sbom",
        "annotations": {"by": "me"},
    }
    assert listed[two.digest]["artifactType"] == "application/vnd.example.config.v1+json"
    filtered = http.get(path, params={"artifactType": "application/vnd.example.sbom"})
    assert filtered.headers["oci-filters-applied"] == "artifactType"
    assert [entry["digest"] for entry in filtered.json()["manifests"]] == [one.digest]
    assert code_of(http.get(f"/v2/{NAME}/referrers/nonsense")) == "DIGEST_INVALID"

    assert http.delete(f"/v2/{NAME}/manifests/{one.digest}").status_code == 202
    assert [entry["digest"] for entry in http.get(path).json()["manifests"]] == [two.digest]


def test_the_push_of_a_referrer_names_its_subject(http: httpx.Client) -> None:
    made = image()
    item = artifact(made)
    push(http, NAME, item)
    answer = http.put(
        f"/v2/{NAME}/manifests/{item.digest}", content=item.raw, headers={"Content-Type": mt.OCI_MANIFEST}
    )
    assert answer.headers["oci-subject"] == made.digest


def test_deleting_a_tag_keeps_the_manifest(http: httpx.Client, live: LiveRegistry) -> None:
    made = image()
    push(http, NAME, made, "v1")
    live.admit(made.digest)
    assert http.delete(f"/v2/{NAME}/manifests/v1").status_code == 202
    assert http.get(f"/v2/{NAME}/manifests/v1").status_code == 404
    assert http.get(f"/v2/{NAME}/manifests/{made.digest}").status_code == 200


def test_deleting_a_manifest_takes_its_tags(http: httpx.Client, live: LiveRegistry) -> None:
    made = image()
    for tag in ("v1", "v2"):
        push(http, NAME, made, tag)
    push(http, "other", made, "v1")
    live.settle(made.digest, State.ANALYSING, State.REJECTED)
    assert http.delete(f"/v2/{NAME}/manifests/{made.digest}").status_code == 202
    assert http.get(f"/v2/{NAME}/tags/list").json()["tags"] == []
    assert http.get(f"/v2/{NAME}/manifests/{made.digest}").status_code == 404
    assert http.get("/v2/other/manifests/v1").status_code == 403
    # Going and coming again does not wash a verdict off.
    push(http, NAME, made, "v1")
    assert http.get(f"/v2/{NAME}/manifests/v1").headers["tidegate-state"] == "rejected"


def test_deleting_blobs(http: httpx.Client, live: LiveRegistry) -> None:
    made = image()
    push(http, NAME, made, "v1")
    layer = Digest.of(made.blobs[1])
    used = http.delete(f"/v2/{NAME}/blobs/{layer}")
    assert (used.status_code, code_of(used)) == (405, "UNSUPPORTED")
    assert http.head(f"/v2/{NAME}/blobs/{layer}").status_code == 200

    live.admit(made.digest)
    http.post("/v2/other/blobs/uploads/", params={"mount": layer, "from": NAME})
    http.delete(f"/v2/{NAME}/manifests/{made.digest}")
    assert http.delete(f"/v2/{NAME}/blobs/{layer}").status_code == 202
    assert http.get(f"/v2/{NAME}/blobs/{layer}").status_code == 404
    assert http.get(f"/v2/other/blobs/{layer}").content == made.blobs[1]
    assert http.delete(f"/v2/other/blobs/{layer}").status_code == 202
    with pytest.raises(NotFoundError):
        live.store.size(layer)
    push_blob(http, NAME, made.blobs[1])
    assert http.get(f"/v2/{NAME}/blobs/{layer}").content == made.blobs[1]


def test_pages_of_referrers(http: httpx.Client) -> None:
    made, kind = image(), "application/vnd.example.large"
    hung = [artifact(made, artifact_type=kind, annotations={"large": str(number) * 1_900_000}) for number in range(3)]
    for one in hung:
        push(http, NAME, one)
    push(http, NAME, artifact(made, layer=b'{"of":"another kind"}'))
    seen: list[list[str]] = []
    target = f"/v2/{NAME}/referrers/{made.digest}?artifactType={kind}"
    while target:
        page = http.get(target)
        assert page.headers["oci-filters-applied"] == "artifactType"
        assert len(page.content) <= 4 << 20
        seen.append([entry["digest"] for entry in page.json()["manifests"]])
        link = page.headers.get("link", "")
        assert not link or link.endswith('>; rel="next"')
        target = link[1:].partition(">")[0]
    assert [len(page) for page in seen] == [2, 1]
    assert sorted(digest for page in seen for digest in page) == sorted(one.digest for one in hung)
