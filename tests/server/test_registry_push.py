# SPDX-License-Identifier: Apache-2.0
"""The push workflow of OCI distribution-spec 1.1, word by word."""

import hashlib
import json
import os

import httpx
import pytest
from live_registry import LiveRegistry
from oci_material import MadeImage, artifact, descriptor, image, index
from registry_client import begin, code_of, push, push_blob, put_manifest

from tidegate.artifact import Digest
from tidegate.artifact import media_type as mt
from tidegate.storage.blobs import BlobBounds

DATA = b"layer" * 1000
NAME = "team/sub/app"


def test_a_blob_in_one_request(http: httpx.Client) -> None:
    digest = Digest.of(DATA)
    answer = http.post(f"/v2/{NAME}/blobs/uploads/", params={"digest": digest}, content=DATA)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v2/{NAME}/blobs/{digest}"
    assert answer.headers["docker-content-digest"] == digest
    assert http.get(answer.headers["location"]).content == DATA


def test_a_blob_in_two_requests(http: httpx.Client) -> None:
    answer = http.put(begin(http, NAME), params={"digest": Digest.of(DATA)}, content=DATA)
    assert answer.status_code == 201
    assert http.get(f"/v2/{NAME}/blobs/{Digest.of(DATA)}").content == DATA


def test_a_blob_in_chunks(http: httpx.Client) -> None:
    location = begin(http, NAME)
    status = http.get(location)
    assert (status.status_code, status.headers["range"]) == (204, "0-0")

    first = http.patch(location, content=DATA[:1000], headers={"Content-Range": "0-999"})
    assert (first.status_code, first.headers["range"]) == (202, "0-999")
    for wrong in ("0-999", "1001-2000", "500-1499"):
        answer = http.patch(location, content=b"x" * 1000, headers={"Content-Range": wrong})
        assert (answer.status_code, code_of(answer), answer.headers["range"]) == (416, "BLOB_UPLOAD_INVALID", "0-999")
    assert http.get(location).headers["range"] == "0-999"

    second = http.patch(location, content=DATA[1000:4000], headers={"Content-Range": "1000-3999"})
    assert second.headers["range"] == "0-3999"
    last = http.put(
        location,
        params={"digest": Digest.of(DATA)},
        content=DATA[4000:],
        headers={"Content-Range": f"4000-{len(DATA) - 1}"},
    )
    assert last.status_code == 201
    assert http.get(location).status_code == 404
    assert http.get(f"/v2/{NAME}/blobs/{Digest.of(DATA)}").content == DATA


def test_a_chunk_whose_headers_disagree_is_not_written(http: httpx.Client) -> None:
    location = begin(http, NAME)
    answer = http.patch(location, content=b"12345", headers={"Content-Range": "0-9"})
    assert (answer.status_code, code_of(answer)) == (400, "SIZE_INVALID")
    answer = http.patch(location, content=b"12345", headers={"Content-Range": "here"})
    assert (answer.status_code, code_of(answer)) == (400, "BLOB_UPLOAD_INVALID")
    assert http.get(location).headers["range"] == "0-0"


def test_a_stream_without_length(http: httpx.Client) -> None:
    pieces = [os.urandom(300_000) for _ in range(10)]
    location = begin(http, NAME)
    assert http.patch(location, content=iter(pieces)).headers["range"] == "0-2999999"
    digest = Digest.of(b"".join(pieces))
    assert http.put(location, params={"digest": digest}).status_code == 201
    assert http.get(f"/v2/{NAME}/blobs/{digest}").content == b"".join(pieces)


def test_sha512(http: httpx.Client) -> None:
    digest = "sha512:" + hashlib.sha512(DATA).hexdigest()
    for query in ({"digest-algorithm": "sha512"}, {}):
        started = http.post(f"/v2/{NAME}/blobs/uploads/", params=query)
        assert http.put(started.headers["location"], params={"digest": digest}, content=DATA).status_code == 201
    assert http.get(f"/v2/{NAME}/blobs/{digest}").content == DATA
    odd = http.post(f"/v2/{NAME}/blobs/uploads/", params={"digest-algorithm": "md5"})
    assert odd.status_code == 400


def test_other_bytes_than_promised(http: httpx.Client) -> None:
    location = begin(http, NAME)
    answer = http.put(location, params={"digest": Digest.of(b"other")}, content=DATA)
    assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")
    assert http.get(location).status_code == 404
    for digest in (Digest.of(b"other"), Digest.of(DATA)):
        assert http.get(f"/v2/{NAME}/blobs/{digest}").status_code == 404


@pytest.mark.parametrize("digest", ["", "md5:00", "sha256:xyz", "../../etc/passwd"])
def test_no_digest_at_all(http: httpx.Client, digest: str) -> None:
    location = begin(http, NAME)
    answer = http.put(location, params={"digest": digest}, content=DATA)
    assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")


def test_cancel(http: httpx.Client) -> None:
    location = begin(http, NAME)
    assert http.delete(location).status_code == 204
    for answer in (http.get(location), http.delete(location), http.patch(location, content=b"x")):
        assert (answer.status_code, code_of(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("upload", ["no-such", "..", "%2e%2e%2fstate.db", "0" * 32])
def test_uploads_that_never_were(http: httpx.Client, upload: str) -> None:
    assert http.get(f"/v2/{NAME}/blobs/uploads/{upload}").status_code == 404


def test_an_upload_belongs_to_its_repository(http: httpx.Client) -> None:
    location = begin(http, NAME)
    answer = http.put(location.replace(NAME, "other"), params={"digest": Digest.of(DATA)}, content=DATA)
    assert (answer.status_code, code_of(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_mount(http: httpx.Client) -> None:
    digest = push_blob(http, "from/here", DATA)
    assert http.get(f"/v2/to/there/blobs/{digest}").status_code == 404
    answer = http.post("/v2/to/there/blobs/uploads/", params={"mount": digest, "from": "from/here"})
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v2/to/there/blobs/{digest}")
    assert http.get(f"/v2/to/there/blobs/{digest}").content == DATA
    # Without a source, whoever holds it will do.
    assert http.post("/v2/fourth/blobs/uploads/", params={"mount": digest}).status_code == 201
    assert http.get(f"/v2/fourth/blobs/{digest}").content == DATA
    for query in ({"mount": digest, "from": "nobody"}, {"mount": Digest.of(b"nowhere")}):
        answer = http.post("/v2/third/blobs/uploads/", params=query)
        assert answer.status_code == 202
        assert "/blobs/uploads/" in answer.headers["location"]


def test_the_longest_blob(start_registry: object) -> None:
    with start_registry(bounds=BlobBounds(max_blob_bytes=1000)) as live, live.client() as http:  # type: ignore[operator]  # a fixture's callable
        location = begin(http, NAME)
        assert http.patch(location, content=b"x" * 1000).status_code == 202
        answer = http.patch(location, content=b"x")
        assert (answer.status_code, code_of(answer)) == (413, "SIZE_INVALID")
        assert "max_blob_bytes = 1000" in answer.text


def test_a_manifest_by_tag_and_by_digest(http: httpx.Client) -> None:
    made = image()
    for data in made.blobs:
        push_blob(http, NAME, data)
    for locator in ("v1", made.digest):
        answer = put_manifest(http, NAME, made, locator)
        assert answer.status_code == 201
        assert answer.headers["location"] == f"/v2/{NAME}/manifests/{made.digest}"
        assert answer.headers["docker-content-digest"] == made.digest
        assert answer.headers["tidegate-state"] == "quarantined"
        assert "oci-subject" not in answer.headers


def test_a_manifest_under_another_digest(http: httpx.Client) -> None:
    made = image()
    for data in made.blobs:
        push_blob(http, NAME, data)
    answer = put_manifest(http, NAME, made, Digest.of(b"other"))
    assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")


def test_a_manifest_under_its_sha512(http: httpx.Client, live: LiveRegistry) -> None:
    made = image()
    for data in made.blobs:
        push_blob(http, NAME, data)
    digest = "sha512:" + hashlib.sha512(made.raw).hexdigest()
    assert put_manifest(http, NAME, made, digest).status_code == 201
    live.admit(digest)
    assert http.get(f"/v2/{NAME}/manifests/{digest}").content == made.raw


def test_missing_blobs_are_named(http: httpx.Client) -> None:
    made = image()
    push_blob(http, NAME, made.blobs[0])
    answer = put_manifest(http, NAME, made, "v1")
    assert (answer.status_code, code_of(answer)) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert answer.json()["errors"][0]["detail"] == [{"digest": Digest.of(made.blobs[1])}]
    # Nothing of it stays.
    assert http.head(f"/v2/{NAME}/manifests/v1").status_code == 404
    assert http.head(f"/v2/{NAME}/manifests/{made.digest}").status_code == 404


def test_a_blob_of_another_repository_does_not_count(http: httpx.Client) -> None:
    made = image()
    for data in made.blobs:
        push_blob(http, "elsewhere", data)
    assert code_of(put_manifest(http, NAME, made, "v1")) == "MANIFEST_BLOB_UNKNOWN"


def test_missing_children_are_named(http: httpx.Client) -> None:
    here, missing = image("here"), image("missing")
    push(http, NAME, here)
    answer = put_manifest(http, NAME, index(here, missing), "v1")
    assert (answer.status_code, code_of(answer)) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert answer.json()["errors"][0]["detail"] == [{"digest": missing.digest}]


def _config(**changes: object) -> dict[str, object]:
    return {**descriptor(b"{}", mt.OCI_EMPTY), **changes}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json",
        b"[]",
        b'{"schemaVersion":1}',
        b'{"schemaVersion":2,"mediaType":"text/plain"}',
        json.dumps({"schemaVersion": 2, "config": _config(size=3), "layers": []}).encode(),
        json.dumps({"schemaVersion": 2, "config": _config(digest="sha256:no"), "layers": []}).encode(),
        json.dumps({"schemaVersion": 2, "config": _config(), "layers": [], "manifests": []}).encode(),
        json.dumps({"schemaVersion": 2, "mediaType": mt.OCI_INDEX, "manifests": []}).encode(),
        b'{"a":' * 5000,
    ],
)
def test_what_is_no_manifest(http: httpx.Client, raw: bytes) -> None:
    push_blob(http, NAME, b"{}")
    answer = http.put(f"/v2/{NAME}/manifests/v1", content=raw, headers={"Content-Type": mt.OCI_MANIFEST})
    assert answer.status_code in {400, 413}
    assert code_of(answer) in {"MANIFEST_INVALID", "SIZE_INVALID"}
    assert http.head(f"/v2/{NAME}/manifests/v1").status_code == 404


def test_the_longest_manifest(http: httpx.Client) -> None:
    raw = b'{"schemaVersion":2,"x":"' + b"x" * (4 << 20) + b'"}'
    answer = http.put(f"/v2/{NAME}/manifests/v1", content=raw, headers={"Content-Type": mt.OCI_MANIFEST})
    assert (answer.status_code, code_of(answer)) == (413, "SIZE_INVALID")


@pytest.mark.parametrize("name", ["UPPER", "a//b", "-a", "a/../b", "a" * 256])
def test_names_that_are_none(http: httpx.Client, name: str) -> None:
    answer = http.post(f"/v2/{name}/blobs/uploads/".replace("..", "%2e%2e"))
    assert answer.status_code in {400, 404}
    assert code_of(answer) in {"NAME_INVALID", "NAME_UNKNOWN"}


def test_a_tag_that_is_none(http: httpx.Client) -> None:
    assert code_of(put_manifest(http, NAME, image(), ".dot")) == "MANIFEST_INVALID"
    assert code_of(http.get(f"/v2/{NAME}/manifests/.dot")) == "MANIFEST_UNKNOWN"


def test_the_same_image_twice_keeps_its_state(http: httpx.Client, live: LiveRegistry) -> None:
    made = image()
    push(http, NAME, made, "v1")
    live.admit(made.digest)
    push(http, NAME, made, "v2")
    assert http.get(f"/v2/{NAME}/manifests/v2").status_code == 200
    answer = put_manifest(http, NAME, made, "v3")
    assert answer.headers["tidegate-state"] == "admitted"


@pytest.mark.parametrize(
    ("made", "state"),
    [
        (artifact(image()), "attached"),
        (artifact(None), "quarantined"),
        (artifact(image(), layer_type=mt.OCI_LAYER_GZIP), "quarantined"),
        (artifact(image(), layer_type=mt.OCI_LAYER_GZIP.upper()), "quarantined"),
        (artifact(image(), layer_type=mt.OCI_LAYER + "; charset=utf-8"), "quarantined"),
        (artifact(image(), layer_type="application/vnd.wasm.content.layer.v1+wasm"), "quarantined"),
        (artifact(image(), layer_type="application/octet-stream"), "quarantined"),
        (artifact(image(), config_type=mt.OCI_CONFIG), "quarantined"),
        (artifact(image(), config_type=mt.DOCKER_CONFIG), "quarantined"),
        (artifact(image(), config_type="application/vnd.wasm.config.v0+json"), "quarantined"),
        (image(subject=descriptor(image("s").raw, mt.OCI_MANIFEST)), "quarantined"),
    ],
)
def test_a_subject_alone_opens_no_gate(http: httpx.Client, made: MadeImage, state: str) -> None:
    push(http, NAME, made)
    answer = put_manifest(http, NAME, made, made.digest)
    assert answer.headers["tidegate-state"] == state
    assert http.get(f"/v2/{NAME}/manifests/{made.digest}").status_code == (200 if state == "attached" else 403)


def test_layers_that_may_lie_elsewhere_need_not_be_here(http: httpx.Client) -> None:
    made = image()
    document = json.loads(made.raw)
    for kind in (mt.OCI_LAYER_NONDISTRIBUTABLE + "+gzip", mt.DOCKER_LAYER_FOREIGN):
        document["layers"].append({**descriptor(kind.encode(), kind), "urls": ["https://store.example/layer"]})
    foreign = MadeImage(raw=json.dumps(document).encode(), blobs=made.blobs)
    push(http, NAME, foreign, "v1")
    document["layers"].append(descriptor(b"not here", mt.OCI_LAYER_GZIP))
    answer = put_manifest(http, NAME, MadeImage(raw=json.dumps(document).encode(), blobs=()), "v2")
    assert (answer.status_code, code_of(answer)) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert [entry["digest"] for entry in answer.json()["errors"][0]["detail"]] == [Digest.of(b"not here")]


def test_tags_beside_a_push_by_digest(http: httpx.Client, live: LiveRegistry) -> None:
    made = image()
    for data in made.blobs:
        push_blob(http, NAME, data)
    path, kind = f"/v2/{NAME}/manifests/", {"Content-Type": made.media_type}
    answer = http.put(f"{path}{made.digest}?tag=1.2&tag=1&tag=latest&tag=1", content=made.raw, headers=kind)
    assert (answer.status_code, answer.headers["oci-tag"]) == (201, "1.2, 1, latest")
    assert http.get(f"/v2/{NAME}/tags/list").json()["tags"] == ["1", "1.2", "latest"]
    live.admit(made.digest)
    assert http.get(f"{path}1.2").content == made.raw
    wrong = http.put(f"{path}{made.digest}?tag=ok&tag=.no", content=made.raw, headers=kind)
    assert (wrong.status_code, code_of(wrong)) == (400, "MANIFEST_INVALID")
    many = "&".join(f"tag=t{at}" for at in range(51))
    assert http.put(f"{path}{made.digest}?{many}", content=made.raw, headers=kind).status_code == 414
    # Pushed by tag, the query's tags are none of the specification's.
    assert "oci-tag" not in http.put(f"{path}v9?tag=more", content=made.raw, headers=kind).headers
    assert "ok" not in http.get(f"/v2/{NAME}/tags/list").json()["tags"]
