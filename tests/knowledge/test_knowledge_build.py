# SPDX-License-Identifier: Apache-2.0
"""Building the knowledge file: the same bytes for the same input, whole or not at all, nothing silently lost."""

import gzip
import json
import os
import sqlite3
import struct
from pathlib import Path
from typing import Any

import pytest
from knowledge_samples import MADE_AT, Builder, component, publish, record

from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, OutsideError
from tidegate.evidence import Severity
from tidegate.inventory import OsRelease
from tidegate.knowledge.build import build
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.limits import KnowledgeLimits
from tidegate.knowledge.match import match
from tidegate.knowledge.support import support_of

V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
RANGE = ({"introduced": "0"}, {"fixed": "2.0.0"})


def ids(db: Path, ecosystem: str, name: str, version: str) -> list[str]:
    with Knowledge.open(db) as knowledge:
        return [finding.id for finding in match(knowledge, [component(ecosystem, name, version)])]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    source = publish(tmp_path / "s", {"npm": [record("A", "npm", "a", *RANGE)], "Go": [record("B", "Go", "b", *RANGE)]})
    for name in ("one", "two"):
        build(source, tmp_path / name, made_at=MADE_AT)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_digest_is_of_what_is_said_not_of_texts(built: Builder) -> None:
    first = built({"npm": [record("A", "npm", "a", *RANGE)]}).stamp.digest
    assert built({"npm": [record("A", "npm", "a", {"introduced": "0"})]}).stamp.digest != first
    assert built({"npm": [record("A", "npm", "a", *RANGE)]}).stamp.digest == first


def test_the_sequence_is_the_newest_moment_not_after_now(built: Builder) -> None:
    old = record("A", "npm", "a", *RANGE, modified="2024-05-01T00:00:00Z")
    future = record("B", "npm", "b", *RANGE, modified="2999-01-01T00:00:00Z")
    odd = record("C", "npm", "c", *RANGE, modified="0001-01-01T00:00:00Z")
    assert built({"npm": [old, future, odd]}).stamp.sequence == 1714521600


def test_copies_of_a_record_are_one(built: Builder, db: Path) -> None:
    one = record("DSA-1-1", "Debian:12", "a", *RANGE)
    report = built({"Debian": [one], "Debian:12": [one]})
    assert (report.advisories, report.ranges) == (1, 1)
    assert ids(db, "Debian:12", "a", "1.0") == ["DSA-1-1"]


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_newest_copy_wins_and_packages_of_the_older_stay(built: Builder, db: Path, newest_first: bool) -> None:
    older = record("DSA-1-1", "Debian:12", "a", {"introduced": "0"}, modified="2024-01-01T00:00:00Z", summary="old")
    older["affected"] += record("", "Debian:11", "a", *RANGE)["affected"]
    newer = record("DSA-1-1", "Debian:12", "a", *RANGE, modified="2024-02-01T00:00:00Z", summary="new")
    first, second = (newer, older) if newest_first else (older, newer)
    assert built({"Debian": [first], "Debian:12": [second]}).advisories == 1
    assert ids(db, "Debian:12", "a", "3.0") == []
    assert ids(db, "Debian:11", "a", "1.0") == ["DSA-1-1"]
    with Knowledge.open(db) as knowledge:
        (finding,) = match(knowledge, [component("Debian:12", "a", "1.0")])
    assert finding.summary == "new"


def test_withdrawn_records_are_left_out(built: Builder, db: Path) -> None:
    gone = record("A", "npm", "a", *RANGE, withdrawn="2024-02-01T00:00:00Z")
    report = built({"npm": [gone, record("B", "npm", "a", *RANGE)]})
    assert (report.advisories, report.withdrawn) == (1, 1)
    assert ids(db, "npm", "a", "1.0.0") == ["B"]


@pytest.mark.parametrize("withdrawn_first", [True, False])
def test_a_newer_withdrawal_takes_back_an_older_copy(built: Builder, withdrawn_first: bool) -> None:
    gone = record("A", "Debian:12", "a", modified="2024-02-01T00:00:00Z", withdrawn="2024-02-01T00:00:00Z")
    both = [gone, record("A", "Debian:12", "a", *RANGE)]
    first, second = both if withdrawn_first else reversed(both)
    assert built({"Debian": [first], "Debian:12": [second]}).advisories == 0


def test_rows_of_foreign_ecosystems_do_not_make_them_covered(built: Builder, db: Path) -> None:
    mixed = record("GHSA-1", "npm", "a", *RANGE)
    mixed["affected"] += record("", "Go", "b", *RANGE)["affected"]
    built({"npm": [mixed]})
    with Knowledge.open(db) as knowledge:
        assert knowledge.covers("npm")
        assert not knowledge.covers("Go")
    built({"npm": [mixed], "Go": [mixed]})
    assert ids(db, "Go", "b", "1.0.0") == ["GHSA-1"]


def test_a_release_is_covered_by_its_own_zip_or_its_distribution_s(built: Builder, db: Path) -> None:
    both = record("DSA-1-1", "Debian:12", "a", *RANGE)
    both["affected"] += record("", "Debian:11", "a", *RANGE)["affected"]
    built({"Debian:12": [both]})
    with Knowledge.open(db) as knowledge:
        assert knowledge.covers("Debian:12")
        assert not knowledge.covers("Debian:11")
    built({"Debian": [both]})
    with Knowledge.open(db) as knowledge:
        assert knowledge.covers("Debian:11")
        assert not knowledge.covers("Debian:sid")


def test_broken_entries_are_skipped_counted_and_named(tmp_path: Path, db: Path) -> None:
    source = publish(tmp_path / "s", {"npm": [record("A", "npm", "a", *RANGE), record("B", "npm", "a", *RANGE)]})
    data = bytearray((source / "npm/all.zip").read_bytes())
    struct.pack_into("<L", data, data.index(b"PK\x01\x02") + 16, 7)  # the checksum of A
    (source / "npm/all.zip").write_bytes(data)
    (source / "npm/C.json").write_text("{")
    report = build(source, db, made_at=MADE_AT)
    assert (report.advisories, report.skipped) == (1, 2)
    assert report.skipped_names[0] == "npm/A.json: checksum mismatch"
    assert report.skipped_names[1].startswith("npm/C.json: not an OSV record")
    assert ids(db, "npm", "a", "1.0.0") == ["B"]


def test_only_so_many_skips_are_named(tmp_path: Path, db: Path) -> None:
    source = publish(tmp_path / "s", {"npm": [record("A", "npm", "a", *RANGE)]})
    for number in range(9):
        (source / f"npm/{number}.json").write_text("{")
    report = build(source, db, made_at=MADE_AT, limits=KnowledgeLimits(max_named_skips=4))
    assert (report.skipped, len(report.skipped_names)) == (9, 4)


def test_what_cannot_be_ordered_is_counted(built: Builder) -> None:
    report = built(
        {
            "npm": [record("A", "npm", "a", {"introduced": "0"}, {"fixed": "soon"})],
            "Linux": [record("B", "Linux", "b:c", *RANGE)],
        }
    )
    assert report.unordered == {"Linux": 1, "npm": 1}
    assert "soon" in report.unordered_names[0]


def test_a_rating_is_borrowed_from_another_advisory_of_the_same_cve(built: Builder, db: Path) -> None:
    vector = [{"type": "CVSS_V3", "score": V3}]
    built(
        {
            "Debian": [record("DSA-1-1", "Debian:12", "a", *RANGE, upstream=["CVE-2024-1000", "CVE-2024-2000"])],
            "PyPI": [
                record("GHSA-1", "PyPI", "a", *RANGE, aliases=["CVE-2024-1000"], severity=vector),
                record("GHSA-2", "PyPI", "b", *RANGE, aliases=["CVE-2024-3000", "CVE-2024-2000"], severity=vector),
            ],
        }
    )
    with Knowledge.open(db) as knowledge:
        (finding,) = match(knowledge, [component("Debian:12", "a", "1.0")])
    assert (finding.severity, finding.score, finding.vector) == (Severity.CRITICAL, 9.8, V3)
    assert finding.why.source == "Debian; severity as rated by GHSA-1"


def context(root: Path, kev: Any = None, epss: str = "", eol: Any = None) -> None:
    if kev is not None:
        (root / "kev.json").write_text(json.dumps(kev))
    if epss:
        (root / "epss").mkdir(exist_ok=True)
        (root / "epss/scores.csv.gz").write_bytes(gzip.compress(epss.encode()))
    if eol is not None:
        (root / "eol.json").write_text(json.dumps(eol))


def test_exploited_and_likelihood_are_those_of_any_alias(tmp_path: Path, db: Path) -> None:
    names = ["CVE-2024-1000", "CVE-2024-2000", "CVE-2024-3000"]
    source = publish(tmp_path / "s", {"Debian": [record("DSA-1-1", "Debian:12", "a", *RANGE, upstream=names)]})
    entry = {
        "cveID": names[1],
        "dateAdded": "2024-03-01",
        "dueDate": "2024-03-22",
        "knownRansomwareCampaignUse": "Known",
    }
    scores = (
        "#x,score_date:2024-06-01T00:00:00+0000\ncve,epss,percentile\nCVE-2024-1000,0.1,0.5\nCVE-2024-3000,0.7,0.9\n"
    )
    context(source, {"dateReleased": "2024-04-01T00:00:00Z", "vulnerabilities": [entry]}, scores)
    report = build(source, db, made_at=MADE_AT)
    assert (report.exploited, report.likelihoods, report.stamp.sequence) == (1, 2, 1717200000)
    with Knowledge.open(db) as knowledge:
        (finding,) = match(knowledge, [component("Debian:12", "a", "1.0")])
    assert finding.aliases == tuple(names)
    assert finding.exploited is not None
    assert (finding.exploited.cve, finding.exploited.ransomware) == (names[1], True)
    assert finding.exploited.due.isoformat() == "2024-03-22"
    assert (finding.epss, finding.epss_percentile) == (0.7, 0.9)


def test_impossible_days_do_not_get_in(tmp_path: Path, db: Path) -> None:
    names = ["CVE-2024-1000", "CVE-2024-2000"]
    source = publish(tmp_path / "s", {"Debian": [record("DSA-1-1", "Debian:12", "a", *RANGE, upstream=names)]})
    days = [{"dateAdded": "2024-03-01", "dueDate": "2024-13-45"}, {"dateAdded": "2024-02-31", "dueDate": "2024-03-01"}]
    entries = [{"cveID": name} | day for name, day in zip(names, days, strict=True)]
    cycles = [{"cycle": 1, "eol": "2024-02-31"}, {"cycle": "2", "eol": True}, {"cycle": "3"}]
    context(source, {"vulnerabilities": entries}, eol={"products": {"x": {"cycles": cycles}}})
    assert build(source, db, made_at=MADE_AT).exploited == 1
    with Knowledge.open(db) as knowledge:
        (finding,) = match(knowledge, [component("Debian:12", "a", "1.0")])
        releases = [OsRelease(id="x", version_id=version) for version in "123"]
        supports = [support_of(knowledge, (), release, "", MADE_AT.date())[0] for release in releases]
    assert finding.exploited is not None
    assert finding.exploited.due == finding.exploited.added
    assert [(one.ends, one.ended) for one in supports] == [(None, False), (None, True), (None, False)]


@pytest.mark.parametrize(
    ("kev", "epss", "eol"),
    [
        ([], "", None),
        ({"vulnerabilities": 3}, "", None),
        (None, "cve\n", None),
        (None, "CVE-2024-1,x,y\n", None),
        (None, "CVE-2024-1,inf,0.1\n", None),
        (None, "CVE-2024-1,nan,0.1\n", None),
        (None, "", []),
    ],
)
def test_a_broken_document_is_named_and_nothing_is_written(
    tmp_path: Path, db: Path, kev: Any, epss: str, eol: Any
) -> None:
    source = publish(tmp_path / "s", {"npm": [record("A", "npm", "a", *RANGE)]})
    context(source, kev, epss, eol)
    with pytest.raises(InvalidInputError, match=r"kev\.json|scores\.csv|eol\.json"):
        build(source, db, made_at=MADE_AT)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_a_gzip_bomb_meets_its_bound(tmp_path: Path, db: Path) -> None:
    source = publish(tmp_path / "s", {"npm": [record("A", "npm", "a", *RANGE)]})
    context(source, epss="CVE-2024-1000,0.1,0.5\n" * 100_000)
    with pytest.raises(BoundExceededError, match="max_document_bytes = 1000000"):
        build(source, db, made_at=MADE_AT, limits=KnowledgeLimits(max_document_bytes=1_000_000))


def test_an_error_leaves_the_older_file_as_it_was(tmp_path: Path, db: Path) -> None:
    source = publish(tmp_path / "s", {"npm": [record("A", "npm", "a", *RANGE)]})
    build(source, db, made_at=MADE_AT)
    before = db.read_bytes()
    (source / "npm/all.zip").write_bytes(b"PK")
    with pytest.raises(InvalidInputError, match="not a zip"):
        build(source, db, made_at=MADE_AT)
    assert db.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [db.name, "s"]


def test_what_is_no_source_is_refused(tmp_path: Path, db: Path) -> None:
    with pytest.raises(NotFoundError, match="no such folder"):
        build(tmp_path / "none", db, made_at=MADE_AT)
    with pytest.raises(InvalidInputError, match=r"no <ecosystem>/all\.zip"):
        build(tmp_path, db, made_at=MADE_AT)
    for name in "abc":
        (tmp_path / name).mkdir()
    with pytest.raises(BoundExceededError, match="max_ecosystems = 2"):
        build(tmp_path, db, made_at=MADE_AT, limits=KnowledgeLimits(max_ecosystems=2))


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    source = publish(tmp_path / "s", {"npm": [record("A", "npm", "a", *RANGE)]})
    (tmp_path / "file").write_text("")
    with pytest.raises(OutsideError, match="cannot be written"):
        build(source, tmp_path / "file/db", made_at=MADE_AT)


def test_osv_in_a_folder_of_that_name_and_plain_files(tmp_path: Path, db: Path) -> None:
    publish(tmp_path / "s/osv", {"npm": [record("A", "npm", "a", *RANGE)]})
    (tmp_path / "s/osv/Go").mkdir()
    (tmp_path / "s/osv/Go/B.json").write_text(json.dumps(record("B", "Go", "b", *RANGE)))
    assert build(tmp_path / "s", db, made_at=MADE_AT).ecosystems == ("Go", "npm")


def test_the_file_is_readable_by_all_and_holds_no_free_space(built: Builder, db: Path) -> None:
    built({"npm": [record("A", "npm", "a", *RANGE)]})
    assert os.stat(db).st_mode & 0o777 == 0o644  # noqa: PTH116 - the mode alone
    connection = sqlite3.connect(db)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
    connection.close()
