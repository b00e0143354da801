# SPDX-License-Identifier: Apache-2.0
"""OCI distribution-spec 1.1 against `tidegate serve`: four workflows in our own words, and the public suite itself."""

import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from oci_material import artifact, descriptor, image, index
from registry_client import code_of, push, push_blob, put_manifest
from serving import Serving, serving

from tidegate.artifact import media_type as mt

BUILT = Path(__file__).parents[2] / ".tools" / "bin"
CHUNK = 1000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("serving")) as running:
        yield running


@pytest.fixture(scope="module")
def http(server: Serving) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cafile=str(server.certificate))
    with httpx.Client(base_url=server.url, verify=context, trust_env=False, timeout=60) as client:
        yield client


def _digest(algorithm: str, data: bytes) -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def _with_digest(location: str, digest: str) -> str:
    return f"{location}{'&' if urlsplit(location).query else '?'}digest={digest}"


def _is_there(http: httpx.Client, answer: httpx.Response, data: bytes) -> None:
    """A finished upload says where its blob is, and there it is."""
    assert answer.status_code == 201, answer.text
    found = http.get(urljoin(str(answer.url), answer.headers["location"]))
    assert (found.status_code, found.content) == (200, data)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_push_of_blobs(http: httpx.Client, algorithm: str) -> None:
    uploads = f"/v2/push/{algorithm}/blobs/uploads/"
    begun = {"digest-algorithm": algorithm}

    whole = os.urandom(700)
    _is_there(http, http.post(uploads, params={"digest": _digest(algorithm, whole)}, content=whole), whole)

    twice = os.urandom(700)
    opened = http.post(uploads, params=begun)
    assert opened.status_code == 202
    _is_there(http, http.put(_with_digest(opened.headers["location"], _digest(algorithm, twice)), content=twice), twice)

    streamed = os.urandom(70_000)
    opened = http.post(uploads, params=begun)
    taken = http.patch(opened.headers["location"], content=iter([streamed[:30_000], streamed[30_000:]]))
    assert (taken.status_code, taken.headers["range"]) == (202, "0-69999")
    _is_there(http, http.put(_with_digest(taken.headers["location"], _digest(algorithm, streamed))), streamed)

    for last in ("PATCH", "PUT"):
        data = os.urandom(3 * CHUNK - 5)
        location = http.post(uploads, params=begun, headers={"Content-Length": "0"}).headers["location"]
        for start in range(0, len(data), CHUNK):
            end = min(start + CHUNK, len(data))
            # Out of order first: refused, and the client finds out where to go on.
            wrong = {"Content-Range": f"{start + 1}-{start + 4}"}
            refused = http.patch(location, content=b"xxxx", headers=wrong)
            assert (refused.status_code, code_of(refused)) == (416, "BLOB_UPLOAD_INVALID")
            stands = http.get(location)
            assert stands.status_code == 204
            assert stands.headers["range"] == f"0-{max(start - 1, 0)}"
            location = stands.headers["location"]
            chunk = {"Content-Range": f"{start}-{end - 1}"}
            if end == len(data) and last == "PUT":
                answer = http.put(
                    _with_digest(location, _digest(algorithm, data)), content=data[start:end], headers=chunk
                )
            else:
                answer = http.patch(location, content=data[start:end], headers=chunk)
                assert (answer.status_code, answer.headers["range"]) == (202, f"0-{end - 1}")
                location = answer.headers["location"]
        if last == "PATCH":
            answer = http.put(_with_digest(location, _digest(algorithm, data)))
        _is_there(http, answer, data)

    mounted = http.post(
        "/v2/push/mounted/blobs/uploads/", params={"mount": _digest(algorithm, whole), "from": f"push/{algorithm}"}
    )
    _is_there(http, mounted, whole)
    anywhere = http.post("/v2/push/anywhere/blobs/uploads/", params={"mount": _digest(algorithm, whole)})
    _is_there(http, anywhere, whole)
    missing = http.post(
        "/v2/push/mounted/blobs/uploads/", params={"mount": _digest(algorithm, b"?"), "from": "push/none"}
    )
    assert missing.status_code == 202
    assert http.delete(missing.headers["location"]).status_code == 204
    assert http.get(missing.headers["location"]).status_code == 404

    for data, claimed in ((b"", b""), (b"{}", b"{}")):
        _is_there(http, http.post(uploads, params={"digest": _digest(algorithm, claimed)}, content=data), data)
    wrong_digest = http.post(uploads, params={"digest": _digest(algorithm, b"promised")}, content=b"delivered")
    assert (wrong_digest.status_code, code_of(wrong_digest)) == (400, "DIGEST_INVALID")
    opened = http.post(uploads)
    wrong_digest = http.put(
        _with_digest(opened.headers["location"], _digest(algorithm, b"promised")), content=b"delivered"
    )
    assert (wrong_digest.status_code, code_of(wrong_digest)) == (400, "DIGEST_INVALID")
    assert http.head(f"/v2/push/{algorithm}/blobs/{_digest(algorithm, b'promised')}").status_code == 404


def test_push_of_manifests(http: httpx.Client) -> None:
    made, name = image("pushed"), "push/manifests"
    missing = put_manifest(http, name, made, "v1")
    assert (missing.status_code, code_of(missing)) == (404, "MANIFEST_BLOB_UNKNOWN")
    for data in made.blobs:
        push_blob(http, name, data)
    for locator in ("v1", made.digest, _digest("sha512", made.raw)):
        taken = put_manifest(http, name, made, locator)
        assert taken.status_code == 201
        back = http.get(taken.headers["location"])
        assert (back.content, back.headers["content-type"]) == (made.raw, mt.OCI_MANIFEST)
    wrong = put_manifest(http, name, made, _digest("sha256", b"another"))
    assert (wrong.status_code, code_of(wrong)) == (400, "DIGEST_INVALID")
    parameters = {"Content-Type": f"{mt.OCI_MANIFEST}; charset=utf-8"}
    assert http.put(f"/v2/{name}/manifests/v2", content=made.raw, headers=parameters).status_code == 201
    hung = artifact(image("not there yet"))
    for data in hung.blobs:
        push_blob(http, name, data)
    taken = put_manifest(http, name, hung, hung.digest)
    assert (taken.status_code, taken.headers["oci-subject"]) == (201, image("not there yet").digest)
    large = image("large", annotations={f"large-{at}": "A" * 10_000 for at in range(390)})
    push(http, name, large, "large")
    assert http.get(f"/v2/{name}/manifests/large").content == large.raw


def test_pull(http: httpx.Client) -> None:
    made, name = image("pulled"), "pull/here"
    push(http, name, made, "v1")
    both = index(made)
    push(http, name, both, "both")
    for locator, wanted in (("v1", made), (made.digest, made), ("both", both), (both.digest, both)):
        path = f"/v2/{name}/manifests/{locator}"
        for answer in (http.get(path, headers={"Accept": wanted.media_type}), http.head(path)):
            assert answer.status_code == 200
            assert answer.headers["content-type"] == wanted.media_type
            assert answer.headers["content-length"] == str(len(wanted.raw))
            assert answer.headers["docker-content-digest"] == wanted.digest
            assert answer.content == (wanted.raw if answer.request.method == "GET" else b"")
    layer = made.blobs[1]
    path = f"/v2/{name}/blobs/{_digest('sha256', layer)}"
    for answer in (http.get(path), http.head(path)):
        assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(layer)))
        assert answer.headers["docker-content-digest"] == _digest("sha256", layer)
        assert answer.content == (layer if answer.request.method == "GET" else b"")
    part = http.get(path, headers={"Range": "bytes=5-14"})
    assert (part.status_code, part.content) == (206, layer[5:15])
    assert part.headers["content-range"] == f"bytes 5-14/{len(layer)}"
    assert http.get(path, headers={"Range": f"bytes={len(layer)}-"}).status_code == 416
    for gone, code in (
        (f"/v2/{name}/manifests/none", "MANIFEST_UNKNOWN"),
        (f"/v2/{name}/manifests/{_digest('sha256', b'none')}", "MANIFEST_UNKNOWN"),
        (f"/v2/{name}/blobs/{_digest('sha256', b'none')}", "BLOB_UNKNOWN"),
        (f"/v2/{name}/blobs/uploads/none", "BLOB_UPLOAD_UNKNOWN"),
        ("/v2/nobody/here/tags/list", "NAME_UNKNOWN"),
    ):
        answer = http.get(gone)
        assert (answer.status_code, code_of(answer)) == (404, code)
        assert answer.headers["content-type"] == "application/json"
    for wrong, code in (
        ("/v2/Not-A-Name/tags/list", "NAME_INVALID"),
        (f"/v2/{name}/manifests/sha256:baddigeststring", "DIGEST_INVALID"),
        (f"/v2/{name}/blobs/sha256:short", "DIGEST_INVALID"),
        (f"/v2/{name}/tags/list?n=many", "PAGINATION_NUMBER_INVALID"),
    ):
        answer = http.get(wrong)
        assert (answer.status_code, code_of(answer)) == (400, code)


def test_discovery(http: httpx.Client) -> None:
    made, name = image("found"), "discovery/here"
    tags = ["TAG", "a", "b", "c0", "c1", "test"]
    for tag in reversed(tags):
        push(http, name, made, tag)
    listing = f"/v2/{name}/tags/list"
    assert http.get(listing).json() == {"name": name, "tags": tags}
    none = http.get(listing, params={"n": "0"})
    assert (none.json()["tags"], "link" in none.headers) == ([], False)
    assert http.get(listing, params={"last": "b"}).json()["tags"] == tags[3:]
    seen, target = [], f"{listing}?n=4"
    while target:
        page = http.get(target)
        seen.append(page.json()["tags"])
        link = re.fullmatch(r'<(\S+)>; rel="next"', page.headers.get("link", ""))
        target = link[1] if link else ""
    assert seen == [tags[:4], tags[4:]]

    referrers = f"/v2/{name}/referrers/{made.digest}"
    kinds = ("application/vnd.example.one", "application/vnd.example.two")
    hung = [artifact(made, artifact_type=kind, annotations={"of": kind}) for kind in kinds]
    listed = index(image("found"))
    hanging = {**json.loads(listed.raw), "subject": descriptor(made.raw, made.media_type), "artifactType": kinds[0]}
    hung.append(type(listed)(raw=json.dumps(hanging).encode(), blobs=(), media_type=mt.OCI_INDEX))
    for one in hung:
        push(http, name, one)
    answer = http.get(referrers)
    assert answer.headers["content-type"] == mt.OCI_INDEX
    found = {entry["digest"]: entry for entry in answer.json()["manifests"]}
    for one in hung:
        entry = found[one.digest]
        assert (entry["mediaType"], entry["size"]) == (one.media_type, len(one.raw))
        assert entry["artifactType"] in kinds
    assert found[hung[0].digest]["annotations"] == {"of": kinds[0]}
    filtered = http.get(referrers, params={"artifactType": kinds[1]})
    assert filtered.headers["oci-filters-applied"] == "artifactType"
    assert [entry["digest"] for entry in filtered.json()["manifests"]] == [hung[1].digest]
    unknown = http.get(f"/v2/nobody/here/referrers/{made.digest}")
    assert (unknown.status_code, unknown.json()["manifests"]) == (200, [])


def test_management(http: httpx.Client) -> None:
    made, name = image("managed"), "management/here"
    push(http, name, made, "v1")
    push(http, name, made, "v2")
    for path, left in (("manifests/v1", ["v2"]), (f"manifests/{made.digest}", [])):
        assert http.delete(f"/v2/{name}/{path}").status_code == 202
        assert http.head(f"/v2/{name}/{path}").status_code == 404
        assert http.get(f"/v2/{name}/tags/list").json()["tags"] == left
        again = http.delete(f"/v2/{name}/{path}")
        assert (again.status_code, code_of(again)) == (404, "MANIFEST_UNKNOWN")
    for data in made.blobs:
        blob = f"/v2/{name}/blobs/{_digest('sha256', data)}"
        assert http.delete(blob).status_code == 202
        assert http.head(blob).status_code == 404
        assert http.delete(blob).status_code == 404


@pytest.mark.tools
@pytest.mark.parametrize(("asked", "version"), [("--http2", "2"), ("--http1.1", "1.1")])
def test_http2_is_agreed_on_over_tls_and_connections_are_kept(
    server: Serving, tmp_path: Path, asked: str, version: str
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is missing: apt-get install curl")
    data = tmp_path / "data"
    data.write_bytes(os.urandom(3_000_000))
    digest = _digest("sha256", data.read_bytes())
    uploads = f"{server.url}/v2/curl/here/blobs/uploads/?digest={digest}"
    told = ["--write-out", "%{http_code} %{http_version} %{num_connects}\n", "--output", str(tmp_path / "out")]
    common = ["--silent", "--show-error", "--noproxy", "*", asked, "--cacert", str(server.certificate)]
    upload = ["--request", "POST", "--data-binary", f"@{data}", "--header", "Content-Type: application/octet-stream"]
    get = f"{server.url}/v2/curl/here/blobs/{digest}"
    words = [
        "curl",
        *common,
        *told,
        *upload,
        uploads,
        "--next",
        *common,
        *told,
        get,
        "--next",
        *common,
        *told,
        "--head",
        get,
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [f"201 {version} 1", f"200 {version} 0", f"200 {version} 0"]
    assert (tmp_path / "out").read_bytes().lower().startswith(f"http/{version} 200".encode())


@pytest.mark.tools
def test_the_public_suite(server: Serving, tmp_path: Path) -> None:
    program = shutil.which("conformance", path=str(BUILT))
    if program is None:
        pytest.skip("the suite is missing: tools/go-programs.sh conformance")
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "SSL_CERT_FILE": str(server.certificate),
        "OCI_REGISTRY": server.host,
        "OCI_VERSION": "dev",  # 1.1, and what comes after it
        "OCI_RESULTS_DIR": str(tmp_path / "results"),
        "OCI_REPO1": "suite/one",
        "OCI_REPO2": "suite/two",
    }
    done = subprocess.run(
        [program], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    result = done.stdout.partition("OCI Conformance Result: ")[2]
    told = result + "\n".join(re.findall(r"level=WARN.*", done.stdout + done.stderr))
    assert result.startswith("Pass"), told
    counts = dict(re.findall(r"^ +(Skip|Pass|FAIL|Error)\.+: +(\d+)$", result, re.MULTILINE))
    assert int(counts["Pass"]) > 800
    assert (counts["FAIL"], counts["Error"], counts["Skip"]) == ("0", "0", "0"), told
