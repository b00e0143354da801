# SPDX-License-Identifier: Apache-2.0
"""A whole report: its day, its weighed findings in order, support and notices, from knowledge built here."""

import json
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tidegate.artifact import Digest, ImageConfig, Platform
from tidegate.evidence import ScanReport, Urgency
from tidegate.examination.priority_profiles import profile_named
from tidegate.examination.report import Said, full_report
from tidegate.inventory import Component, Ecosystem, Inventory, OsRelease, PackageKind, PackageUrl, Version
from tidegate.knowledge.build import build
from tidegate.knowledge.database import Knowledge
from tidegate.values import replace
from tidegate.vex.trivyignore import read_trivyignore

MADE_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
LAYER = Digest("sha256:" + "1" * 64)


def record(name: str, package: str, **more: Any) -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": "2.0.0"}]
    affected = [{"package": {"ecosystem": "npm", "name": package}, "ranges": [{"type": "SEMVER", "events": events}]}]
    return {"id": name, "modified": "2026-01-01T00:00:00Z", "affected": affected} | more


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("priority")
    records = [
        record("GHSA-low", "a", database_specific={"severity": "LOW"}),
        record("GHSA-critical", "a", database_specific={"severity": "CRITICAL"}),
        record("MAL-2026-1", "evil"),
    ]
    (root / "osv" / "npm").mkdir(parents=True)
    with zipfile.ZipFile(root / "osv" / "npm" / "all.zip", "w") as archive:
        for one in records:
            archive.writestr(f"{one['id']}.json", json.dumps(one))
    (root / "packages" / "npm").mkdir(parents=True)
    (root / "packages" / "npm" / "a.jsonl").write_text('{"name": "a", "kind": "deprecated", "reason": "old"}\n')
    cycles = [{"cycle": "12", "eol": "2026-07-11", "extendedSupport": "2028-06-30", "codename": "Bookworm"}]
    eol = {
        "products": {
            "debian": {"category": "os", "cycles": cycles},
            "nodejs": {"aliases": ["node"], "cycles": [{"cycle": "16", "eol": "2023-09-11"}]},
        }
    }
    (root / "eol.json").write_text(json.dumps(eol))
    build(root, root / "knowledge.db", made_at=MADE_AT)
    return root / "knowledge.db"


def component(name: str) -> Component:
    return Component(
        kind=PackageKind.NPM,
        name=name,
        version=Version("1.0.0"),
        purl=PackageUrl(f"pkg:npm/{name}@1.0.0"),
        ecosystem=Ecosystem("npm"),
        location=f"node_modules/{name}/package.json",
        layer=LAYER,
        cataloger="npm",
    )


INVENTORY = Inventory(
    digest=Digest("sha256:" + "2" * 64),
    name="demo",
    layers=(LAYER,),
    components=(component("a"), component("evil")),
    os_release=OsRelease(id="debian", version_id="12"),
    config=ImageConfig(platform=Platform(os="linux", architecture="amd64"), diff_ids=(), exposed_ports=("80/tcp",)),
)


def report(db: Path, **more: Any) -> ScanReport:
    with Knowledge.open(db) as knowledge:
        return full_report(INVENTORY, knowledge, **more)


def test_what_matters_most_comes_first(db: Path) -> None:
    found = report(db)
    assert [one.id for one in found.findings] == ["MAL-2026-1", "GHSA-critical", "GHSA-low"]
    first = found.findings[0].priority
    assert first is not None
    assert (first.score, first.urgency) == (100, Urgency.NOW)
    assert all(one.priority and one.priority.reasons for one in found.findings)


def test_the_day_is_the_knowledges_own_unless_asked_for(db: Path) -> None:
    assert report(db).at == date(2026, 11, 22)
    (support,) = report(db).support
    assert (support.product, support.days_left) == ("debian", 586)
    later = report(db, at=date(2028, 7, 1))
    assert later.at == date(2028, 7, 1)
    assert (later.support[0].ended, later.support[0].days_left) == (True, -1)


def test_a_base_that_names_itself_is_recognised(db: Path) -> None:
    annotated = replace(INVENTORY, annotations={"org.opencontainers.image.base.name": "docker.io/library/node:16"})
    with Knowledge.open(db) as knowledge:
        found = full_report(annotated, knowledge)
    assert found.base is not None
    assert found.base.name == "docker.io/library/node:16"
    assert [(one.subject, one.product, one.ended) for one in found.support] == [
        ("distribution", "debian", False),
        ("base", "nodejs", True),
    ]


def test_notices_are_told(db: Path) -> None:
    assert [(one.kind, one.purl, one.reason) for one in report(db).notices] == [
        ("deprecated", "pkg:npm/a@1.0.0", "old")
    ]


def test_a_sector_is_named_in_every_priority(db: Path) -> None:
    found = report(db, profile=profile_named("finance"))
    assert {one.priority.profile for one in found.findings if one.priority} == {"finance"}
    assert {one.priority.profile for one in report(db).findings if one.priority} == {""}


def test_without_knowledge_nothing_is_claimed() -> None:
    found = full_report(INVENTORY, None)
    assert (found.at, found.findings, found.support, found.knowledge) == (None, (), (), None)


def test_the_same_gives_the_same(db: Path) -> None:
    assert report(db) == report(db)


def test_what_is_suppressed_is_weighed_as_what_counts(db: Path) -> None:
    ignored = read_trivyignore(b"GHSA-critical\nMAL-2026-1\n", where=".trivyignore")
    found = report(db, said=Said(claims=tuple(ignored.claims)), profile=profile_named("finance"))
    assert [one.id for one in found.findings] == ["GHSA-low"]
    assert [one.finding.id for one in found.suppressed] == ["MAL-2026-1", "GHSA-critical"]
    told = [one.finding.priority for one in found.suppressed]
    assert [one.profile for one in told if one] == ["finance", "finance"]
