# SPDX-License-Identifier: Apache-2.0
"""Whatever databases claim, and however badly: the quick answer is the careful one, and nothing breaks."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.artifact import Digest
from tidegate.inventory import (
    Component,
    Diversion,
    Ecosystem,
    FileFacts,
    FileNature,
    Integrity,
    Ownership,
    PackageKind,
    PackageUrl,
    Version,
)
from tidegate.oci.squash import Overlay
from tidegate.scan.custody.claims import ORIGINS, Claims
from tidegate.scan.custody.reckoning import Reckoning
from tidegate.scan.tree import TreeEntry
from tidegate.scan.visible import Sighting

PATHS = st.sampled_from(["a", "b", "usr/bin/a", "usr/bin/b", "bin/a", "", "x/"])
CONTENTS = (b"one", b"two", b"")


def _digest(algorithm: str, content: bytes) -> bytes:
    return hashlib.new(algorithm, content, usedforsecurity=False).digest()


@st.composite
def ownerships(draw: st.DrawFn) -> Ownership:
    paths = tuple(draw(st.lists(PATHS, min_size=1, max_size=4)))
    algorithm = draw(st.sampled_from(["", "md5", "sha1", "sha256", "sha512", "crc32"]))
    sums = draw(st.binary(max_size=80))
    if algorithm in {"md5", "sha1", "sha256"} and draw(st.booleans()):
        sums = b"".join(_digest(algorithm, draw(st.sampled_from(CONTENTS))) for _ in paths)
    return Ownership(
        package=draw(st.sampled_from(["p", "q", "gone"])),
        paths=paths,
        algorithm=algorithm,
        checksums=sums,
        configuration=tuple(draw(st.lists(PATHS, max_size=2))),
    )


def _component(name: str, kind: PackageKind) -> Component:
    return Component(
        kind=kind,
        name=name,
        version=Version("1"),
        purl=PackageUrl(f"pkg:{kind.value}/{name}@1"),
        ecosystem=Ecosystem(""),
        location="db",
        layer=Digest.of(b""),
        cataloger="dpkg",
    )


COMPONENTS = [_component("p", PackageKind.DEB), _component("q", PackageKind.PYPI)]


@pytest.mark.property
@settings(max_examples=300, deadline=None)
@given(
    st.lists(ownerships(), max_size=5),
    st.lists(st.builds(Diversion, path=PATHS, moved_to=PATHS, package=st.sampled_from(["", "p"])), max_size=2),
    PATHS,
    st.sampled_from(CONTENTS),
)
def test_the_quick_answer_is_the_careful_one(
    owned: list[Ownership], diverted: list[Diversion], path: str, content: bytes
) -> None:
    facts = FileFacts(path="db", cataloger="dpkg", ownership=tuple(owned), diversions=tuple(diverted))
    sightings = [Sighting(0, facts)]
    overlay = Overlay([], lambda _: {})
    digests = [_digest(algorithm, content) for algorithm in ("sha256", "sha1", "md5")]
    entry = TreeEntry(path, "f", 0o755, len(content), FileNature.DATA, *digests)
    reckoning = Reckoning(sightings, COMPONENTS, [], overlay, [False])
    quick = reckoning.claims.as_made(entry)
    verdict = reckoning.judge(0, entry)
    assert (quick >= 0) == (verdict.integrity is Integrity.UNCHANGED)
    if quick >= 0:
        assert ORIGINS[quick] is verdict.origin
    unmet = {claim.path for claim in reckoning.claims.unmet()}
    assert path not in unmet
    assert all(claim.checksum and claim.component in COMPONENTS for claim in reckoning.claims.unmet())


def test_the_distribution_goes_before_a_language_and_a_digest_before_none() -> None:
    good = _digest("md5", b"x")
    rows = [
        Ownership(package="p", paths=("f",), algorithm="md5", checksums=good),
        Ownership(package="p", paths=("f", "g")),
        Ownership(package="q", paths=("f", "h"), algorithm="sha256", checksums=bytes(64)),
    ]
    claims = Claims(
        [Sighting(0, FileFacts(path="db", cataloger="dpkg", ownership=tuple(rows)))],
        COMPONENTS,
        [],
        Overlay([], lambda _: {}),
    )
    told = {path: claims.look(claims.find(path)) for path in ("f", "g", "h")}
    assert [(told[path].component.name, told[path].checksum) for path in "fgh"] == [("p", good), ("p", b""), ("q", b"")]
    assert claims.find("i") == -1
