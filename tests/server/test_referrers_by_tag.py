# SPDX-License-Identifier: Apache-2.0
"""Clients that know no referrers API (OCI distribution-spec 1.1, "Referrers Tag Schema"), and cosign's tags."""

import hashlib
import json
from typing import Any

import httpx
import pytest
from oci_material import MadeImage, artifact, descriptor, image
from registry_client import code_of, push, push_blob, put_manifest

from tidegate.artifact import Digest
from tidegate.artifact import media_type as mt

NAME = "team/app"


def _tag(digest: str) -> str:
    return digest.replace(":", "-")[: len("sha256-") + 64]


def _index(entries: list[dict[str, Any]]) -> MadeImage:
    document = {"schemaVersion": 2, "mediaType": mt.OCI_INDEX, "manifests": entries}
    return MadeImage(raw=json.dumps(document).encode(), blobs=(), media_type=mt.OCI_INDEX)


def _listed(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == mt.OCI_INDEX
    return {entry["digest"] for entry in answer.json()["manifests"]}


def test_an_index_pushed_under_the_tag_comes_back_at_once_and_the_api_lists_the_same(http: httpx.Client) -> None:
    made = image()
    push(http, NAME, made, "v1")
    first, second = artifact(made), artifact(made, layer=b'{"note":2}')
    for one in (first, second):
        push(http, NAME, one)
    tag = _tag(made.digest)
    both = _index([descriptor(one.raw, one.media_type) for one in (first, second)])
    answer = put_manifest(http, NAME, both, tag)
    assert (answer.status_code, answer.headers["tidegate-state"]) == (201, "attached")
    found = http.get(f"/v2/{NAME}/manifests/{tag}")
    assert found.content == both.raw
    assert _listed(found) == _listed(http.get(f"/v2/{NAME}/referrers/{made.digest}")) == {first.digest, second.digest}
    # The client takes one away and pushes the rest, as it does after a delete.
    rest = _index([descriptor(first.raw, first.media_type)])
    assert put_manifest(http, NAME, rest, tag).headers["tidegate-state"] == "attached"
    assert put_manifest(http, NAME, _index([]), tag).headers["tidegate-state"] == "attached"


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_who_looks_under_the_tag_finds_what_others_hung_there_by_the_api(http: httpx.Client, algorithm: str) -> None:
    made = image()
    subject = f"{algorithm}:{hashlib.new(algorithm, made.raw).hexdigest()}"
    hung = artifact(None)
    document = {**json.loads(hung.raw), "subject": {**descriptor(made.raw, made.media_type), "digest": subject}}
    hung = MadeImage(raw=json.dumps(document).encode(), blobs=hung.blobs)
    missing = http.get(f"/v2/{NAME}/manifests/{_tag(subject)}")
    assert (missing.status_code, code_of(missing)) == (404, "MANIFEST_UNKNOWN")
    push(http, NAME, hung)
    found = http.get(f"/v2/{NAME}/manifests/{_tag(subject)}")
    assert _listed(found) == {hung.digest}
    assert found.headers["docker-content-digest"] == Digest.of(found.content)
    head = http.head(f"/v2/{NAME}/manifests/{_tag(subject)}")
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(found.content)))
    assert http.get(f"/v2/other/manifests/{_tag(subject)}").status_code == 404


def test_the_tag_opens_no_gate_for_what_can_run(http: httpx.Client) -> None:
    made = image()
    push(http, NAME, made)
    tag = _tag(made.digest)
    listed = _index([descriptor(made.raw, made.media_type)])
    assert put_manifest(http, NAME, listed, tag).headers["tidegate-state"] == "quarantined"
    assert http.get(f"/v2/{NAME}/manifests/{tag}").status_code == 403
    assert put_manifest(http, NAME, image("two"), f"{tag}.sig").status_code == 404  # its blobs are not here
    other = image("three")
    push(http, NAME, other, f"{tag}.sig")
    assert http.get(f"/v2/{NAME}/manifests/{tag}.sig").status_code == 403


def _signature(layer_type: str) -> MadeImage:
    config, layer = (
        b'{"architecture":"","os":"","config":{},"rootfs":{"type":"layers","diff_ids":[]}}',
        b'{"critical":{}}',
    )
    document = {
        "schemaVersion": 2,
        "mediaType": mt.OCI_MANIFEST,
        "config": descriptor(config, mt.OCI_CONFIG),
        "layers": [descriptor(layer, layer_type)],
    }
    return MadeImage(raw=json.dumps(document).encode(), blobs=(config, layer))


@pytest.mark.parametrize(
    ("suffix", "layer_type", "state"),
    [
        (".sig", mt.SIMPLE_SIGNING, "attached"),
        (".att", mt.DSSE, "attached"),
        (".sig", mt.OCI_LAYER_GZIP, "quarantined"),
        (".exe", mt.SIMPLE_SIGNING, "quarantined"),
    ],
)
def test_signatures_as_cosign_keeps_them(http: httpx.Client, suffix: str, layer_type: str, state: str) -> None:
    made = _signature(layer_type)
    for data in made.blobs:
        push_blob(http, NAME, data)
    answer = put_manifest(http, NAME, made, f"sha256-{'ab' * 32}{suffix}")
    assert (answer.status_code, answer.headers["tidegate-state"]) == (201, state)
