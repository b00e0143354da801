# SPDX-License-Identifier: Apache-2.0
"""A real registry with an image in it, a real cosign, keys, and the command."""

import io
import logging
import sys
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from verification_run import KeyFiles, Ran, Run

from cosign import PASSWORD, Cosign
from docker_registry import DockerRegistry
from tidegate.cli import main
from tidegate.oci.write import LayerBuilder, write_image
from tidegate.signing.keys import SigningKey
from tidegate.signing.scheme import Scheme


@pytest.fixture
def run(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs `tidegate …` in this process, with a home of its own."""
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Ran:
        capfdbinary.readouterr()
        # pytest's own stand-in for standard output has no descriptor behind it.
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8"))
        status = main([str(word) for word in words])
        sys.stdout.flush()
        captured = capfdbinary.readouterr()
        return Ran(status, captured.out.decode(), captured.err.decode())

    logger = logging.getLogger("tidegate")
    before = (logger.handlers[:], logger.propagate, logger.level)
    yield call
    logger.handlers[:], logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as started:
        yield started


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """An image in a layout folder; its digest is the test's own."""
    layer = LayerBuilder().file("etc/motd", str(tmp_path)).build()
    write_image(tmp_path / "image", "latest", [layer])
    return tmp_path / "image"


@pytest.fixture
def image(registry: DockerRegistry, layout: Path, request: pytest.FixtureRequest) -> str:
    """The same image in the registry, by its digest, in a repository of the test's own."""
    name = f"t{abs(hash(request.node.nodeid))}"
    digest = registry.push(layout, "latest", f"{name}:1")
    return f"{registry.host}/{name}@{digest}"


@pytest.fixture
def cosign(tmp_path: Path) -> Cosign:
    return Cosign.here(tmp_path)


@cache
def _key(scheme: Scheme, number: int) -> tuple[SigningKey, bytes]:
    """A key, and the same as cosign keeps it, whose password takes long to stretch."""
    key = SigningKey.generate(scheme)
    with TemporaryDirectory() as folder:
        key.save_for_cosign(Path(folder) / f"{number}.key", password=PASSWORD)
        return key, (Path(folder) / f"{number}.key").read_bytes()


@pytest.fixture
def make_keys(tmp_path: Path) -> Callable[..., KeyFiles]:
    """Gives a test's first, second, … key pair of a scheme: other tests have the same ones."""
    numbers = count()

    def make(scheme: Scheme = Scheme.ECDSA_P256) -> KeyFiles:
        number = next(numbers)
        folder = tmp_path / f"keys-{number}"
        folder.mkdir()
        key, for_cosign = _key(scheme, number)
        key.save(folder / "private.pem")
        (folder / "cosign.key").write_bytes(for_cosign)
        (folder / "cosign.key").chmod(0o600)
        (folder / "public.pem").write_bytes(key.verifying.to_pem())
        (folder / "password").write_bytes(PASSWORD)
        (folder / "password").chmod(0o600)
        return KeyFiles(key, folder / "private.pem", folder / "public.pem", folder / "cosign.key")

    return make
