# SPDX-License-Identifier: Apache-2.0
"""The known answers of the large data set: exactly those findings and fixes, none other."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from knowledge_samples import component

from tidegate.evidence import Severity
from tidegate.inventory import Component
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.match import match
from tidegate.knowledge.versions import order_of

pytestmark = [pytest.mark.shared_data, pytest.mark.slow]


def answers(shared_data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_data / "KNOWN-ANSWERS.json").read_bytes())
    return found


def fixes(db: Path, one: Component) -> dict[str, str]:
    with Knowledge.open(db) as knowledge:
        return {finding.id: str(finding.fixed_version or "") for finding in match(knowledge, [one])}


@pytest.mark.parametrize("section", ["packages", "negative"])
def test_packages(shared_data: Path, whole_db: Path, section: str) -> None:
    compared = 0
    for ecosystem, packages in answers(shared_data)[section].items():
        assert order_of(ecosystem) is not None
        for package, expected in packages.items():
            name, _, version = package.rpartition("@")
            assert fixes(whole_db, component(ecosystem, name, version)) == expected, package
            compared += 1
    assert compared == {"packages": 59, "negative": 12}[section]


def test_images(shared_data: Path, whole_db: Path) -> None:
    compared = 0
    for image in answers(shared_data)["images"].values():
        for package, expected in image["findings"].items():
            found = re.fullmatch(r"(\S+) (\S+?)(?: \(source (\S+)\))?", package)
            assert found
            one = component(image["ecosystem"], found[1], found[2], source_name=found[3] or "")
            assert fixes(whole_db, one) == expected, package
            compared += 1
    assert compared == 25


def test_the_debian_manifest(shared_data: Path, whole_db: Path) -> None:
    (manifest,) = (shared_data / "manifests").iterdir()
    (expected,) = [one for name, one in answers(shared_data)["images"].items() if "package list" in name]
    sources = {
        found[1]: found[2]
        for package in expected["findings"]
        if (found := re.fullmatch(r"(\S+) \S+ \(source (\S+)\)", package))
    }
    lines = [line.split() for line in manifest.read_text().splitlines() if line.strip()]
    assert len(lines) == expected["packages"]
    components = [
        component("Debian:12", name.partition(":")[0], version, source_name=sources.get(name.partition(":")[0], ""))
        for name, version in lines
    ]
    with Knowledge.open(whole_db) as knowledge:
        pairs = {(str(one.name), one.id) for one in match(knowledge, components)}
    assert pairs == {(package.split()[0], name) for package, ids in expected["findings"].items() for name in ids}


def test_ratings_are_borrowed_and_joined(whole_db: Path) -> None:
    with Knowledge.open(whole_db) as knowledge:
        (xz,) = match(knowledge, [component("Debian:12", "liblzma5", "5.4.1-0.2", source_name="xz-utils")])
        airflow = match(knowledge, [component("PyPI", "apache-airflow", "1.10.10")])
        gnutls = match(knowledge, [component("AlmaLinux:9", "openssl-libs", "1:3.0.1-41.el9_0")])
    assert xz.aliases == ("CVE-2025-31115",)
    assert {one.id for one in airflow if one.exploited} == {"PYSEC-2020-14", "PYSEC-2020-18"}
    assert all(one.severity is not Severity.UNKNOWN and one.aliases for one in gnutls)
