# SPDX-License-Identifier: Apache-2.0
"""Causes of files that come out otherwise: each by what real tools write, and none where nothing fits."""

import gzip
import io
import py_compile
import zipfile
from pathlib import Path

import pytest

from tidegate.development.build.causes import Cause, cause_of


def _zip(hour: int) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as file:
        file.writestr(zipfile.ZipInfo("a", (2024, 1, 1, hour, 0, 0)), b"x")
    return sink.getvalue()


_ELF = b"\x7fELF" + bytes(60) + b"GNU\0"


@pytest.mark.parametrize(
    ("path", "first", "second", "cause"),
    [
        ("usr/share/a.gz", gzip.compress(b"x", mtime=1), gzip.compress(b"x", mtime=2), Cause.GZIP),
        ("app.jar", _zip(1), _zip(2), Cause.ZIP),
        ("lib.a", b"!<arch>\na 1700000000", b"!<arch>\na 1700000009", Cause.ARCHIVE),
        ("bin/app", _ELF + b"\1" * 20 + bytes(900), _ELF + b"\2" * 20 + bytes(900), Cause.BUILD_ID),
        ("version", b"built 2024-01-01T10:00:00Z ok", b"built 2024-01-01T10:00:07Z ok", Cause.MOMENT),
        ("stamp", b"1700000000\n", b"1700000077\n", Cause.MOMENT),
        ("list", b"b\na\nc\n", b"c\na\nb\n", Cause.ORDER),
        ("etc/key", b"0123abcd", b"9876ffff", Cause.RANDOM),
        ("var/log/dpkg.log", b"x", b"yy", Cause.LOG),
        ("var/cache/ldconfig/aux-cache", b"x", b"yy", Cause.CACHE),
        ("lib/apk/db/installed", b"x", b"yy", Cause.PACKAGE_LISTS),
        ("etc/machine-id", b"a" * 33, b"b" * 33, Cause.MACHINE_ID),
        ("tmp/pip-abc/x", b"", b"", Cause.TEMPORARY),
        ("data", b"one", b"three", None),
    ],
)
def test_a_cause_is_told(path: str, first: bytes, second: bytes, cause: Cause | None) -> None:
    assert cause_of(path, first, second) is cause
    assert cause is None or cause.remedy


def test_bytecode_is_told(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    made = []
    for text in ("a = 1\n", "a = 1 \n"):
        source.write_text(text)
        made.append(Path(str(py_compile.compile(str(source), cfile=str(tmp_path / "a.pyc")))).read_bytes())
    assert made[0] != made[1]
    assert cause_of("usr/lib/python3/a.pyc", *made) is Cause.BYTECODE
