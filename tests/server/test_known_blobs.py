# SPDX-License-Identifier: Apache-2.0
"""What is remembered of a blob that was pulled never outlives it, nor the verdict over it."""

import httpx
from live_registry import LiveRegistry
from oci_material import image
from registry_client import push, push_blob

from tidegate.artifact import Digest
from tidegate.curation.states import State

ONE, OTHER = "team/one", "team/other"


def test_a_blob_that_was_pulled_is_gone_when_it_is_deleted(http: httpx.Client) -> None:
    digest = push_blob(http, ONE, b"data")
    assert http.post(f"/v2/{OTHER}/blobs/uploads/", params={"mount": digest, "from": ONE}).status_code == 201
    for name in (ONE, OTHER, ONE, OTHER):
        assert http.get(f"/v2/{name}/blobs/{digest}").content == b"data"
    assert http.delete(f"/v2/{ONE}/blobs/{digest}").status_code == 202
    assert http.get(f"/v2/{ONE}/blobs/{digest}").status_code == 404
    assert http.get(f"/v2/{OTHER}/blobs/{digest}").content == b"data"
    assert http.delete(f"/v2/{OTHER}/blobs/{digest}").status_code == 202
    assert http.head(f"/v2/{OTHER}/blobs/{digest}").status_code == 404


def test_bytes_that_went_behind_its_back_are_not_promised(http: httpx.Client, live: LiveRegistry) -> None:
    digest = push_blob(http, ONE, b"data")
    assert http.get(f"/v2/{ONE}/blobs/{digest}").status_code == 200
    live.store.delete(digest)
    assert http.get(f"/v2/{ONE}/blobs/{digest}").status_code == 404


def test_a_recall_shuts_a_layer_that_was_pulled_a_moment_ago(http: httpx.Client, live: LiveRegistry) -> None:
    made = image()
    push(http, ONE, made)
    live.admit(made.digest)
    layer = f"/v2/{ONE}/blobs/{Digest.of(made.blobs[1])}"
    for _ in range(3):
        assert http.get(layer).content == made.blobs[1]
    live.settle(made.digest, State.RECALLED)
    assert http.get(layer).status_code == 403
