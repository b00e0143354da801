# SPDX-License-Identifier: Apache-2.0
"""os-release(5), its quoting, and the older files that name an operating system."""

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts, OsRelease
from tidegate.scan.cataloger import ImageFile
from tidegate.scan.os_release import PRECEDENCE, OsReleaseCataloger, chosen_os_release, parse_os_release

CATALOGER = OsReleaseCataloger()


def named(path: str, text: str) -> OsRelease | None:
    return CATALOGER.catalog(ImageFile(path=path, content=text.encode())).os_release


def test_every_field_is_read() -> None:
    text = (
        '# a comment\n\nID="Rocky"\nVERSION_ID=9.4\nID_LIKE="rhel centos fedora"\nNAME=\'Rocky Linux\'\n'
        'PRETTY_NAME="Rocky \\"Linux\\" 9"\nVERSION_CODENAME=blue\nnot an assignment\n'
    )
    assert parse_os_release(text) == OsRelease(
        id="rocky",
        version_id="9.4",
        version_codename="blue",
        name="Rocky Linux",
        pretty_name='Rocky "Linux" 9',
        id_like=("rhel", "centos", "fedora"),
    )


def test_this_machine_is_read_as_its_shell_reads_it() -> None:
    path = next((path for path in ("/etc/os-release", "/usr/lib/os-release") if Path(path).is_file()), None)
    if path is None:
        pytest.skip("this machine has no os-release")
    script = f'. {path}; printf "%s|%s|%s|%s" "$ID" "$VERSION_ID" "$VERSION_CODENAME" "$PRETTY_NAME"'
    said = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True).stdout
    read = named("etc/os-release", Path(path).read_text())
    assert read is not None
    assert [read.id, read.version_id, read.version_codename, read.pretty_name] == said.split("|")


@pytest.mark.property
@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=60))
def test_any_quoted_value_comes_back(value: str) -> None:
    read = parse_os_release(f"ID=x\nNAME={shlex.quote(value)}\n")
    assert read is not None
    assert read.name == value


@pytest.mark.parametrize(
    ("path", "text", "identity", "version", "codename"),
    [
        ("etc/alpine-release", "3.18.9\n", "alpine", "3.18.9", ""),
        ("etc/debian_version", "12.8\n", "debian", "12", ""),
        ("etc/debian_version", "trixie/sid\n", "debian", "", "trixie"),
        ("etc/redhat-release", "CentOS release 6.10 (Final)\n", "centos", "6.10", ""),
        ("etc/redhat-release", "AlmaLinux release 8.9 (Midnight Oncilla)\n", "almalinux", "8.9", ""),
        ("etc/redhat-release", "Red Hat Enterprise Linux Server release 7.9 (Maipo)\n", "rhel", "7.9", ""),
    ],
)
def test_older_files_name_it_too(path: str, text: str, identity: str, version: str, codename: str) -> None:
    read = named(path, text)
    assert read is not None
    assert (read.id, read.version_id, read.version_codename) == (identity, version, codename)


@pytest.mark.parametrize("path", PRECEDENCE)
@pytest.mark.parametrize("text", ["", "\0\0", "ID=../../x\n", "ID=\x1b[2J\n", "Something else\n"])
def test_what_names_none_is_refused(path: str, text: str) -> None:
    with pytest.raises(InvalidInputError, match="names no operating system"):
        named(path, text)


def test_the_more_telling_file_wins() -> None:
    files = [
        FileFacts(path=path, cataloger="os-release", os_release=OsRelease(id=f"n{place}"))
        for place, path in enumerate(PRECEDENCE)
    ]
    for place in range(len(files)):
        chosen = chosen_os_release(reversed(files[place:]))
        assert chosen is not None
        assert chosen.id == f"n{place}"
    assert chosen_os_release([FileFacts(path="etc/os-release", cataloger="os-release")]) is None
