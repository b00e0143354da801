# SPDX-License-Identifier: Apache-2.0
"""`tidegate build` with real builders: what comes out, what it says of itself, and what happens when it does not."""

import hashlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from built import BASE, Bench, marked_processes, texts

from docker_registry import DockerRegistry

pytestmark = pytest.mark.tools

TWO_STAGES = """ARG WHERE=registry.invalid/base
FROM $WHERE:1 AS tools
ARG WHO=you
RUN echo "hello $WHO" > /hello && mkdir /made

FROM $WHERE:1
COPY --from=tools /hello /hello
COPY requirements.txt /app/
RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length
ENTRYPOINT ["cat", "/hello"]
"""
SECRET = "s3cr3t-of-the-build"
KEY = ("--key", "release.key:pass.txt")


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An HTTP server on this machine with one file."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "data.txt").write_text("fetched\n")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/data.txt"
        server.shutdown()
        thread.join()


def test_a_build_is_signed_with_its_provenance_and_verified(bench: Bench) -> None:
    bench.write(TWO_STAGES, requirements__txt="flask==1.0\n")
    (bench.folder / "token").write_text(SECRET)
    asked = ("--hermetic", "--twice", "--secret", "id=token,src=token", "--evidence", "kept", "--build-arg", "WHO=me")
    result = bench.result("--with", "buildah", *asked, *KEY)
    assert result["comparison"]["first"] == result["comparison"]["second"] == result["image"]
    assert [one["maker"]["line"] for one in result["layers"]] == [0, 7, 8, 9]
    assert (result["slsa_build_level"], result["signed"], result["stages"]) == ("L1", True, ["tools"])

    assert bench.run("verify", "oci:out", "--key", "release.pub").returncode == 0
    for kind in ("slsaprovenance1", "cyclonedx"):
        assert bench.run("verify", "oci:out", "--key", "release.pub", "--type", kind).returncode == 0
    proved = bench.run("verify", "--source", "app", "oci:out", "--key", "release.pub")
    assert proved.returncode == 0, proved.stdout + proved.stderr

    provenance = bench.document("kept/provenance.json")
    asked_of_it = provenance["buildDefinition"]["externalParameters"]
    assert (asked_of_it["hermetic"], asked_of_it["buildArgs"], asked_of_it["secrets"]) == (
        True,
        {"WHO": "me"},
        ["token"],
    )
    assert provenance["buildDefinition"]["internalParameters"]["network"] == "none"
    materials = provenance["buildDefinition"]["resolvedDependencies"]
    by_name = {one.get("name", "source"): one for one in materials}
    base = bench.document("base/index.json")["manifests"][0]["digest"]
    assert f"sha256:{by_name[BASE]['digest']['sha256']}" == base
    assert by_name["requirements.txt"]["annotations"]["kind"] == "lock file"
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=bench.app, capture_output=True, text=True, check=True)
    assert by_name["source"]["digest"] == {"gitCommit": head.stdout.strip()}
    assert by_name["source"]["annotations"]["dirty"] is False

    sbom = bench.document("kept/sbom.cdx.json")
    (formula,) = sbom["formulation"]
    assert formula["bom-ref"] == "stage:tools"
    assert any(one["name"] == "busybox-static" for one in formula["components"])
    for path in [*(bench.folder / "out").rglob("*"), *(bench.folder / "kept").iterdir()]:
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    assert not list((bench.home / "build").iterdir())


def test_both_builders_make_the_same_image(bench: Bench) -> None:
    if shutil.which("podman") is None:
        pytest.skip("needs podman: apt-get install podman")
    bench.write(TWO_STAGES, requirements__txt="flask==1.0\n")
    (bench.folder / "token").write_text(SECRET)
    images = {
        bench.result("--with", name, "--hermetic", "--secret", "id=token,src=token", to=f"oci-archive:{name}.tar")[
            "image"
        ]
        for name in ("buildah", "podman")
    }
    assert len(images) == 1
    ran = subprocess.run(
        ["skopeo", "inspect", "oci-archive:podman.tar"], cwd=bench.folder, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_what_differs_the_second_time_is_explained(bench: Bench) -> None:
    bench.write(
        f"FROM {BASE}\n"
        "RUN echo same > /same\n"
        "# the clock, by its nanoseconds, and what nobody foresees\n"
        "RUN cat /proc/sys/kernel/random/uuid > /id \\\n"
        ' && echo "built at $(cat /proc/uptime)" > /var/when\n'
    )
    done = bench.build("--twice", "--hermetic", "--format", "json")
    assert done.returncode == 1, done.stderr
    from tidegate.wire import from_json

    (layer,) = from_json(done.stdout.encode(), dict[str, Any], what="result", max_bytes=1 << 24)["comparison"]["layers"]
    assert layer["maker"]["line"] == 4
    assert {one["path"]: one["aspects"] for one in layer["files"]} == {"id": ["content"], "var/when": ["content"]}
    assert next(one["cause"] for one in layer["files"] if one["path"] == "id") == "random"
    shown = bench.build("--twice", "--hermetic", to="oci:again")
    assert not texts(shown, ["not the same when built again", "line 4: RUN cat", "id: content (random)"])


def test_a_hermetic_run_has_no_network(bench: Bench, served: str) -> None:
    bench.write(f"FROM {BASE}\nRUN wget -q -O /data {served}\n")
    assert bench.build("--network", "host").returncode == 0, "with the network it works"
    done = bench.build("--hermetic", to="oci:hermetic")
    assert done.returncode == 3
    assert not texts(done, ["app/Dockerfile:2: RUN wget"]), done.stderr
    assert not (bench.folder / "hermetic").exists()


def test_what_add_fetches_is_refused_or_told_by_its_digest(bench: Bench, served: str) -> None:
    bench.write(f"FROM {BASE}\nADD {served} /data\n")
    refused = bench.build("--hermetic")
    assert (refused.returncode, texts(refused, ["app/Dockerfile:2", "ADD fetches"])) == (1, [])
    bench.result("--evidence", "kept")
    materials = bench.document("kept/provenance.json")["buildDefinition"]["resolvedDependencies"]
    (fetched,) = [one for one in materials if one.get("uri") == served]
    assert fetched["digest"] == {"sha256": hashlib.sha256(b"fetched\n").hexdigest()}


def test_from_a_registry_by_digest_and_into_it_with_all_that_hangs_on_it(bench: Bench) -> None:
    with DockerRegistry(bench.folder / "registry") as registry:
        base = registry.push(bench.folder / "base", "1", "team/base:1")
        bench.write(
            f"FROM {registry.host}/team/base@{base} AS first\nRUN echo a > /a\n"
            f"FROM {registry.host}/team/base:1\nCOPY --from=first /a /a\n"
            f"COPY --from={registry.host}/team/base:1 /etc/passwd /b\n"
        )
        image = f"{registry.host}/team/app:2"
        done = bench.run("build", "app", "--push", image, "--hermetic", "--evidence", "kept", *KEY)
        assert done.returncode == 0, done.stderr
        verified = bench.run("verify", f"registry:{image}", "--key", "release.pub", "--type", "slsaprovenance1")
        assert verified.returncode == 0, verified.stdout + verified.stderr
    materials = bench.document("kept/provenance.json")["buildDefinition"]["resolvedDependencies"]
    bases = {one["uri"]: one["digest"]["sha256"] for one in materials if one["annotations"].get("kind") == "base image"}
    assert bases == {
        f"oci://{registry.host}/team/base@{base}": base.removeprefix("sha256:"),
        f"oci://{registry.host}/team/base:1": base.removeprefix("sha256:"),
    }


def test_a_secret_that_comes_out_is_no_image(bench: Bench) -> None:
    bench.write(f"FROM {BASE}\nRUN --mount=type=secret,id=token cat /run/secrets/token > /kept\n")
    (bench.folder / "token").write_text(SECRET)
    done = bench.build("--hermetic", "--secret", "id=token,src=token")
    assert (done.returncode, texts(done, ["secret token came out with the image"])) == (1, [])
    assert not (bench.folder / "out").exists()


def test_a_secret_argument_is_told_nowhere(bench: Bench) -> None:
    bench.write(f'FROM {BASE}\nARG API_TOKEN\nRUN test -n "$API_TOKEN" && echo $API_TOKEN && echo done > /done\n')
    bench.result("--hermetic", "--evidence", "kept", "--build-arg", f"API_TOKEN={SECRET}")
    for path in [*(bench.folder / "out").rglob("*"), *(bench.folder / "kept").iterdir()]:
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    told = bench.document("kept/provenance.json")["buildDefinition"]["externalParameters"]
    assert (told["buildArgs"], told["withheldBuildArgs"]) == ({}, ["API_TOKEN"])


def test_what_fails_is_told_by_its_line(bench: Bench) -> None:
    bench.write(f"FROM {BASE}\n\nRUN echo one \\\n && echo two\nRUN echo before; cat /nowhere\n")
    done = bench.build("--hermetic")
    assert (done.returncode, texts(done, ["app/Dockerfile:5: RUN echo before", "/nowhere"])) == (3, [])
    assert not (bench.folder / "out").exists()
    assert not list((bench.home / "build").iterdir())
    bench.write("FROM a\nRUNN x\n")
    assert not texts(bench.build(), ["app/Dockerfile:2: unknown instruction 'RUNN'"])


def test_a_builder_that_is_missing_is_named(bench: Bench) -> None:
    bench.write(f"FROM {BASE}\n")
    done = bench.run("build", "app", "-o", "oci:out", environment={**bench.environment, "PATH": str(bench.folder)})
    assert (done.returncode, texts(done, ["no builder is on this machine", "install buildah"])) == (3, [])


def test_a_build_that_takes_too_long_ends(bench: Bench) -> None:
    bench.write(f"FROM {BASE}\nRUN sleep 1000\n")
    done = bench.build("--hermetic", "--timeout", "5")
    assert (done.returncode, texts(done, ["was not done in time", "--timeout"])) == (3, [])
    assert not marked_processes(bench.home)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_build_that_was_broken_off(bench: Bench, number: signal.Signals) -> None:
    bench.write(f"FROM {BASE}\nRUN sleep 1000\n")
    words = ("build", "app", "-o", "oci:out", "--base", f"{BASE}=oci:base", "--hermetic")
    with subprocess.Popen(
        bench.command(*words), cwd=bench.folder, env=bench.environment, stderr=subprocess.DEVNULL
    ) as process:
        _wait(lambda: _sleeps(bench.home), "the build runs")
        os.kill(process.pid, number)
        status = process.wait(120)
    if number is signal.SIGKILL:
        assert marked_processes(bench.home), "the builder goes on when nobody is left to end it"
        bench.write(f"FROM {BASE}\nRUN echo done > /done\n")
        assert bench.build("--hermetic").returncode == 0
    else:
        assert status == 130
        assert not (bench.folder / "out").exists()
    _wait(lambda: not marked_processes(bench.home), "nothing runs, nothing is mounted")
    assert not list((bench.home / "build").iterdir())


def _sleeps(home: Path) -> bool:
    for pid in marked_processes(home):
        try:
            if b"sleep\x001000" in Path("/proc", pid, "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


def _wait(holds: Any, what: str) -> None:
    until = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.05)
