# SPDX-License-Identifier: Apache-2.0
"""The few words of the distribution protocol tests speak over and over."""

import httpx
from oci_material import MadeImage

from tidegate.artifact import Digest


def push_blob(http: httpx.Client, name: str, data: bytes) -> Digest:
    digest = Digest.of(data)
    answer = http.post(f"/v2/{name}/blobs/uploads/", params={"digest": digest}, content=data)
    assert answer.status_code == 201, answer.text
    return digest


def put_manifest(http: httpx.Client, name: str, made: MadeImage, locator: str) -> httpx.Response:
    return http.put(f"/v2/{name}/manifests/{locator}", content=made.raw, headers={"Content-Type": made.media_type})


def push(http: httpx.Client, name: str, made: MadeImage, locator: str = "") -> Digest:
    for data in made.blobs:
        push_blob(http, name, data)
    answer = put_manifest(http, name, made, locator or made.digest)
    assert answer.status_code == 201, answer.text
    return made.digest


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["errors"][0]["code"])


def begin(http: httpx.Client, name: str) -> str:
    answer = http.post(f"/v2/{name}/blobs/uploads/")
    assert answer.status_code == 202, answer.text
    assert answer.headers["docker-upload-uuid"] in answer.headers["location"]
    return answer.headers["location"]
