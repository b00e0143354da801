# SPDX-License-Identifier: Apache-2.0
"""The shipped set: complete, clean, and its facts are the published ones."""

import json
import zipfile
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from knowledge_samples import MADE_AT, component

from tidegate.evidence import Severity
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.match import match
from tidegate.knowledge.seed import build_seed


def shipped() -> list[dict[str, Any]]:
    folder = Path(str(resources.files("tidegate.knowledge")))
    return [json.loads(path.read_text()) for path in sorted(folder.glob("seed*/*/*.json"))]


def ranges(document: dict[str, Any], ecosystems: set[str]) -> list[tuple[str, str, str]]:
    return sorted(
        (one["package"]["ecosystem"], one["package"]["name"], json.dumps(each["events"]))
        for one in document["affected"]
        for each in one["ranges"]
        if each["type"] != "GIT" and one["package"]["ecosystem"] in ecosystems
    )


@pytest.mark.parametrize("later", [False, True])
def test_it_builds_without_a_word(tmp_path: Path, later: bool) -> None:
    report = build_seed(tmp_path / "db", made_at=MADE_AT, later=later)
    assert (report.skipped, report.withdrawn, report.unordered) == (0, 0, {})
    assert report.advisories == len(shipped()) - (not later)
    assert (report.exploited, report.products) == (2, 11)


def test_every_advisory_is_rated_and_named(tmp_path: Path) -> None:
    build_seed(tmp_path / "db", made_at=MADE_AT, later=True)
    with Knowledge.open(tmp_path / "db") as knowledge:
        rows = knowledge.rows("SELECT name, severity, score, summary, epss FROM advisory")
        (h11,) = match(knowledge, [component("PyPI", "h11", "0.14.0")])
        assert match(knowledge, [component("PyPI", "h11", "0.16.0")]) == []
    assert all(severity != "unknown" and score and summary and epss for _, severity, score, summary, epss in rows)
    assert (h11.severity, h11.score, h11.fixed_version) == (Severity.CRITICAL, 9.1, "0.16.0")
    assert h11.aliases == ("CVE-2025-43859",)


@pytest.mark.shared_data
@pytest.mark.parametrize("ecosystem", ["PyPI", "Alpine", "Debian"])
def test_its_facts_are_the_published_ones(shared_data: Path, ecosystem: str) -> None:
    compared = 0
    with zipfile.ZipFile(shared_data / "osv" / ecosystem / "all.zip") as published:
        for ours in shipped():
            if f"{ours['id']}.json" not in published.namelist():
                continue
            theirs = json.loads(published.read(f"{ours['id']}.json"))
            releases = {one["package"]["ecosystem"] for one in ours["affected"]}
            assert ranges(ours, releases) == ranges(theirs, releases), ours["id"]
            assert set(ours.get("aliases", [])) <= set(theirs.get("aliases", []))
            assert ours.get("upstream") == theirs.get("upstream")
            assert ours["severity"] == theirs.get("severity", ours["severity"])
            assert ours["summary"] != theirs.get("summary")
            compared += 1
    assert compared == {"PyPI": 15, "Alpine": 5, "Debian": 3}[ecosystem]
