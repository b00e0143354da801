# SPDX-License-Identifier: Apache-2.0
"""A blob is built upon by who may read it or had its bytes: knowing its digest opens nothing, whatever way is tried."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from live_registry import LiveRegistry
from oci_material import MadeImage, artifact, image, index
from registry_client import code_of, push, push_blob, put_manifest

from tidegate.admission.gate import Gate
from tidegate.artifact import Digest
from tidegate.artifact import media_type as mt
from tidegate.clock import system_clock
from tidegate.curation.change import Act, Wish, change_state
from tidegate.curation.lifecycle import State
from tidegate.evidence.restriction import parse_restriction
from tidegate.signing.keys import SigningKey, TrustedKeys

NAME, TOKEN = "team/app", "a-long-enough-token"
KEY = SigningKey.generate()
GATE = Gate(policies=(), signer=KEY, trusted=TrustedKeys.of([KEY.verifying]), verifier_id="https://test.example")
MADE = image()
LAYER = Digest.of(MADE.blobs[1])


@pytest.fixture
def guarded(start_registry: Callable[..., LiveRegistry]) -> Iterator[LiveRegistry]:
    with start_registry(token=TOKEN) as live:
        yield live


def _as(live: LiveRegistry, name: str) -> httpx.Client:
    return live.client(auth=(name, TOKEN))


def _pushed(live: LiveRegistry, *states: State) -> None:
    with _as(live, "builder") as http:
        push(http, NAME, MADE, "v1")
    live.settle(MADE.digest, *states)


def _kept_for_anna(live: LiveRegistry) -> None:
    _pushed(live, State.ANALYSING, State.ADMITTED)
    wish = Wish(act=Act.RESTRICT, reason="a secret", who="olga", restriction=parse_restriction(["anna"]))
    with live.database.begin() as connection:
        change_state(connection, GATE, MADE.digest, wish, at=system_clock())


def _sly_attachment() -> MadeImage:
    """A document, as it says, of an image's layer."""
    return artifact(image("other"), layer=MADE.blobs[1], layer_type="text/plain")


def _reads(live: LiveRegistry, name: str) -> bool:
    with _as(live, name) as http:
        return http.get(f"/v2/{NAME}/blobs/{LAYER}").status_code == 200


def test_an_attachment_opens_no_blob_of_an_image_that_was_refused_and_deleted(guarded: LiveRegistry) -> None:
    _pushed(guarded, State.ANALYSING, State.REJECTED)
    with _as(guarded, "builder") as http:
        assert http.delete(f"/v2/{NAME}/manifests/{MADE.digest}").status_code == 202
    sly = _sly_attachment()
    with _as(guarded, "berta") as http:
        push_blob(http, NAME, b"{}")
        answer = put_manifest(http, NAME, sly, sly.digest)
        assert (answer.status_code, code_of(answer)) == (404, "MANIFEST_BLOB_UNKNOWN")
        assert answer.json()["errors"][0]["detail"] == [{"digest": LAYER}]
    assert not _reads(guarded, "berta")
    assert not _reads(guarded, "carla")


def test_an_attachment_pushed_while_the_image_is_there_opens_none_after_it_is_deleted(guarded: LiveRegistry) -> None:
    _pushed(guarded, State.ANALYSING, State.REJECTED)
    sly = _sly_attachment()
    with _as(guarded, "berta") as http:
        push_blob(http, NAME, b"{}")
        put_manifest(http, NAME, sly, sly.digest)
    with _as(guarded, "builder") as http:
        http.delete(f"/v2/{NAME}/manifests/{MADE.digest}")
    assert not _reads(guarded, "berta")
    assert not _reads(guarded, "carla")


def test_another_image_with_its_layer_opens_no_blob_that_is_kept_for_others(guarded: LiveRegistry) -> None:
    _kept_for_anna(guarded)
    sly = image(annotations={"sly": "yes"})
    with _as(guarded, "berta") as http:
        push_blob(http, NAME, sly.blobs[0])
        assert code_of(put_manifest(http, NAME, sly, "sly")) == "MANIFEST_BLOB_UNKNOWN"
    assert not _reads(guarded, "berta")
    with _as(guarded, "anna") as http:  # who may read it may build upon it
        push_blob(http, NAME, sly.blobs[0])
        assert put_manifest(http, NAME, sly, "sly").status_code == 201


def test_a_mount_opens_no_blob_that_is_kept_for_others(guarded: LiveRegistry) -> None:
    _kept_for_anna(guarded)
    with _as(guarded, "berta") as http:
        for query in ({"mount": LAYER, "from": NAME}, {"mount": LAYER}):
            assert http.post("/v2/mine/own/blobs/uploads/", params=query).status_code == 202
        sly = _sly_attachment()
        push_blob(http, "mine/own", b"{}")
        assert put_manifest(http, "mine/own", sly, sly.digest).status_code == 404


def test_an_index_that_names_an_image_opens_neither_it_nor_its_blobs(guarded: LiveRegistry) -> None:
    _kept_for_anna(guarded)
    both = index(MADE)
    with _as(guarded, "berta") as http:
        assert put_manifest(http, NAME, both, "all").status_code == 201
        guarded.admit(both.digest)
        assert http.get(f"/v2/{NAME}/manifests/all").status_code == 200
        assert http.get(f"/v2/{NAME}/manifests/{MADE.digest}").status_code == 403
    assert not _reads(guarded, "berta")


def test_a_configuration_or_a_borrowed_one_opens_no_blob_either(guarded: LiveRegistry) -> None:
    _kept_for_anna(guarded)
    config = Digest.of(MADE.blobs[0])
    sly = artifact(image("other"), config_type=mt.OCI_CONFIG, layer=b'{"mine":1}')
    raw = sly.raw.replace(Digest.of(b"{}").encode(), config.encode()).replace(
        b'"size": 2}', b'"size": %d}' % len(MADE.blobs[0])
    )
    sly = MadeImage(raw=raw, blobs=())
    with _as(guarded, "berta") as http:
        push_blob(http, NAME, b'{"mine":1}')
        assert code_of(put_manifest(http, NAME, sly, sly.digest)) == "MANIFEST_BLOB_UNKNOWN"


def test_who_uploads_the_bytes_too_may_build_upon_them_and_read_them(guarded: LiveRegistry) -> None:
    _pushed(guarded)
    mine = image(annotations={"mine": "yes"})
    with _as(guarded, "berta") as http:
        # Told that they are not here, clients send them.
        for data in mine.blobs:
            assert http.head(f"/v2/{NAME}/blobs/{Digest.of(data)}").status_code == 404
        push(http, NAME, mine, "mine")
        for data in mine.blobs:
            assert http.head(f"/v2/{NAME}/blobs/{Digest.of(data)}").status_code == 200
    assert _reads(guarded, "berta")
    assert _reads(guarded, "builder")
    assert not _reads(guarded, "carla")


def test_what_is_served_needs_not_be_sent_again(guarded: LiveRegistry) -> None:
    _pushed(guarded, State.ANALYSING, State.ADMITTED)
    mine = image(annotations={"mine": "yes"})
    with _as(guarded, "berta") as http:
        assert http.head(f"/v2/{NAME}/blobs/{LAYER}").status_code == 200
        assert put_manifest(http, NAME, mine, "mine").status_code == 201


def test_the_same_manifest_again_is_no_claim(guarded: LiveRegistry) -> None:
    _pushed(guarded, State.ANALYSING, State.REJECTED)
    with _as(guarded, "berta") as http:
        assert put_manifest(http, NAME, MADE, "again").status_code == 201
        assert http.get(f"/v2/{NAME}/manifests/again").status_code == 403
    assert not _reads(guarded, "berta")


def test_nobody_known_builds_upon_what_nobody_known_uploaded(http: httpx.Client, live: LiveRegistry) -> None:
    push(http, NAME, MADE, "v1")
    other = image(annotations={"other": "yes"})
    assert http.head(f"/v2/{NAME}/blobs/{LAYER}").status_code == 200
    assert put_manifest(http, NAME, other, "v2").status_code == 201
    live.settle(MADE.digest, State.ANALYSING, State.REJECTED)
    assert http.get(f"/v2/{NAME}/blobs/{LAYER}").status_code == 403
