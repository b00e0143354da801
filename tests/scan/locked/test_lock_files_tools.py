# SPDX-License-Identifier: Apache-2.0
"""The tools themselves, asked again where they are installed and need no network."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tidegate.scan.cataloger import ImageFile
from tidegate.scan.catalogers.locked.composer import COMPOSER_LOCK
from tidegate.scan.catalogers.locked.form import LockedForm
from tidegate.scan.catalogers.locked.gomod import GO_MOD
from tidegate.scan.catalogers.locked.npm import NPM_LOCK
from tidegate.scan.catalogers.locked.uv import UV_LOCK

pytestmark = pytest.mark.tools
SAMPLES = Path(__file__).parent / "samples"
UV = Path(__file__).resolve().parents[3] / ".venv" / "bin" / "uv"


def found_in(form: LockedForm, folder: str, name: str) -> set[tuple[str, str]]:
    facts = form.catalog(ImageFile(path=name, content=(SAMPLES / folder / name).read_bytes()))
    return {(package.name, package.version) for package in facts.packages}


def said_by(tool: str, *arguments: str, folder: Path) -> str:
    """What a tool prints; the test skips where it is missing."""
    program = shutil.which(tool)
    if program is None:
        pytest.skip(f"{tool} is missing; install it")
    environment = {"PATH": "/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "GOFLAGS": "-mod=mod"}
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("version", ["1", "2", "3"])
def test_npm_lists_the_same(version: str, tmp_path: Path) -> None:
    lock = json.loads((SAMPLES / f"npm-{version}" / "package-lock.json").read_text())
    root = json.loads((SAMPLES / "npm-3" / "package-lock.json").read_text())["packages"]
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    (tmp_path / "package.json").write_text(json.dumps(root[""]))
    (tmp_path / "packages/own").mkdir(parents=True)
    (tmp_path / "packages/own/package.json").write_text(json.dumps(root["packages/own"]))
    listed: set[tuple[str, str]] = set()

    def gather(node: dict[str, Any]) -> None:
        for name, inner in node.get("dependencies", {}).items():
            if "version" in inner and name != "own":
                listed.add(("lodash" if name == "lodash3" else name, inner["version"]))
            gather(inner)

    gather(json.loads(said_by("npm", "ls", "--all", "--json", "--package-lock-only", "--offline", folder=tmp_path)))
    assert found_in(NPM_LOCK, f"npm-{version}", "package-lock.json") == listed


@pytest.mark.parametrize("folder", ["go-new", "go-replaced"])
def test_go_reads_the_same_requirements(folder: str, tmp_path: Path) -> None:
    shutil.copy(SAMPLES / folder / "go.mod", tmp_path)
    document = json.loads(said_by("go", "mod", "edit", "-json", folder=tmp_path))
    listed = set()
    for module in document["Require"]:
        new = module
        for it in document.get("Replace") or []:
            if it["Old"]["Path"] == module["Path"] and it["Old"].get("Version") in {None, module["Version"]}:
                new = it["New"]
        if "Version" in new:
            listed.add((new["Path"], new["Version"]))
    assert {it for it in found_in(GO_MOD, folder, "go.mod") if it[0] != "stdlib"} == listed


def test_uv_lists_the_same(tmp_path: Path) -> None:
    if not UV.is_file() and shutil.which("uv") is None:
        pytest.skip("uv is missing; install the build group")
    shutil.copy(SAMPLES / "uv/uv.lock", tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "sample"\nversion = "0.1.0"\nrequires-python = ">=3.11"\ndependencies = ["click==8.1.7"]\n'
        '[project.optional-dependencies]\nextra = ["attrs==23.1.0"]\n[dependency-groups]\ndev = ["pytest==8.0.0"]\n'
    )
    tool = str(UV) if UV.is_file() else "uv"
    listed = said_by(tool, "tree", "--frozen", "--offline", "--universal", "--all-groups", folder=tmp_path)
    assert set(re.findall(r"── (\S+) v(\S+)", listed)) == found_in(UV_LOCK, "uv", "uv.lock")


def test_composer_lists_the_same(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "composer/composer.lock", tmp_path)
    (tmp_path / "composer.json").write_text("{}")
    listed = said_by("composer", "show", "--locked", "--no-plugins", folder=tmp_path)
    assert set(re.findall(r"^(\S+) +(\S+)", listed, re.MULTILINE)) == found_in(
        COMPOSER_LOCK, "composer", "composer.lock"
    )
