# SPDX-License-Identifier: Apache-2.0
"""apk's installed database: real ones by their known answers, made ones by their defects."""

from pathlib import Path

import pytest
from alpine_images import NAMES, known_answer, member

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import FileFacts, Ownership, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, PartialError
from tidegate.scan.catalogers import harvest
from tidegate.scan.catalogers.apk import ApkCataloger

APK = ApkCataloger()
PATH = "lib/apk/db/installed"
SAMPLE = b"""C:Q1abc=
P:libcrypto3
V:3.1.7-r0
A:x86_64
S:1
T:a text with P: and V: in it
L:Apache-2.0
o:openssl
m:A Person <a@example.invalid>
F:etc
F:etc/ssl
M:0:0:0755
R:openssl.cnf
Z:Q1AAECAwQFBgcICQoLDA0ODxAREhM=
F:
R:at-the-root

P:musl
V:1.2.4-r2
o:musl

"""


def read(content: bytes) -> FileFacts:
    return APK.catalog(ImageFile(path=PATH, content=content))


@pytest.mark.shared_data
@pytest.mark.parametrize("image", NAMES)
def test_real_images_have_their_known_packages(shared_data: Path, image: str) -> None:
    facts = read(member(shared_data, image, PATH)[1])
    answer = known_answer(shared_data, image)
    assert len(facts.packages) == answer["packages"]
    told = {f"{p.name} {p.version}" + (f" (source {p.source_name})" if p.source_name else "") for p in facts.packages}
    assert set(answer["findings"]) <= told
    assert {p.architecture for p in facts.packages} <= {"x86_64", "aarch64", "noarch"}
    assert "bin/busybox" in {path for owner in facts.ownership if owner.package == "busybox" for path in owner.paths}


def test_every_field_is_read() -> None:
    facts = read(SAMPLE)
    assert facts.packages == (
        Package(
            kind=PackageKind.APK,
            name="libcrypto3",
            version=Version("3.1.7-r0"),
            source_name="openssl",
            architecture="x86_64",
            licenses=("Apache-2.0",),
            supplier="A Person <a@example.invalid>",
        ),
        Package(kind=PackageKind.APK, name="musl", version=Version("1.2.4-r2")),
    )
    assert facts.ownership == (
        Ownership(
            package="libcrypto3",
            paths=("etc/ssl/openssl.cnf", "at-the-root"),
            algorithm="sha1",
            checksums=bytes(range(20)) + bytes(20),
            configuration=("etc/ssl/openssl.cnf",),
        ),
    )


def test_an_end_without_an_empty_line_loses_nothing() -> None:
    assert read(SAMPLE.rstrip(b"\n")) == read(SAMPLE)


def test_an_entry_without_a_version_costs_that_entry_only() -> None:
    with pytest.raises(PartialError, match="version is missing") as caught:
        read(SAMPLE.replace(b"V:1.2.4-r2\n", b""))
    assert [package.name for package in caught.value.facts.packages] == ["libcrypto3"]
    with pytest.raises(InvalidInputError):
        read(b"P:\x00\nV:1\n\n")


def test_folders_cannot_multiply_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harvest, "MAX_PATHS_CHARS", 100_000)
    with pytest.raises(BoundExceededError, match="MAX_PATHS_CHARS"):
        read(b"P:a\nV:1\nF:" + b"d" * 4000 + b"\n" + b"R:f\n" * 100)
    monkeypatch.setattr(harvest, "MAX_PATHS", 10)
    with pytest.raises(BoundExceededError, match=r"MAX_PATHS "):
        read(b"P:a\nV:1\nF:d\n" + b"R:f\n" * 11)
