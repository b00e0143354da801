# SPDX-License-Identifier: Apache-2.0
"""What the registry admitted is known as a base to whatever is built upon it."""

import base64
from pathlib import Path

from whole_server import WholeServer, as_json, run_tidegate

from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image

_ASKED_AT_MOST = 40


def _known(home: Path) -> list[str]:
    return [one["name"] for one in as_json(run_tidegate(home, "base", "list", "--format", "json").stdout)]


def test_an_image_built_on_an_admitted_one_is_told_so(server: WholeServer, tmp_path: Path) -> None:
    metadata = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n\n"
    below = LayerBuilder().file("srv/h11.dist-info/METADATA", metadata.format("h11", "0.14.0")).build()
    above = LayerBuilder().file("srv/flask.dist-info/METADATA", metadata.format("flask", "3.0.0")).build()
    base = write_image(tmp_path, "base", [below], {"User": "10001"})
    app = write_image(tmp_path, "app", [below, above], {"User": "10001"})
    server.push(tmp_path, "base", "bases/python:1")
    assert server.verdict(str(base.digest))["state"] == "admitted"
    # The image is remembered after its verdict; asking is what there is to wait by.
    assert any(any(name.endswith("/bases/python:1") for name in _known(server.home)) for _ in range(_ASKED_AT_MOST))
    server.push(tmp_path, "app", "apps/web:1")
    assert server.verdict(str(app.digest))["state"] == "admitted"
    listed = server.http.get(f"/v2/apps/web/referrers/{app.digest}").json()["manifests"]
    (scan,) = [one for one in listed if "scan" in one["annotations"]["in-toto.io/predicate-type"]]
    manifest = server.http.get(f"/v2/apps/web/manifests/{scan['digest']}").json()
    envelope = server.http.get(f"/v2/apps/web/blobs/{manifest['layers'][0]['digest']}").json()
    predicate = as_json(base64.b64decode(envelope["payload"]).decode())["predicate"]
    assert (predicate["base"]["layers"], predicate["base"]["known_by"]) == (1, "layers")
    assert predicate["base"]["name"].endswith("/bases/python:1")
    assert predicate["base"]["digest"] == str(base.digest)
