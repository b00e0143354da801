# SPDX-License-Identifier: Apache-2.0
"""Steps that remove most, matched again in real knowledge built here: newer packages, other bases."""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tidegate.artifact import Digest
from tidegate.artifact.image_config import ImageConfig
from tidegate.artifact.platform import Platform
from tidegate.artifact.reference import Reference
from tidegate.evidence import Advice, BaseImage, Finding
from tidegate.examination.advice import base_advice, package_advice
from tidegate.examination.base_image import with_parts
from tidegate.examination.bases import Bases
from tidegate.inventory import Basis, Component, Ecosystem, Inventory, PackageKind, PackageUrl, Version
from tidegate.knowledge.build import build
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.match import match
from tidegate.values import replace

BELOW, ABOVE = Digest.of(b"below"), Digest.of(b"above")
NPM, DEBIAN = Ecosystem("npm"), Ecosystem("Debian:12")


def record(identity: str, package: str, *turns: tuple[str, str], ecosystem: str = "npm", **more: Any) -> dict[str, Any]:
    events = [{kind: version} for kind, version in turns]
    kind = "SEMVER" if ecosystem == "npm" else "ECOSYSTEM"
    affected = [{"package": {"ecosystem": ecosystem, "name": package}, "ranges": [{"type": kind, "events": events}]}]
    return {"id": identity, "modified": "2026-01-01T00:00:00Z", "affected": affected} | more


RECORDS = {
    "npm": (
        record("GHSA-1", "steps", ("introduced", "0"), ("fixed", "1.2.0"), database_specific={"severity": "HIGH"}),
        record("GHSA-2", "steps", ("introduced", "0"), ("fixed", "1.10.0"), database_specific={"severity": "LOW"}),
        record("GHSA-3", "steps", ("introduced", "1.10.0"), ("fixed", "1.11.0")),
        record("GHSA-4", "steps", ("introduced", "1.11.0")),
        record("GHSA-5", "stuck", ("introduced", "0")),
        record("GHSA-6", "minor", ("introduced", "0"), ("fixed", "2.0.0"), database_specific={"severity": "MODERATE"}),
    ),
    "Debian:12": (
        record("DSA-1", "source", ("introduced", "0"), ("fixed", "2-1"), ecosystem="Debian:12"),
        record("DSA-2", "lone", ("introduced", "0"), ("fixed", "2-1"), ecosystem="Debian:12"),
    ),
}


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("advice")
    for ecosystem, records in RECORDS.items():
        folder = root / "osv" / ecosystem
        folder.mkdir(parents=True)
        with zipfile.ZipFile(folder / "all.zip", "w") as archive:
            for one in records:
                archive.writestr(f"{one['id']}.json", json.dumps(one))
    build(root, root / "knowledge.db", made_at=datetime(2026, 11, 22, tzinfo=UTC))
    return root / "knowledge.db"


def npm(name: str, version: str = "1.0.0", **more: Any) -> Component:
    values: dict[str, Any] = {
        "kind": PackageKind.NPM,
        "name": name,
        "version": Version(version),
        "purl": PackageUrl(f"pkg:npm/{name}@{version}"),
        "ecosystem": NPM,
        "location": f"node_modules/{name}/package.json",
        "layer": ABOVE,
        "cataloger": "npm",
    }
    return Component(**(values | more))


def deb(name: str, source_name: str = "", source_version: str = "") -> Component:
    return npm(
        name,
        "1-1",
        kind=PackageKind.DEB,
        ecosystem=DEBIAN,
        purl=PackageUrl(f"pkg:deb/debian/{name}@1-1"),
        source_name=source_name,
        source_version=Version(source_version),
    )


def advised(db: Path, *components: Component) -> tuple[Advice, ...]:
    with Knowledge.open(db) as knowledge:
        return package_advice(match(knowledge, components), components, knowledge)


def test_the_step_goes_on_until_nothing_that_has_a_fix_is_left_and_tells_what_comes(db: Path) -> None:
    (step,) = advised(db, npm("steps"))
    assert (step.kind, step.subject, step.to) == ("package", "pkg:npm/steps@1.0.0", "1.11.0")
    assert (step.removes, step.adds) == (("GHSA-1", "GHSA-2"), ("GHSA-4",))


def test_what_removes_most_comes_first_and_what_removes_nothing_is_not_advised(db: Path) -> None:
    assert [step.subject for step in advised(db, npm("minor"), npm("stuck"), npm("steps"))] == [
        "pkg:npm/steps@1.0.0",
        "pkg:npm/minor@1.0.0",
    ]


def test_a_claim_is_matched_but_no_step_is_built_upon_it(db: Path) -> None:
    assert advised(db, npm("minor"))
    assert advised(db, npm("minor", basis=Basis.CLAIMED)) == ()


def test_binaries_of_one_source_are_one_step(db: Path) -> None:
    steps = advised(db, deb("one", "source"), deb("two", "source"), deb("three", "source", "1-2"), deb("lone"))
    assert sorted((step.subject, step.to, step.removes) for step in steps) == [
        ("pkg:deb/debian/lone@1-1", "2-1", ("DSA-2",)),
        ("pkg:deb/debian/one@1-1", "2-1", ("DSA-1",)),
        ("pkg:deb/debian/three@1-1", "2-1", ("DSA-1",)),
    ]


def test_a_finding_in_what_is_not_here_leads_to_nothing(db: Path) -> None:
    with Knowledge.open(db) as knowledge:
        findings = match(knowledge, [npm("minor")])
        assert findings
        assert package_advice(findings, [npm("other")], knowledge) == ()


def image(name: str, *components: Component, architecture: str = "amd64") -> Inventory:
    layer = Digest.of(f"{name} {architecture}".encode())
    config = ImageConfig(platform=Platform(os="linux", architecture=architecture), diff_ids=(layer,))
    return Inventory(
        digest=layer, name=name, layers=(layer,), layers_unpacked=(layer,), components=components, config=config
    )


def test_bases_that_leave_less_are_advised_best_first_and_of_equals_the_nearest(db: Path, tmp_path: Path) -> None:
    bases = Bases(tmp_path)
    held = {
        "node:1-slim": (npm("steps"), npm("minor")),
        "node:2-slim": (npm("minor"),),
        "node:2": (npm("minor"),),
        "node:3-slim": (npm("stuck"),),
        "node:4-slim": (npm("steps"), npm("minor"), npm("stuck")),
        "other:1": (),
    }
    known = {
        name: bases.remember(image(name, *components), name=Reference.parse(name)) for name, components in held.items()
    }
    bases.remember(image("node:5-slim", architecture="arm64"), name=Reference.parse("node:5-slim"))
    ours = known["node:1-slim"]
    said = BaseImage(name=ours.name, layers=1, known_by="layers", digest=ours.digest, part_of=ours.part_of)
    with Knowledge.open(db) as knowledge:
        steps = base_advice(said, ours, bases, knowledge)
    assert [step.to.rpartition(":")[2] for step in steps] == ["3-slim", "2-slim", "2"]
    assert (steps[0].removes, steps[0].adds) == (("GHSA-1", "GHSA-2", "GHSA-6"), ("GHSA-5",))


def test_findings_are_told_apart_by_whose_layer_they_lie_in(db: Path) -> None:
    components = (npm("minor", layer=BELOW), npm("stuck"))
    inventory = replace(image("x", *components), layers=(BELOW, ABOVE))
    with Knowledge.open(db) as knowledge:
        findings: tuple[Finding, ...] = tuple(match(knowledge, components))
    base = BaseImage(name="b", layers=1, known_by="history")
    assert {one.name: one.part for one in with_parts(findings, inventory, base)} == {"minor": "base", "stuck": "yours"}
    assert with_parts(findings, inventory, None) == with_parts(findings, inventory, replace(base, layers=0)) == findings
