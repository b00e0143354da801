# SPDX-License-Identifier: Apache-2.0
"""Names under which components of each registry are looked up, malware, and components of every basis."""

from pathlib import Path
from typing import Any

import pytest
from knowledge_samples import Builder, component, record

from tidegate.evidence import Finding
from tidegate.inventory import Basis, Component, Scope
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.match import match
from tidegate.knowledge.target import match_target

RANGE = ({"introduced": "0"}, {"fixed": "2.0.0"})


def found(db: Path, *components: Component) -> list[Finding]:
    with Knowledge.open(db) as knowledge:
        return match(knowledge, components)


@pytest.mark.parametrize(
    ("ecosystem", "written", "installed", "is_same"),
    [
        ("NuGet", "Newtonsoft.Json", "newtonsoft.json", True),
        ("Packagist", "Symfony/Http-Kernel", "symfony/http-kernel", True),
        ("PyPI", "Zope.Interface", "zope_interface", True),
        ("GitHub Actions", "TJ-Actions/changed-files", "tj-actions/changed-files", True),
        ("GitHub Actions", "github/codeql-action", "github/codeql-action/init", True),
        ("SwiftURL", "https://github.com/Apple/swift-nio.git", "github.com/apple/swift-nio", True),
        ("Maven", "org.apache.logging.log4j:log4j-core", "org.apache.logging.log4j:log4j-core", True),
        ("Maven", "org.example:a", "org.example:A", False),
        ("npm", "@scope/name", "@scope/name", True),
        ("npm", "JSONStream", "jsonstream", False),
        ("Go", "github.com/Docker/docker", "github.com/docker/docker", False),
        ("Go", "stdlib", "stdlib", True),
        ("Hackage", "aeson", "Aeson", False),
    ],
)
def test_names_match_as_their_registry_has_it(
    built: Builder, db: Path, ecosystem: str, written: str, installed: str, is_same: bool
) -> None:
    built({ecosystem: [record("A-1", ecosystem, written, *RANGE)]})
    assert [one.id for one in found(db, component(ecosystem, installed, "1.0.0"))] == (["A-1"] if is_same else [])


@pytest.mark.parametrize("home", ["Packagist", "Maven"])
def test_further_repositories_share_one_space_of_names(built: Builder, db: Path, home: str) -> None:
    label = f"{home}:https://packages.example/8"
    built({home: [record("A-1", label, "drupal/webform", *RANGE)]})
    (one,) = found(db, component(home, "drupal/webform", "1.0.0"))
    assert one.why.ecosystem == label


@pytest.mark.parametrize(
    ("tag", "affected"),
    [("v45", True), ("v45.0.3", True), ("v46", False), ("v46.0", False), ("v46.0.1", False), ("v46.0.0", True)],
)
def test_a_tag_that_moves_is_the_last_of_its_line(built: Builder, db: Path, tag: str, affected: bool) -> None:
    events = ({"introduced": "0"}, {"fixed": "46.0.1"})
    built({"GitHub Actions": [record("GHSA-1", "GitHub Actions", "tj-actions/changed-files", *events)]})
    assert bool(found(db, component("GitHub Actions", "tj-actions/changed-files", tag))) is affected


@pytest.mark.parametrize("version", ["0e58ed8671d6b60d0890c21b07f8835ace038e67", "main", "devel", ""])
def test_a_commit_or_branch_has_no_place(version: str) -> None:
    assert match_target(component("GitHub Actions", "actions/checkout", version)) is None
    assert match_target(component("Go", "example.org/m", version)) is None


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ("v0.0.0-20230101000000-abcdefabcdef", True),
        ("v0.17.0", False),
        ("v0.16.1-0.20231218163308-9d2ee975ef9f", True),
        ("0.16.0+incompatible", True),
    ],
)
def test_pseudo_versions_of_go(built: Builder, db: Path, version: str, affected: bool) -> None:
    events = ({"introduced": "0"}, {"fixed": "0.17.0"})
    built({"Go": [record("GO-1", "Go", "golang.org/x/crypto", *events)]})
    assert bool(found(db, component("Go", "golang.org/x/crypto", version))) is affected


@pytest.mark.parametrize(
    ("name", "version", "affected"),
    [
        ("stdlib", "1.20.1", True),
        ("stdlib", "go1.20.1", True),
        ("stdlib", "1.21rc2", True),
        ("stdlib", "go1.21.0", False),
        ("toolchain", "1.20.1", True),
    ],
)
def test_go_itself(built: Builder, db: Path, name: str, version: str, affected: bool) -> None:
    events = ({"introduced": "0"}, {"fixed": "1.20.3"}, {"introduced": "1.21.0-0"}, {"fixed": "1.21.0-rc.3"})
    built({"Go": [record("GO-1", "Go", "stdlib", *events), record("GO-2", "Go", "toolchain", *events)]})
    assert bool(found(db, component("Go", name, version))) is affected


@pytest.mark.parametrize("basis", list(Basis))
@pytest.mark.parametrize("scope", list(Scope))
def test_every_basis_and_scope_is_matched_and_told(built: Builder, db: Path, basis: Basis, scope: Scope) -> None:
    built({"npm": [record("A-1", "npm", "a", *RANGE)]})
    (one,) = found(db, component("npm", "a", "1.0.0", basis=basis, scope=scope))
    assert (one.basis, one.scope) == (basis, scope)


@pytest.mark.parametrize(
    ("more", "is_malicious"),
    [({"id": "MAL-2024-1"}, True), ({"id": "GHSA-2", "aliases": ["MAL-2024-1"]}, True), ({"id": "GHSA-2"}, False)],
)
def test_malware_is_told(built: Builder, db: Path, more: dict[str, Any], is_malicious: bool) -> None:
    built({"npm": [record("X", "npm", "colours", {"introduced": "0"}) | more]})
    (one,) = found(db, component("npm", "colours", "1.0.0"))
    assert one.malicious is is_malicious


def test_what_was_taken_back_is_no_finding(built: Builder, db: Path) -> None:
    built({"npm": [record("MAL-1", "npm", "a", {"introduced": "0"}, withdrawn="2024-02-01T00:00:00Z")]})
    assert found(db, component("npm", "a", "1.0.0")) == []
