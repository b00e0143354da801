# SPDX-License-Identifier: Apache-2.0
"""Mount tables of the kernel, and what is no such table."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import InvalidInputError
from tidegate.sensor.mounts import mounts_of, parse_mounts
from tidegate.sensor.overlay import overlay_of

LOWER = rb"lowerdir=/l/a\134:b:/l/b\040c,upperdir=/u/with\054comma,workdir=/w,uuid=on"
OVERLAY = b"73 48 0:40 / / rw,relatime - overlay overlay rw," + LOWER + b"\n"


def test_an_overlay_with_every_kind_of_escape() -> None:
    (mount,) = parse_mounts(OVERLAY)
    assert (mount.number, mount.device, mount.point, mount.kind) == (73, os.makedev(0, 40), "/", "overlay")
    overlay = overlay_of(mount, seen_from="/proc/1/root")
    assert overlay is not None
    assert overlay.lower == ("/proc/1/root/l/a:b", "/proc/1/root/l/b c")
    assert overlay.upper == "/proc/1/root/u/with,comma"


@pytest.mark.parametrize("options", ["lowerdir=l/A:l/B,upperdir=/u", "upperdir=/u", "lowerdir=/a,upperdir=u", ""])
def test_an_overlay_that_tells_nothing_of_its_folders_is_none(options: str) -> None:
    (mount,) = parse_mounts(f"1 0 0:40 / / rw - overlay overlay rw,{options}".encode())
    assert overlay_of(mount) is None


def test_the_table_of_this_process() -> None:
    table = Path("/proc/self/mountinfo")
    for _ in range(100):  # others may mount something between two looks
        before, mounts, after = table.read_bytes(), mounts_of(table), table.read_bytes()
        if before == after:
            break
    assert len(mounts) == len(before.splitlines())
    root = next(mount for mount in mounts if mount.point == "/")
    assert root.device == Path("/").stat().st_dev
    assert any(mount.kind == "proc" and mount.point == "/proc" for mount in mounts)


@given(st.binary(max_size=300))
def test_what_is_no_table_is_refused(data: bytes) -> None:
    with suppress(InvalidInputError):
        assert len(list(parse_mounts(data))) == len(data.splitlines())
