# SPDX-License-Identifier: Apache-2.0
"""What tidegate encrypts, skopeo, podman and buildah decrypt, and the other way round, for every kind of key."""

import json
import os
import shutil
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from encryption_keys import KeyPair, blob, document, layer_bytes

from tidegate.cli import main

pytestmark = pytest.mark.tools
Pairs = dict[str, KeyPair]
Tool = Callable[..., str]
KINDS = ("rsa:2048", "ec:P-256", "ec:P-384", "ec:P-521")


def tidegate(*words: object) -> None:
    assert main([str(word) for word in words]) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_skopeo_decrypts_ours(plain: Path, pairs: Pairs, skopeo: Tool, tmp_path: Path, kind: str) -> None:
    others = [word for other in KINDS if other != kind for word in ("-r", f"jwe:{pairs[other].public}")]
    tidegate("encrypt", f"oci:{plain}:1", f"oci:{tmp_path}/out:1", *others, "-r", f"jwe:{pairs[kind].public}")
    tidegate("encrypt", f"oci:{plain}:1", f"oci:{tmp_path}/alone:1", "-r", f"jwe:{pairs[kind].public}")
    for name in ("out", "alone"):
        skopeo(
            "copy", "--decryption-key", pairs[kind].private, f"oci:{tmp_path}/{name}:1", f"dir:{tmp_path}/{name}-back"
        )
        for layer, data in zip(document(plain, "1")["layers"], layer_bytes(plain, "1"), strict=True):
            assert (tmp_path / f"{name}-back" / layer["digest"].partition(":")[2]).read_bytes() == data


@pytest.mark.parametrize("kind", KINDS)
def test_skopeos_is_decrypted_here(plain: Path, pairs: Pairs, skopeo: Tool, tmp_path: Path, kind: str) -> None:
    other = pairs["ec:P-256" if kind != "ec:P-256" else "rsa:2048"]
    keys = ("--encryption-key", f"jwe:{other.public}", "--encryption-key", f"jwe:{pairs[kind].public}")
    skopeo("copy", *keys, f"oci:{plain}:1", f"oci:{tmp_path}/two:1")
    skopeo("copy", "--encryption-key", f"jwe:{pairs[kind].public}", f"oci:{plain}:1", f"oci:{tmp_path}/one:1")
    for name in ("two", "one"):
        tidegate("decrypt", f"oci:{tmp_path}/{name}:1", f"oci:{tmp_path}/{name}-back:1", "--key", pairs[kind].private)
        # The third layer was plain: skopeo packed it on the way, and told the digest it had before.
        assert layer_bytes(tmp_path / f"{name}-back", "1")[:2] == layer_bytes(plain, "1")[:2]
        tidegate("scan", f"oci:{tmp_path}/{name}-back:1", "--quiet", "--home", tmp_path / "home")


def test_what_skopeo_packed_anew_on_the_way_is_proved_by_its_tar_stream(
    plain: Path, pairs: Pairs, skopeo: Tool, tmp_path: Path
) -> None:
    pair = pairs["ec:P-256"]
    words = ("--dest-compress-format", "zstd", "--encryption-key", f"jwe:{pair.public}")
    skopeo("copy", *words, f"oci:{plain}:1", f"oci:{tmp_path}/packed:1")
    tidegate("decrypt", f"oci:{tmp_path}/packed:1", f"oci:{tmp_path}/back:1", "--key", pair.private)
    assert {it["mediaType"].rpartition("+")[2] for it in document(tmp_path / "back", "1")["layers"]} == {"zstd"}
    key = ("--decryption-key", pair.private)
    tidegate("scan", f"oci:{tmp_path}/packed:1", *key, "--quiet", "--home", tmp_path / "home")


def test_recipients_we_added_to_skopeos_image_decrypt_with_skopeo(
    plain: Path, pairs: Pairs, skopeo: Tool, tmp_path: Path
) -> None:
    first, second = pairs["rsa:2048"], pairs["ec:P-521"]
    skopeo("copy", "--encryption-key", f"jwe:{first.public}", f"oci:{plain}:1", f"oci:{tmp_path}/theirs:1")
    tidegate(
        "encrypt", f"oci:{tmp_path}/theirs:1", f"oci:{tmp_path}/more:1", "--key", first.private, "-r", second.public
    )
    for pair in (first, second):
        back = tmp_path / f"back-{pair.private.stem}"
        skopeo("copy", "--decryption-key", pair.private, f"oci:{tmp_path}/more:1", f"oci:{back}:1")
        assert layer_bytes(back, "1")[0] == layer_bytes(plain, "1")[0]


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[Tool]:
    """Runs podman or buildah with a storage and a configuration of its own."""
    for program in ("podman", "buildah"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing; apt-get install {program}")
    settings = tmp_path / "containers.conf"
    settings.write_text('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n')
    (tmp_path / "auth.json").write_text("{}")
    environment = {**os.environ, "CONTAINERS_CONF": str(settings), "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
    short = Path(tempfile.mkdtemp(prefix="tg-"))  # podman takes no long --runroot
    storage = ("--root", str(short / "root"), "--runroot", str(short / "run"), "--storage-driver", "vfs")

    def run(program: str, *arguments: object, fails: bool = False) -> str:
        command = [program, *storage, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
        if done.returncode and "newuidmap" in done.stderr:
            pytest.skip("podman needs root or subordinate ids here: see subuid(5)")
        assert (done.returncode != 0) is fails, done.stderr
        return done.stdout

    yield run
    run("podman", "rmi", "--all", "--force")
    shutil.rmtree(short, ignore_errors=True)


@pytest.mark.parametrize("program", ["podman", "buildah"])
def test_podman_and_buildah_pull_ours_and_push_theirs(
    plain: Path, pairs: Pairs, containers: Tool, registry_host: str, tmp_path: Path, program: str
) -> None:
    rsa, ec = pairs["rsa:2048"], pairs["ec:P-384"]
    ours, theirs = f"{registry_host}/ours/{program}:1", f"{registry_host}/theirs/{program}:1"
    tidegate("encrypt", f"oci:{plain}:1", f"registry:{ours}", "-r", rsa.public, "-r", ec.public)
    containers(program, "pull", "--tls-verify=false", ours, fails=True)
    # podman takes the option from 4.6 on; an older one shares what buildah pulled.
    puller = program if "--decryption-key" in containers(program, "pull", "--help") else "buildah"
    containers(puller, "pull", "--tls-verify=false", "--decryption-key", ec.private, ours)
    containers(program, "inspect", *(["--type", "image"] if program == "buildah" else []), ours)
    containers(
        "buildah", "push", "--tls-verify=false", "--encryption-key", f"jwe:{rsa.public}", ours, f"docker://{theirs}"
    )
    back = tmp_path / "back"
    tidegate("decrypt", f"registry:{theirs}", f"oci:{back}:1", "--key", rsa.private)
    assert len(layer_bytes(back, "1")) == 3


def test_what_containerd_calls_decrypts_ours(plain: Path, pairs: Pairs, tmp_path: Path) -> None:
    program = shutil.which("ctd-decoder")
    if program is None:
        pytest.skip("ctd-decoder is missing; go build it in cmd/ of github.com/containerd/imgcrypt")
    recipients = [word for pair in pairs.values() for word in ("-r", pair.public)]
    tidegate("encrypt", f"oci:{plain}:1", f"oci:{tmp_path}/out:1", *recipients)
    out = tmp_path / "out"
    for pair in pairs.values():
        key = {"privkeys": [b64encode(pair.private.read_bytes()).decode()], "privkeys-passwords": [""]}
        for layer, data in zip(document(out, "1")["layers"], layer_bytes(plain, "1"), strict=True):
            payload = {"DecryptConfig": {"Parameters": key}, "Descriptor": layer}
            assert _decoded(program, payload, blob(out, layer["digest"]), tmp_path) == data


def _decoded(program: str, payload: dict[str, Any], ciphertext: bytes, folder: Path) -> bytes:
    """What the decoder makes of a layer: it reads a protobuf Any of JSON from descriptor 3 (imgcrypt's payload.go)."""
    fields = ((b"\x0a", b"io.containerd.ocicrypt.v1.Payload"), (b"\x12", json.dumps(payload).encode()))
    message = b"".join(tag + _varint(len(value)) + value for tag, value in fields)
    (folder / "payload").write_bytes(message)
    # The shell opens the file under the number the decoder expects.
    command = ["sh", "-c", 'exec "$0" 3<"$1"', program, str(folder / "payload")]
    done = subprocess.run(command, input=ciphertext, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _varint(number: int) -> bytes:
    more, last = number >> 7, number & 0x7F
    return bytes([last | 0x80]) + _varint(more) if more else bytes([last])
