# SPDX-License-Identifier: Apache-2.0
"""Lock files and manifests give exactly what their own tool lists.

Each folder of `samples` holds files and `expected.txt`: package URLs and scopes, and, on its first line, who says so.
Where the tool could be had, its own listing does.
"""

from pathlib import Path

import pytest
from packageurl import PackageURL

from tidegate.inventory import Package
from tidegate.oci.image import Folder
from tidegate.scan.beside import looking_beside
from tidegate.scan.cataloger import ImageFile
from tidegate.scan.catalogers.locked.form import LockedForm
from tidegate.scan.catalogers.locked.roster import LOCKED
from tidegate.scan.dispatch import Dispatch
from tidegate.scan.ecosystem import ecosystem_of
from tidegate.scan.purl import component_purl

SAMPLES = Path(__file__).parent / "samples"
FOLDERS = sorted(path.name for path in SAMPLES.iterdir())
BESIDE = {"pyproject.toml", "package.json", "parent-pom.xml", "Directory.Packages.props", "go.sum"}
"""Files that are there for another one of their folder, unless they are alone."""


def taken(folder: Path) -> dict[str, list[Package]]:
    """What each cataloger takes from a folder, as the scan hands it files."""
    roster = looking_beside(LOCKED, Folder(name="samples", root=folder, is_source=True))
    dispatch = Dispatch(roster)
    found: dict[str, list[Package]] = {}
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "expected.txt"]
    for path in files:
        if path.name in BESIDE and len(files) > 1:
            continue
        name = path.relative_to(folder).as_posix()
        for cataloger in dispatch.takers(name.encode()):
            facts = cataloger.catalog(ImageFile(path=name, content=path.read_bytes()))
            found.setdefault(cataloger.name, []).extend(facts.packages)
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_sample_gives_what_is_expected_of_it(folder: str) -> None:
    by_cataloger = taken(SAMPLES / folder)
    assert len(by_cataloger) == 1
    (packages,) = by_cataloger.values()
    lines = (SAMPLES / folder / "expected.txt").read_text().splitlines()
    assert lines[0].startswith("# ")
    assert sorted(f"{component_purl(it, None)} {it.scope}" for it in packages) == sorted(lines[1:])


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_package_url_round_trips(folder: str) -> None:
    for packages in taken(SAMPLES / folder).values():
        assert packages
        for package in packages:
            purl = component_purl(package, None)
            assert PackageURL.from_string(purl).to_string() == purl
            assert PackageURL.from_string(purl).version == package.version
            ecosystem_of(package, None)


def test_every_format_has_a_sample() -> None:
    seen = {name for folder in FOLDERS for name in taken(SAMPLES / folder)}
    alone = {"setup-py"}  # a program, tested where its text stands
    assert {form.name for form in LOCKED} - seen - alone == set()


@pytest.mark.parametrize("form", LOCKED, ids=lambda it: it.name)
def test_what_is_installed_is_left_to_others(form: LockedForm) -> None:
    names = [*form.wants.names, *(f"x{suffix}" for suffix in form.wants.suffixes)]
    assert not any(form.accepts(f"app/node_modules/a/{name}") for name in names)
