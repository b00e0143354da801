# SPDX-License-Identifier: Apache-2.0
"""What cannot be examined is never admitted, and says what to do; what is no image has a path of its own."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from whole_server import WholeServer

from tidegate.artifact import Digest
from tidegate.artifact import media_type as mt

HELM = "application/vnd.cncf.helm.config.v1+json"
CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
WASM = "application/vnd.wasm.config.v0+json"


def tar_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _blob(server: WholeServer, name: str, data: bytes) -> None:
    answer = server.http.post(f"/v2/{name}/blobs/uploads/", params={"digest": Digest.of(data)}, content=data)
    assert answer.status_code == 201, answer.text


def _push(
    server: WholeServer, name: str, config: tuple[bytes, str], layers: list[tuple[bytes, str]], **more: Any
) -> str:
    """Pushes a manifest with any content; returns its digest."""
    for data, _ in (config, *layers):
        _blob(server, name, data)
    parts = [{"mediaType": kind, "digest": Digest.of(data), "size": len(data)} for data, kind in (config, *layers)]
    titles = more.pop("titles", ())
    for part, title in zip(parts[1:], titles, strict=False):
        part["annotations"] = {"org.opencontainers.image.title": title}
    document = {"schemaVersion": 2, "mediaType": mt.OCI_MANIFEST, "config": parts[0], "layers": parts[1:], **more}
    raw = json.dumps(document).encode()
    headers = {"Content-Type": mt.OCI_MANIFEST}
    assert server.http.put(f"/v2/{name}/manifests/1", content=raw, headers=headers).status_code == 201
    return str(Digest.of(raw))


def _config(*tars: bytes) -> tuple[bytes, str]:
    document = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"User": "1"},
        "rootfs": {"type": "layers", "diff_ids": [Digest.of(tar) for tar in tars]},
    }
    return json.dumps(document).encode(), mt.OCI_CONFIG


PLAIN = tar_of({"a": b"b" * 4000})
PACKED = gzip.compress(PLAIN, mtime=0)


def encrypted(server: WholeServer) -> str:
    return _push(server, "odd/encrypted", _config(PLAIN), [(PACKED, mt.OCI_LAYER_GZIP + "+encrypted")])


def unknown_layer(server: WholeServer) -> str:
    return _push(server, "odd/layer", _config(PLAIN), [(PLAIN, "application/vnd.example.disk.qcow2")])


def unknown_artifact(server: WholeServer) -> str:
    return _push(server, "odd/artifact", (b"{}", "application/vnd.example.thing+json"), [(b"x", "text/plain")])


def torn(server: WholeServer) -> str:
    return _push(server, "odd/torn", _config(PLAIN), [(PACKED[: len(PACKED) // 2], mt.OCI_LAYER_GZIP)])


def no_tar(server: WholeServer) -> str:
    noise = b"\x01no tar at all" * 300
    return _push(server, "odd/notar", _config(noise), [(noise, mt.OCI_LAYER)])


def other_content(server: WholeServer) -> str:
    return _push(server, "odd/other", _config(tar_of({"c": b"d"})), [(PACKED, mt.OCI_LAYER_GZIP)])


def too_many_entries(server: WholeServer) -> str:
    many = tar_of({f"f{number}": b"" for number in range(60)})
    return _push(server, "odd/entries", _config(many), [(many, mt.OCI_LAYER)])


def fewer_layers(server: WholeServer) -> str:
    return _push(server, "odd/fewer", _config(PLAIN, PLAIN), [(PACKED, mt.OCI_LAYER_GZIP)])


def broken_config(server: WholeServer) -> str:
    return _push(server, "odd/config", (b'{"os":', mt.OCI_CONFIG), [(PACKED, mt.OCI_LAYER_GZIP)])


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server that takes layers of fifty entries at most."""
    folder = tmp_path_factory.mktemp("strict")
    with WholeServer(folder / "home", environment={"TIDEGATE_SCAN_MAX_ENTRIES": "50"}) as running:
        yield running


def _why(server: WholeServer, digest: str) -> str:
    changes = [one for one in server.api(f"/passports/{digest}")["entries"] if one["kind"] == "state"]
    return str(changes[-1]["why"])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (encrypted, "encrypted"),
        (unknown_layer, "application/vnd.example.disk.qcow2"),
        (unknown_artifact, "name its type in curation.artifacts"),
        (torn, "cut short"),
        (no_tar, "tar"),
        (other_content, "digest mismatch"),
        (too_many_entries, "max_entries"),
        (fewer_layers, "1 layers, but the configuration names 2"),
        (broken_config, "config"),
    ],
    ids=lambda value: getattr(value, "__name__", "says"),
)
def test_unscannable_is_rejected_with_its_reason(
    strict: WholeServer, make: Callable[[WholeServer], str], says: str
) -> None:
    digest = make(strict)
    assert strict.verdict(digest)["state"] == "rejected"
    assert says in _why(strict, digest)
    name = strict.api(f"/passports/{digest}")["repositories"][0]
    refused = strict.http.get(f"/v2/{name}/manifests/1")
    assert refused.status_code == 403
    assert says in refused.json()["errors"][0]["message"]


def _chart(server: WholeServer, name: str, template: bytes) -> str:
    chart = gzip.compress(tar_of({"app/Chart.yaml": b"name: app\nversion: 1.0.0\n", "app/templates/a.yaml": template}))
    return _push(server, name, (b'{"name":"app","version":"1.0.0"}', HELM), [(chart, CHART)])


def test_a_chart_is_examined_and_admitted_or_rejected_for_what_is_in_it(strict: WholeServer) -> None:
    good = _chart(strict, "charts/good", b"kind: ConfigMap\n")
    assert strict.verdict(good)["state"] == "admitted", _why(strict, good)
    assert strict.http.get("/v2/charts/good/manifests/1").status_code == 200
    secret = b"token: ghp_" + b"Zq7Lw2Xn9Rk4Tb6Yv8Mc1Df3Gh5Js0Pa2We4"  # in halves, so that it is none here
    bad = _chart(strict, "charts/bad", secret)
    assert strict.verdict(bad)["state"] == "rejected"


def test_a_module_and_a_bill_of_materials_have_a_path_too(strict: WholeServer) -> None:
    module = _push(
        strict,
        "modules/filter",
        (b"{}", WASM),
        [(b"\0asm\x01\0\0\0", "application/wasm")],
        titles=["../../filter.wasm"],
        artifactType=WASM,
    )
    assert strict.verdict(module)["state"] == "admitted", _why(strict, module)
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [
            {
                "type": "library",
                "name": "apache-airflow",
                "version": "1.10.10",
                "purl": "pkg:pypi/apache-airflow@1.10.10",
            }
        ],
    }
    kind = "application/vnd.cyclonedx+json"
    told = _push(
        strict,
        "boms/app",
        (b"{}", mt.OCI_EMPTY),
        [(json.dumps(bill).encode(), kind)],
        titles=["bom.cdx.json"],
        artifactType=kind,
    )
    found = strict.verdict(told)
    assert (
        any("apache-airflow" in one["message"] for one in found["verdict"]["reasons"]) or found["state"] == "admitted"
    )


def test_a_kind_nobody_named_is_not_examined(strict: WholeServer) -> None:
    odd = _push(strict, "odd/kind", (b"{}", mt.OCI_EMPTY), [(b"x", "text/plain")], artifactType="application/x-odd")
    assert strict.verdict(odd)["state"] == "rejected"
    assert "nothing here can examine application/x-odd" in _why(strict, odd)


def test_signatures_hang_on_what_they_are_about_and_need_no_verdict(strict: WholeServer, tmp_path: Path) -> None:
    del tmp_path
    digest = _chart(strict, "charts/signed", b"kind: Secret\n")
    strict.verdict(digest)
    raw = strict.http.get("/v2/charts/signed/manifests/1").content
    subject = {"mediaType": mt.OCI_MANIFEST, "digest": digest, "size": len(raw)}
    signature = {"subject": subject, "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json"}
    kind = "application/vnd.dev.sigstore.bundle.v0.3+json"
    _blob(strict, "charts/signed", b"{}")
    hung = _push(strict, "charts/signed", (b"{}", mt.OCI_EMPTY), [(b'{"s":1}', kind)], **signature)
    served = strict.http.get(f"/v2/charts/signed/manifests/{hung}")
    assert (served.status_code, served.headers["tidegate-state"]) == (200, "attached")
