# SPDX-License-Identifier: Apache-2.0
"""What a lock file tells beside names: checksums, deprecation, licences, basis; and whole folders."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, Package, Scope
from tidegate.oci.image import Folder
from tidegate.scan.beside import looking_beside
from tidegate.scan.cataloger import ImageFile, PartialError
from tidegate.scan.catalogers.locked.bun import BUN_LOCK
from tidegate.scan.catalogers.locked.cargo import CARGO_LOCK
from tidegate.scan.catalogers.locked.composer import COMPOSER_LOCK
from tidegate.scan.catalogers.locked.form import LockedForm
from tidegate.scan.catalogers.locked.gem import GEMFILE_LOCK
from tidegate.scan.catalogers.locked.gomod import GO_MOD
from tidegate.scan.catalogers.locked.npm import NPM_LOCK
from tidegate.scan.catalogers.locked.pnpm import PNPM_LOCK
from tidegate.scan.catalogers.locked.pom import POM
from tidegate.scan.catalogers.locked.python_projects import SETUP_PY
from tidegate.scan.catalogers.locked.requirements import REQUIREMENTS
from tidegate.scan.catalogers.locked.yarn import YARN_LOCK
from tidegate.scan.image import scan_image
from tidegate.scan.roster import CATALOGERS
from tidegate.scan.secrets.detector import SecretDetector
from tidegate.scan.source_roster import SOURCE_CATALOGERS

SAMPLES = Path(__file__).parent / "samples"


def packages(form: LockedForm, folder: str, name: str, *, alone: bool = False) -> dict[str, Package]:
    root = SAMPLES / folder
    reader = form if alone else looking_beside([form], Folder(name="x", root=root, is_source=True))[0]
    facts = reader.catalog(ImageFile(path=name, content=(root / name).read_bytes()))
    return {package.name: package for package in facts.packages}


def test_integrity_becomes_the_digest_of_the_archive() -> None:
    one = packages(NPM_LOCK, "npm-3", "package-lock.json")["ms"]
    assert [it.partition(":")[0] for it in one.checksums] == ["sha512"]
    assert len(one.checksums[0]) == len("sha512:") + 128
    # The same archive, as four package managers write it down.
    assert packages(PNPM_LOCK, "pnpm-9", "pnpm-lock.yaml")["ms"].checksums == one.checksums
    assert packages(BUN_LOCK, "bun", "bun.lock")["ms"].checksums == one.checksums
    code_frame = packages(NPM_LOCK, "npm-1", "package-lock.json")["@babel/code-frame"]
    assert packages(YARN_LOCK, "yarn-1", "yarn.lock")["@babel/code-frame"].checksums == code_frame.checksums


def test_checksums_of_other_formats() -> None:
    assert packages(CARGO_LOCK, "cargo-1", "Cargo.lock")["one"].checksums == ("sha256:" + "a" * 64,)
    assert packages(GEMFILE_LOCK, "gem-sources", "Gemfile.lock")["nokogiri"].checksums == (
        "sha256:" + "a" * 64,
        "sha256:" + "0" * 64,
    )
    hashed = packages(REQUIREMENTS, "requirements", "requirements.txt")["click"]
    written = set(re.findall(r"sha256:[0-9a-f]{64}", (SAMPLES / "requirements/requirements.txt").read_text()))
    assert len(hashed.checksums) == 2
    assert set(hashed.checksums) < written
    assert packages(COMPOSER_LOCK, "composer", "composer.lock")["vendor/one"].checksums == (
        "sha1:0123456789abcdef0123456789abcdef01234567",
    )
    sums = {line.split()[2] for line in (SAMPLES / "go-new/go.sum").read_text().splitlines()}
    gin = packages(GO_MOD, "go-new", "go.mod")["github.com/gin-gonic/gin"]
    assert len(gin.checksums) == 1
    assert set(gin.checksums) <= sums


def test_deprecation_and_licences_are_told() -> None:
    found = packages(NPM_LOCK, "npm-3-sources", "package-lock.json")
    assert found["old"].deprecated == "use new instead"
    assert found["old"].scope is Scope.RUNTIME, "it is there twice, and only once for development"
    assert found["from-git"].licenses == ("MIT",)
    assert packages(PNPM_LOCK, "pnpm-5-sources", "pnpm-lock.yaml")["b"].deprecated == "gone"
    two = packages(COMPOSER_LOCK, "composer", "composer.lock")
    assert two["vendor/two"].deprecated == "abandoned; use vendor/three"
    assert two["vendor/one"].licenses == ("MIT",)


def test_a_lock_file_locks_and_a_manifest_declares() -> None:
    assert packages(NPM_LOCK, "npm-3", "package-lock.json")["ms"].basis is Basis.LOCKED
    assert packages(POM, "pom", "pom.xml")["org.slf4j:slf4j-api"].basis is Basis.DECLARED
    assert packages(REQUIREMENTS, "requirements", "requirements.txt")["click"].basis is Basis.LOCKED
    loose = packages(REQUIREMENTS, "requirements-sources", "requirements-dev.txt")["flask-login"]
    assert (loose.basis, loose.scope) == (Basis.DECLARED, Scope.DEVELOPMENT)


def test_a_file_alone_tells_less_than_with_those_beside() -> None:
    assert set(packages(GO_MOD, "go-old", "go.mod", alone=True)) == {"rsc.io/quote"}
    assert len(packages(GO_MOD, "go-old", "go.mod")) == 3
    with pytest.raises(PartialError) as partial:
        packages(POM, "pom", "pom.xml", alone=True)
    assert partial.value.reason == "1 versions are told elsewhere, the first that of com.google.code.gson:gson"
    assert len(partial.value.facts.packages) == 4


def test_pins_in_a_program_are_read_without_running_it() -> None:
    content = b"""raise SystemExit
setup(install_requires=["One_Two==1.0", 'three >= 3', "four[x] == 4.0"], url='a==b',
      extras_require={"old": [' five == v5.0', 'six==6.0;python_version<"3.6"']})
"""
    facts = SETUP_PY.catalog(ImageFile(path="setup.py", content=content))
    assert [(it.name, it.version) for it in facts.packages] == [
        ("one-two", "1.0"),
        ("four", "4.0"),
        ("five", "5.0"),
        ("six", "6.0"),
    ]
    for hostile in (b"", b"\xff", b'"a' + b"=" * 200_000, b'"a==' * 100_000):
        assert SETUP_PY.catalog(ImageFile(path="setup.py", content=hostile)).packages == ()


def test_what_is_no_lock_file_is_an_error() -> None:
    for form in (NPM_LOCK, YARN_LOCK, PNPM_LOCK, CARGO_LOCK, GEMFILE_LOCK, COMPOSER_LOCK, GO_MOD, POM):
        with pytest.raises(InvalidInputError):
            form.catalog(ImageFile(path=next(iter(form.wants.names)), content=b'{"a": 1}\n'))


def test_a_parent_outside_the_sources_is_not_read(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    shutil.copytree(SAMPLES / "pom", sources)
    shutil.move(sources / "parent-pom.xml", tmp_path / "parent-pom.xml")
    pom = (sources / "pom.xml").read_text()
    (reader,) = looking_beside([POM], Folder(name="x", root=sources, is_source=True))
    for place in ("../parent-pom.xml", str(tmp_path / "parent-pom.xml"), "link.xml"):
        (sources / "link.xml").unlink(missing_ok=True)
        (sources / "link.xml").symlink_to(tmp_path / "parent-pom.xml")
        content = pom.replace("parent-pom.xml", place).encode()
        with pytest.raises(PartialError):
            reader.catalog(ImageFile(path="pom.xml", content=content))


def test_a_folder_of_sources_shows_them_and_an_image_does_not(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "npm-3", tmp_path / "web")
    shutil.copytree(SAMPLES / "go-old", tmp_path / "server")
    folder = Folder(name="x", root=tmp_path, is_source=True)
    seen = scan_image(folder, store=None, roster=SOURCE_CATALOGERS, secrets=SecretDetector())
    assert seen.outcomes == ()
    by_place = {component.location for component in seen.components}
    assert by_place == {"web/package-lock.json", "server/go.mod"}
    assert sum(component.location == "server/go.mod" for component in seen.components) == 3
    assert {component.ecosystem for component in seen.components} == {"npm", "Go"}
    rootfs = Folder(name="x", root=tmp_path)
    assert scan_image(rootfs, store=None, roster=CATALOGERS, secrets=SecretDetector()).components == ()


def test_the_lock_file_tells_why_an_installed_package_is_there(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "npm-3", tmp_path / "web")
    lock = json.loads((tmp_path / "web/package-lock.json").read_text())["packages"]
    for place, entry in lock.items():
        if place.startswith("node_modules/") and "version" in entry:
            (tmp_path / "web" / place).mkdir(parents=True, exist_ok=True)
            name = entry.get("name", place.rpartition("node_modules/")[2])
            (tmp_path / "web" / place / "package.json").write_text(
                json.dumps({"name": name, "version": entry["version"]})
            )
    folder = Folder(name="x", root=tmp_path, is_source=True)
    seen = scan_image(folder, store=None, roster=SOURCE_CATALOGERS, secrets=SecretDetector())
    installed = {it.location: it.scope for it in seen.components if it.basis is Basis.INSTALLED}
    for_development = {place for place, entry in lock.items() if entry.get("dev")}
    assert for_development
    assert {place for place, scope in installed.items() if scope is Scope.DEVELOPMENT} == {
        f"web/{place}/package.json" for place in for_development
    }
