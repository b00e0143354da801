# SPDX-License-Identifier: Apache-2.0
"""npm packages: what is a package, what only lies in one, and what a manifest tells."""

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from installed_forms import packages, read, refusal, takers_of, told
from installed_samples import zipped

from tidegate.inventory import Basis, PackageKind
from tidegate.scan.purl import component_purl
from tidegate.scan.source_roster import SOURCE_CATALOGERS

MANIFEST = b'{"name": "left", "version": "1.0.0"}'


@pytest.mark.parametrize(
    ("path", "basis"),
    [
        ("app/node_modules/left/package.json", Basis.INSTALLED),
        ("node_modules/left/package.json", Basis.INSTALLED),
        ("node_modules/@scope/left/package.json", Basis.INSTALLED),
        ("a/node_modules/b/node_modules/left/package.json", Basis.INSTALLED),
        ("a/node_modules/.pnpm/left@1.0.0/node_modules/left/package.json", Basis.INSTALLED),
        ("usr/local/lib/node_modules/npm/node_modules/left/package.json", Basis.INSTALLED),
        ("app/package.json", Basis.INSTALLED),
        ("package.json", Basis.INSTALLED),
        ("usr/share/nodejs/left/package.json", Basis.INSTALLED),
        ("node_modules/a/dist/esm/package.json", Basis.DECLARED),
        ("node_modules/a/test/left/package.json", Basis.DECLARED),
        ("node_modules/@scope/a/compat/package.json", Basis.DECLARED),
    ],
)
def test_a_package_is_what_lies_directly_in_node_modules(path: str, basis: Basis) -> None:
    (package,) = packages(path, MANIFEST)
    assert (package.name, package.version, package.kind, package.basis) == ("left", "1.0.0", PackageKind.NPM, basis)


def test_all_that_a_manifest_tells() -> None:
    raw = hashlib.sha512(b"x").digest()
    text = (
        b'\xef\xbb\xbf{"name": "@a/b", "version": "v2.0.0-rc.1+build", "license": {"type": "MIT", "url": "x"},'
        b' "licenses": [{"type": "Apache-2.0"}, "MIT"], "author": {"name": "Ann", "email": "a@b.c"},'
        b' "deprecated": "use\\nanother", "_integrity": "sha512-' + base64.b64encode(raw) + b'"}'
    )
    (package,) = packages("node_modules/@a/b/package.json", text)
    assert package.version == "2.0.0-rc.1+build"
    assert package.licenses == ("MIT", "Apache-2.0")
    assert package.supplier == "Ann <a@b.c>"
    assert package.deprecated == "use another"
    assert package.checksums == (f"sha512:{raw.hex()}",)
    assert component_purl(package, None) == "pkg:npm/%40a/b@2.0.0-rc.1%2Bbuild"


@pytest.mark.parametrize(
    "text",
    [
        b'{"type": "module"}',
        b'{"name": "a"}',
        b'{"version": "1.0.0"}',
        b'{"name": "a", "version": "${version}"}',
        b'{"name": "a b", "version": "1.0.0"}',
        b'{"name": "a/b", "version": "1.0.0"}',
        b'{"name": 7, "version": []}',
    ],
)
def test_a_manifest_without_name_and_version_is_no_package(text: bytes) -> None:
    assert packages("node_modules/a/package.json", text) == []


def test_nonsense_is_told_of_packages_and_passed_over_in_them() -> None:
    assert "not JSON" in refusal("node_modules/a/package.json", b"{,")
    assert "object" in refusal("node_modules/a/package.json", b"[1]")
    assert refusal("node_modules/a/package.json", b'{"a":' * 100_000)
    assert packages("node_modules/a/test/package.json", b"{,") == []


def test_yarn_keeps_packages_as_zip_files() -> None:
    content = zipped(
        {
            "node_modules/left/package.json": MANIFEST,
            "node_modules/left/fixture/package.json": b'{"name": "no", "version": "1.0.0"}',
        }
    )
    assert told("app/.yarn/cache/left-npm-1.0.0-0123456789-8.zip", content) == [("left", "1.0.0")]
    assert takers_of("app/data/left.zip") == []
    facts, reason = read(
        "app/.yarn/cache/left.zip",
        zipped({"node_modules/a/package.json": b"{"} | {"node_modules/left/package.json": MANIFEST}),
    )
    assert [package.name for package in facts.packages] == ["left"]
    assert "1 entries could not be read" in reason


@pytest.mark.tools
def test_what_the_real_npm_lists_is_what_is_read(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is missing; install Node.js")
    archives: list[Path] = []
    for name, version in (("left", "1.0.0"), ("@tide/right", "2.0.0-rc.1"), ("left", "3.0.0")):
        folder = tmp_path / f"{name.replace('/', '-')}-{version}"
        (folder / "dist").mkdir(parents=True)
        manifest: dict[str, Any] = {"name": name, "version": version, "license": "MIT"}
        if name != "left":
            manifest |= {"dependencies": {"left": f"file:{archives[0]}"}, "bundleDependencies": False}
        (folder / "package.json").write_text(json.dumps(manifest))
        (folder / "dist" / "package.json").write_text('{"type": "module"}')
        done = _npm(npm, tmp_path, "pack", "--json", str(folder))
        archives.append(tmp_path / json.loads(done)[0]["filename"])
    app = tmp_path / "app"
    app.mkdir()
    (app / "package.json").write_text('{"name": "shop", "version": "0.1.0"}')
    _npm(npm, app, "install", "--offline", "--no-audit", "--no-fund", str(archives[1]), str(archives[2]))
    _npm(npm, app, "install", "--offline", "--no-audit", "--no-fund", f"again@file:{archives[0]}")
    listed = json.loads(_npm(npm, app, "ls", "--all", "--json"))
    files = sorted(app.rglob("package.json"))
    found = [package for file in files for package in packages(str(file.relative_to(app)), file.read_bytes())]
    assert {(it.name, it.version) for it in found} == {("shop", "0.1.0"), *_listed(listed)}
    assert {it.basis for it in found} == {Basis.INSTALLED}


def _npm(npm: str, folder: Path, *arguments: str) -> str:
    return subprocess.run([npm, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def _listed(tree: dict[str, Any]) -> set[tuple[str, str]]:
    """What `npm ls` shows; an alias is shown by its own name, the package by the folder's manifest."""
    found = set()
    for name, entry in tree.get("dependencies", {}).items():
        if "version" in entry:
            found.add(("left" if name == "again" else name, entry["version"]))
        found |= _listed(entry)
    return found


def test_a_folder_of_sources_tells_of_its_trees_and_not_of_its_own_projects() -> None:
    (node,) = (it for it in SOURCE_CATALOGERS if it.name == "node")
    assert node.accepts("web/node_modules/a/package.json")
    assert node.accepts("node_modules/@s/a/package.json")
    assert node.accepts(".yarn/cache/a-npm-1.0.0-0123456789-10.zip")
    assert not node.accepts("package.json")
    assert not node.accepts("packages/web/package.json")
