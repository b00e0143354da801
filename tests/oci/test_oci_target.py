# SPDX-License-Identifier: Apache-2.0
"""What a word on the command line is taken for, and what is said when it is nothing."""

import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.artifact import Digest, Reference
from tidegate.errors import UsageError
from tidegate.oci.target import Scheme, Target, parse_target
from tidegate.oci.write import BuiltLayer, Compression, pack_docker_archive, pack_oci_archive

DIGEST = Digest.of(b"")


def test_a_stated_scheme_is_not_guessed(layout: Path) -> None:
    text = f"oci:{layout}"
    assert parse_target(text) == Target(text=text, scheme=Scheme.OCI, path=layout)
    assert parse_target(f"{text}:1").tag == "1"
    assert parse_target(f"{text}@{DIGEST}").digest == DIGEST
    assert parse_target(f"rootfs:{layout}").scheme is Scheme.ROOTFS
    assert parse_target(f"dir:{layout}").scheme is Scheme.DIR
    reference = Reference.parse("example.org/a:1")
    assert parse_target("registry:example.org/a:1").reference == reference
    assert parse_target("registry://example.org/a:1").reference == reference


def test_paths_may_hold_colons(layout: Path, tmp_path: Path) -> None:
    odd = layout.rename(tmp_path / "a:b@c")
    assert parse_target(f"oci:{odd}").path == odd
    target = parse_target(f"oci:{odd}:host:5000/team/app:1")
    assert (target.path, target.tag) == (odd, "host:5000/team/app:1")
    assert parse_target(f"{odd}@{DIGEST}").digest == DIGEST


@pytest.mark.parametrize("compression", list(Compression))
def test_archives_are_recognised(
    tmp_path: Path, layout: Path, layers: list[BuiltLayer], compression: Compression
) -> None:
    oci = pack_oci_archive(layout, tmp_path / "x", compression=compression)
    docker = pack_docker_archive(tmp_path / "y", layers, compression=compression)
    assert parse_target(str(oci)).scheme is Scheme.OCI_ARCHIVE
    assert parse_target(str(docker)).scheme is Scheme.DOCKER_ARCHIVE
    named = parse_target(f"{docker}:app:1")
    assert (named.scheme, named.path, named.tag) == (Scheme.DOCKER_ARCHIVE, docker, "app:1")
    assert named.guess == f"taken as docker-archive:{docker}:app:1"


def test_folders_are_recognised(tmp_path: Path, layout: Path) -> None:
    assert parse_target(str(layout)).guess == f"taken as oci:{layout}"
    assert parse_target(f"{layout}:1").tag == "1"
    assert parse_target(str(tmp_path)).guess == f"taken as dir:{tmp_path}"
    (tmp_path / "root" / "etc").mkdir(parents=True)
    (tmp_path / "root" / "etc" / "os-release").touch()
    assert parse_target(str(tmp_path / "root")).scheme is Scheme.ROOTFS


def test_a_word_that_is_no_file_is_a_reference() -> None:
    target = parse_target("alpine:3.18")
    assert target.scheme is Scheme.REGISTRY
    assert target.guess == "taken as registry:docker.io/library/alpine:3.18"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "not a target"),
        ("a\0b", "not a target"),
        ("oci:", "names nothing after the colon"),
        ("oci:/no/such/layout", "no such file or folder; check the path"),
        ("docker-archive:/no/such.tar", "no such file or folder"),
        ("rootfs:/no/such", "no such folder"),
        ("./image", "no such file or folder"),
        ("image.tar.gz", "no such file or folder"),
        ("docker://alpine", "unknown scheme 'docker'; write registry:REFERENCE"),
        ("podman:alpine", "unknown scheme 'podman'; write oci-archive:FILE"),
        ("scheme:what/ever", "unknown scheme 'scheme', and no image reference .* begin it with one of oci:"),
        ("UPPER CASE", "is no file, and no image reference"),
        ("registry:UPPER", "no image reference"),
    ],
)
def test_what_is_nothing_is_told_with_a_way_out(text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        parse_target(text)


def test_files_and_folders_of_the_wrong_kind_are_told(tmp_path: Path, layout: Path, layers: list[BuiltLayer]) -> None:
    (tmp_path / "text").write_text("hello")
    with tarfile.open(tmp_path / "rootfs.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "text", "etc/config.json")
    for name in ("text", "rootfs.tar.gz"):
        with pytest.raises(UsageError, match=r"holds no image: .*rootfs:DIR"):
            parse_target(str(tmp_path / name))
    with pytest.raises(UsageError, match="is no OCI layout"):
        parse_target(f"oci:{tmp_path}")
    with pytest.raises(UsageError, match="no such file"):
        parse_target(f"oci-archive:{layout}")
    archive = pack_docker_archive(tmp_path / "d.tar", layers)
    with pytest.raises(UsageError, match="cannot be chosen by digest"):
        parse_target(f"docker-archive:{archive}@{DIGEST}")
    with pytest.raises(UsageError, match="not a digest"):
        parse_target(f"oci:{layout}@sha256:../../x")


@pytest.mark.property
@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60).filter(lambda text: not any(mark in text for mark in "/.~")))
def test_any_text_is_a_target_or_one_usage_error(text: str) -> None:
    try:
        parse_target(text)
    except UsageError as error:
        assert str(error).isprintable()  # noqa: PT017 - either outcome is fine, a strange exception is not
