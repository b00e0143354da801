# SPDX-License-Identifier: Apache-2.0
"""Keys of every kind, made by openssl, and an image to encrypt."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from encryption_keys import KeyPair, openssl

from tidegate.oci.write import Compression, LayerBuilder, write_image

Tool = Callable[..., str]
KINDS = ("rsa:2048", "ec:P-256", "ec:P-384", "ec:P-521")


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, KeyPair]:
    """One key pair of each kind."""
    folder = tmp_path_factory.mktemp("keys")
    return {kind: KeyPair.make(folder, kind) for kind in KINDS}


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    """A pair nothing is encrypted for."""
    return KeyPair.make(tmp_path_factory.mktemp("stranger"), "ec:P-256")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A layout with one image named `1`, of three layers, one of each compression."""
    folder = tmp_path / "plain"
    layers = [
        LayerBuilder().file("etc/os-release", "ID=one\n").file("bin/tool", b"\x7fELF", mode=0o755).build(),
        LayerBuilder(compression=Compression.ZSTD).file("opt/a", b"a" * 70_000).build(),
        LayerBuilder(compression=Compression.PLAIN).file("opt/b", "plain").build(),
    ]
    write_image(folder, "1", layers, {"User": "1000"}, annotations={"team": "harbour"})
    return folder


@pytest.fixture
def skopeo(tmp_path: Path) -> Tool:
    """Runs skopeo with a policy of its own."""
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is missing; apt-get install skopeo")
    policy = tmp_path / "policy.json"
    policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')

    def run(*arguments: object) -> str:
        command = ["skopeo", "--policy", str(policy), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(autouse=True, scope="session")
def _needs_openssl() -> None:
    openssl("version")
