# SPDX-License-Identifier: Apache-2.0
"""Real packages from the package index, each file checked by hash, unpacked as pip would install them."""

import shutil
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent


def site_packages(name: str, under: Path) -> Path:
    """Installs an image's packages into a folder of their own, once.

    Args:
        name: of a list in demo/images.
        under: where the folders are kept between runs.

    Raises:
        subprocess.CalledProcessError: the package index could not be reached, or a file is not the one pinned.
    """
    wanted, folder = _HERE / "images" / f"{name}.txt", under / name
    done = folder / ".done"
    if done.is_file() and done.read_bytes() == wanted.read_bytes():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    command: list[str | Path] = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--no-deps"]
    command += ["--require-hashes", "--only-binary", ":all:", "--python", sys.executable]
    command += ["--target", folder, "-r", wanted]
    subprocess.run(command, check=True)
    done.write_bytes(wanted.read_bytes())
    return folder
