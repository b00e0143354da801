# SPDX-License-Identifier: Apache-2.0
"""Every file's nature and digests are told, whatever its size, wherever its bytes lie in the stream."""

import hashlib
import io
import tarfile

import pytest
from engine_parts import LineCataloger, WordScanner
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.artifact import Descriptor, Digest
from tidegate.inventory import LayerFacts
from tidegate.inventory.custody import FileNature
from tidegate.scan.analyser import Analyser
from tidegate.scan.analysis import analyse_layer
from tidegate.scan.digests import may_be_owned
from tidegate.scan.limits import ScanLimits
from tidegate.scan.parts import ALL_PARTS, ScanParts
from tidegate.scan.tree import TreeEntry, entries_of


def tar_of(members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o4755
            tar.addfile(info, io.BytesIO(content))
    return sink.getvalue()


def facts_of(members: dict[str, bytes], limits: ScanLimits | None = None, parts: ScanParts = ALL_PARTS) -> LayerFacts:
    blob = tar_of(members)
    analyser = Analyser(roster=(LineCataloger(),), secrets=WordScanner(), limits=limits or ScanLimits(), parts=parts)
    descriptor = Descriptor(media_type="application/vnd.oci.image.layer.v1.tar", digest=Digest.of(blob), size=len(blob))
    return analyse_layer(io.BytesIO(blob), descriptor, None, analyser)


def entries_by_path(facts: LayerFacts) -> dict[str, TreeEntry]:
    return {entry.path: entry for entry in entries_of(facts.tree)}


@pytest.mark.property
@given(
    sizes=st.lists(st.one_of(st.integers(0, 2000), st.integers(0, 3_000_000)), max_size=6),
    whole=st.sampled_from((1000, 1 << 20, 8 << 20)),
)
@settings(deadline=None, max_examples=40)
def test_digests_are_those_of_the_content(sizes: list[int], whole: int) -> None:
    members = {f"{'usr/bin' if at % 2 else 'srv'}/{at}": (b"%d" % at * size)[:size] for at, size in enumerate(sizes)}
    found = entries_by_path(facts_of(members, ScanLimits(max_secret_file_bytes=whole)))
    assert list(found) == list(members)
    for name, content in members.items():
        entry = found[name]
        assert (entry.size, entry.mode) == (len(content), 0o4755)
        assert entry.sha256 == hashlib.sha256(content).digest()
        owned = name.startswith("usr")
        assert entry.sha1 == (hashlib.sha1(content).digest() if owned else b"")  # noqa: S324 - as apk states it
        assert entry.md5 == (hashlib.md5(content).digest() if owned else b"")  # noqa: S324 - as dpkg states it


@pytest.mark.parametrize(
    ("content", "nature"),
    [
        (b"\x7fELF\2\1\1", FileNature.PROGRAM),
        (b"MZ\x90\0" + bytes(200), FileNature.PROGRAM),
        (b"MZ is a text", FileNature.DATA),
        (b"MZ is a text that goes on and on, over more than the sixty-four bytes of a header", FileNature.DATA),
        (b"\xcf\xfa\xed\xfe\7\0\0\1", FileNature.PROGRAM),
        (b"\xfe\xed\xfa\xce", FileNature.PROGRAM),
        (b"\xca\xfe\xba\xbe\0\0\0\2", FileNature.PROGRAM),
        (b"\xca\xfe\xba\xbe\0\0\0\x34 a Java class", FileNature.DATA),
        (b"#!/bin/sh\n", FileNature.SCRIPT),
        (b"# no script", FileNature.DATA),
        (b"", FileNature.DATA),
    ],
)
@pytest.mark.parametrize("whole", [4, 1 << 20])
def test_the_first_bytes_tell_a_files_nature(content: bytes, nature: FileNature, whole: int) -> None:
    found = entries_by_path(facts_of({"x": content}, ScanLimits(max_secret_file_bytes=whole)))
    assert found["x"].nature is nature


@pytest.mark.parametrize(
    ("name", "is_owned"),
    [
        (b"usr/bin/ls", True),
        (b"bin/busybox", True),
        (b"usr/local/bin/python", False),
        (b"opt/google/chrome/chrome", True),
        (b"opt/venv/bin/python", False),
        (b"root/.bashrc", True),
        (b"root/.cache/pip/x", False),
        (b"usr/lib/python3/dist-packages/six.py", True),
        (b"usr/lib/python3.11/site-packages/six.py", True),
        (b"opt/tool/lib/python3.11/site-packages/six.py", False),
        (b"usr/lib/node_modules/npm/index.js", True),
        (b"opt/app2/node_modules/x/index.js", False),
        (b"app/server", False),
        (b"apparmor", True),
        (b"var/lib/dpkg/status", False),
        (b"etc/passwd", True),
    ],
)
def test_where_distributions_own_files(name: bytes, *, is_owned: bool) -> None:
    assert may_be_owned(name) is is_owned


def test_without_custody_nothing_is_hashed_and_without_secrets_nothing_is_searched() -> None:
    members = {"usr/bin/x": b"\x7fELF HUSH", "var/db/packages": b"one 1\n"}
    bare = facts_of(members, parts=ScanParts(secrets=False, custody=False))
    assert [package.name for file in bare.files for package in file.packages] == ["one"]
    assert {entry.sha256 for entry in entries_of(bare.tree)} == {b""}
    assert not bare.secrets
    secrets = facts_of(members, parts=ScanParts(packages=False, custody=False))
    assert [secret.path for secret in secrets.secrets] == ["usr/bin/x"]
    assert not secrets.files
    assert len({facts_of({}, parts=parts).analyser for parts in (ALL_PARTS, ScanParts(secrets=False))}) == 2
