# SPDX-License-Identifier: Apache-2.0
"""What is known of flaws and packages: advisories, catalogues, registries' documents, and the file made of them."""
# ruff: noqa: E501 - tables of samples read best a kind a line

import gzip
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import fuzz_paths  # noqa: F401 - makes the samples below importable
from fuzz_parser import Parser, told
from knowledge_samples import component, publish, record

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.examination.bases import Bases
from tidegate.knowledge.archive import check_zip, read_zip
from tidegate.knowledge.build import build
from tidegate.knowledge.context import read_exploited, read_likelihoods
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.limits import KnowledgeLimits
from tidegate.knowledge.match import match
from tidegate.knowledge.native_status import read_statuses
from tidegate.knowledge.notices import notices_of
from tidegate.knowledge.osv import OsvReader
from tidegate.knowledge.products import read_products

LIMITS = KnowledgeLimits(max_document_bytes=32 * MIB, max_entry_bytes=4 * MIB, max_zip_total_bytes=32 * MIB)
_RANGE = ({"introduced": "0"}, {"fixed": "2.0.0"})
_OSV = record("CVE-2024-1", "PyPI", "a", *_RANGE) | {
    "published": "2024-01-01T00:00:00Z",
    "aliases": ["GHSA-x", "CVE-2024-1"],
    "upstream": ["CVE-2024-2"],
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    "references": [{"type": "FIX", "url": "https://a.example/b"}],
    "database_specific": {"severity": "HIGH"},
    "summary": "s",
    "withdrawn": None,
}
_DEBIAN = record("DSA-1-1", "Debian:12", "curl", {"introduced": "0"}, {"last_affected": "7.88-1"}) | {
    "ecosystem_specific": {"urgency": "low"}
}
_MAVEN = record("GHSA-y", "Maven", "a:b", {"introduced": "1.0"}, {"limit": "2"}) | {"affected_versions": ["1"]}
_KEV = {
    "dateReleased": "2024-01-01T00:00:00Z",
    "vulnerabilities": [
        {
            "cveID": "CVE-2024-1",
            "dateAdded": "2024-05-01",
            "dueDate": "2024-05-21",
            "knownRansomwareCampaignUse": "Known",
        }
    ],
}
_EPSS = b"#model_version:v2023,score_date:2024-01-01T00:00:00+0000\ncve,epss,percentile\nCVE-2024-1,0.5,0.9\n"
_PRODUCTS = {
    "products": {
        "python": {
            "category": "lang",
            "aliases": ["cpython"],
            "identifiers": {"purl": ["pkg:docker/library/python"], "repology": ["python"]},
            "cycles": [
                {"cycle": "3.11", "eol": "2027-10-31", "extendedSupport": True, "codename": "X y", "latest": "3.11.9"}
            ],
        }
    }
}
_STATUSES = {
    "PyPI": ("a.json", {"name": "a", "files": [{"filename": "a-1.0-py3-none-any.whl", "yanked": "bad"}], "project-status": {"status": "archived"}}),
    "npm": ("a.json", {"name": "a", "versions": {"1.0.0": {"deprecated": "old"}}}),
    "crates.io": ("a", {"name": "a", "vers": "1.0.0", "yanked": True}),
    "NuGet": ("a.json", {"items": [{"items": [{"catalogEntry": {"id": "a", "version": "1", "listed": False, "deprecation": {"reasons": ["Legacy"], "message": "m"}}}]}]}),
    "Packagist": ("a.json", {"packages": {"a/b": [{"abandoned": "c/d"}, {}]}}),
    "Go": ("a.jsonl", {"name": "a", "version": "1", "kind": "yanked", "reason": "r"}),
}  # fmt: skip
_SEED = Path(__file__).resolve().parents[2] / "src" / "tidegate" / "knowledge" / "seed"


def knowledge() -> Iterator[Parser]:
    """One parser for each source."""
    reader = OsvReader(LIMITS)
    yield Parser(
        name="osv",
        form="json",
        read=lambda data: told(reader.read(data, where="f")) and None,
        samples=tuple(json.dumps(one).encode() for one in (_OSV, _DEBIAN, _MAVEN)),
    )
    yield Parser(
        name="kev",
        form="json",
        read=lambda data: told(read_exploited(data, LIMITS, where="f")),
        samples=(json.dumps(_KEV).encode(),),
    )
    yield Parser(name="epss", form="text", read=_epss, samples=(_EPSS,))
    yield Parser(name="epss-gzip", form="gzip", read=_epss, samples=(gzip.compress(_EPSS * 20, mtime=0),))
    yield Parser(
        name="products",
        form="json",
        read=lambda data: told(read_products(data, LIMITS, where="f")),
        samples=(json.dumps(_PRODUCTS).encode(),),
    )
    for ecosystem, (filename, document) in _STATUSES.items():
        name = "status-" + ecosystem.lower().replace(".", "-")
        yield Parser(
            name=name, form="json", read=_status(ecosystem, filename), samples=(json.dumps(document).encode(),)
        )
    yield Parser(
        name="osv-zip", form="zip", read=_zip, samples=(_zipped(zipfile.ZIP_DEFLATED), _zipped(zipfile.ZIP_STORED))
    )
    yield Parser(name="knowledge-file", form="binary", read=_database, samples=(_built(),), slow=True)
    yield Parser(name="known-bases", form="binary", read=_bases, samples=(b"\x81\xa4name\xa1a",))


def _epss(data: bytes) -> object:
    return told(read_likelihoods(data, LIMITS, where="f"))


def _status(ecosystem: str, filename: str) -> Callable[[bytes], object]:
    return lambda data: told(read_statuses(ecosystem, filename, data, where="f"))


def _zip(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "all.zip"
        path.write_bytes(data)
        check_zip(path, LIMITS)
        return [(entry.name, entry.data) for entry in read_zip(path, LIMITS)]


def _zipped(method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for number in range(3):
            archive.writestr(f"CVE-2024-{number}.json", json.dumps(_OSV | {"id": f"CVE-2024-{number}"}))
    return buffer.getvalue()


def _built() -> bytes:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = publish(folder / "osv", {"PyPI": [dict(_OSV)]})
        build(root, folder / "k.db", made_at=datetime(2026, 1, 1, tzinfo=UTC))
        return (folder / "k.db").read_bytes()


def _database(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "k.db"
        path.write_bytes(data)
        with Knowledge.open(path) as opened:
            components = [component("PyPI", "a", "1.0")]
            return told(match(opened, components)), told(notices_of(opened, components)), opened.info


def _bases(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("family/a", "chain"):
            (folder / part).mkdir(parents=True, exist_ok=True)
            (folder / part / "x.base").write_bytes(data)
        bases = Bases(folder)
        return bases.all(), bases.family("a"), bases.below([Digest.of(b"a")])
