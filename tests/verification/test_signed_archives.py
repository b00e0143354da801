# SPDX-License-Identifier: Apache-2.0
"""Images in an archive of a layout: signed and attested in the file, verified there, read by skopeo afterwards."""

import gzip
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from verification_run import KeyFiles, Run

from tidegate.oci.write import pack_oci_archive

MakeKeys = Callable[..., KeyFiles]


@pytest.fixture
def archive(layout: Path, tmp_path: Path) -> Path:
    path = pack_oci_archive(layout, tmp_path / "image.tar")
    path.chmod(0o640)
    return path


@pytest.mark.parametrize("stored", ["bundle", "tag"])
def test_signed_and_attested_in_the_file(
    stored: str, archive: Path, run: Run, make_keys: MakeKeys, tmp_path: Path
) -> None:
    ours, other = make_keys(), make_keys()
    target = f"oci-archive:{archive}"
    assert run("verify", target, "--key", ours.public).status == 1
    done = run("sign", target, "--key", ours.private, "--store", stored)
    assert done.status == 0, done.said
    (tmp_path / "p.json").write_text(json.dumps({"passed": True}))
    attest = ("attest", target, "--key", ours.private, "--store", stored, "--type", "https://acme.example/r/v1")
    assert run(*attest, "--predicate", "p.json").status == 0
    assert run("verify", target, "--key", ours.public).status == 0
    said = ("--type", "https://acme.example/r/v1", "--condition", "predicate.passed == true")
    assert run("verify", target, "--key", ours.public, *said).status == 0
    assert run("verify", target, "--key", other.public).status == 1
    assert archive.stat().st_mode & 0o777 == 0o640
    assert not list(tmp_path.glob(".tidegate-*")), "nothing is left beside it"
    if shutil.which("skopeo"):
        words = ["skopeo", "inspect", "--raw", f"{target}:latest"]
        seen = subprocess.run(words, capture_output=True, check=False)
        assert seen.returncode == 0, seen.stderr


def test_what_is_not_changed_is_told_and_stays(archive: Path, run: Run, make_keys: MakeKeys, tmp_path: Path) -> None:
    key = make_keys().private
    packed = tmp_path / "packed.tar"
    packed.write_bytes(gzip.compress(archive.read_bytes()))
    more = tmp_path / "more.tar"
    shutil.copy(archive, more)
    with tarfile.open(more, "a") as tar:
        info = tarfile.TarInfo("../escape")
        info.size = 1
        tar.addfile(info, BytesIO(b"x"))
    for path, why in ((packed, "is packed"), (more, "beside a layout"), (tmp_path / "absent.tar", "no such file")):
        before = path.read_bytes() if path.exists() else b""
        done = run("sign", f"oci-archive:{path}", "--key", key)
        assert done.status in {2, 3}
        assert why in done.said
        assert (path.read_bytes() if path.exists() else b"") == before
    assert not (tmp_path.parent / "escape").exists()
    broken = tmp_path / "broken.tar"
    broken.write_bytes(archive.read_bytes()[:700])
    assert run("sign", f"oci-archive:{broken}", "--key", key).status == 2
    assert not list(tmp_path.glob(".tidegate-*"))
