# SPDX-License-Identifier: Apache-2.0
"""Key pairs in files, and what is asked of layouts."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from tidegate.oci.encryption.keys import DecryptionKey, RecipientKey


def openssl(*arguments: object, given: bytes = b"") -> bytes:
    """Runs openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing; apt-get install openssl")
    done = subprocess.run(["openssl", *map(str, arguments)], input=given, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A private key in PKCS#8 and its public one, in files of openssl."""

    private: Path
    public: Path

    @classmethod
    def make(cls, folder: Path, kind: str) -> Self:
        """Makes one of a kind like `rsa:2048` or `ec:P-256`."""
        name = kind.replace(":", "-")
        private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
        algorithm, _, size = kind.partition(":")
        option = f"rsa_keygen_bits:{size}" if algorithm == "rsa" else f"ec_paramgen_curve:{size}"
        openssl("genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out", private)
        private.chmod(0o600)
        openssl("pkey", "-in", private, "-pubout", "-out", public)
        return cls(private=private, public=public)

    @property
    def key(self) -> DecryptionKey:
        return DecryptionKey.parse(self.private.read_bytes())

    @property
    def recipient(self) -> RecipientKey:
        return RecipientKey.parse(self.public.read_bytes())


def blob(layout: Path, digest: str) -> bytes:
    """The bytes of a blob of a layout."""
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def root_of(layout: Path, tag: str) -> dict[str, Any]:
    """The entry of a name in a layout's index."""
    entries = json.loads((layout / "index.json").read_bytes())["manifests"]
    (found,) = (it for it in entries if it["annotations"]["org.opencontainers.image.ref.name"] == tag)
    assert isinstance(found, dict)
    return found


def document(layout: Path, tag: str) -> dict[str, Any]:
    """The manifest or index that a name means."""
    found = json.loads(blob(layout, root_of(layout, tag)["digest"]))
    assert isinstance(found, dict)
    return found


def layer_bytes(layout: Path, tag: str) -> list[bytes]:
    """The layers of an image, as they lie there."""
    return [blob(layout, layer["digest"]) for layer in document(layout, tag)["layers"]]
