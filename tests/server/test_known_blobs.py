# SPDX-License-Identifier: Apache-2.0
"""What is remembered of a blob that was pulled never outlives it, nor the verdict over it."""

import time
from collections.abc import Callable
from datetime import timedelta

import httpx
from live_registry import LiveRegistry
from oci_material import image
from registry_client import push, push_blob
from sqlalchemy import insert

from tidegate.artifact import Digest, Repository
from tidegate.clock import rfc3339, system_clock
from tidegate.curation.consumer import Consumer
from tidegate.curation.states import State
from tidegate.storage.schema import blob

TOKEN = "a-long-enough-token"
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


def test_a_decision_that_ends_shuts_a_layer_that_is_pulled_all_the_time(
    start_registry: Callable[..., LiveRegistry],
) -> None:
    made = image()
    layer = f"/v2/{ONE}/blobs/{Digest.of(made.blobs[1])}"
    with start_registry(token=TOKEN) as live, live.client(auth=("reader", TOKEN)) as reader:
        with live.client(auth=("builder", TOKEN)) as builder:
            push(builder, ONE, made)
        ends = system_clock() + timedelta(seconds=2)
        live.settle(made.digest, State.ANALYSING, State.ADMITTED, expires_at=rfc3339(ends))
        while (answer := reader.get(layer)).status_code == 200:
            assert system_clock() < ends + timedelta(seconds=60)
        assert answer.status_code == 403


def test_a_plain_yes_needs_no_thread_and_anything_else_does(live: LiveRegistry, http: httpx.Client) -> None:
    made = image()
    push(http, ONE, made)
    name, layer = Repository(ONE), Digest.of(made.blobs[1])
    builder = Consumer(name="builder", groups=frozenset(), address="127.0.0.1", is_anonymous=False)

    def is_known(consumer: Consumer) -> bool:
        return live.shelf.known_blobs.find(name, layer, consumer, is_told=False)[0] is not None

    assert not is_known(builder)
    live.admit(made.digest)
    assert is_known(builder)
    for _ in range(3):  # whatever is written meanwhile
        with live.database.begin() as connection:
            connection.execute(insert(blob).values(digest=f"sha256:{time.monotonic_ns():064x}", size=1, stored_at="t"))
        assert is_known(builder)
    live.settle(made.digest, State.RECALLED)
    assert not is_known(builder)
