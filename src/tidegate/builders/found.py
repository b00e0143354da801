# SPDX-License-Identifier: Apache-2.0
"""Which builder is there."""

import shutil
from pathlib import Path
from typing import Final

from tidegate.builders.buildah import ContainersBuilder
from tidegate.builders.buildkit import BuildkitBuilder, buildkit_client
from tidegate.builders.order import Builder, BuilderName
from tidegate.builders.program import Program
from tidegate.errors import OutsideError

_INSTALL: Final = {
    BuilderName.BUILDAH: "install buildah (apt-get install buildah, dnf install buildah)",
    BuilderName.PODMAN: "install podman (apt-get install podman, dnf install podman)",
    BuilderName.BUILDKIT: "install buildctl with a buildkitd that runs, or docker with its buildx",
}


def find_builder(wanted: BuilderName | None) -> BuilderName:
    """The one that is wanted, or else the first that is there.

    Raises:
        OutsideError: it is not there; says what to install.
    """
    for name in (wanted,) if wanted else BuilderName:
        if _is_there(name):
            return name
    if wanted is not None:
        raise OutsideError("is not on this machine", where=wanted.value, remedy=_INSTALL[wanted])
    raise OutsideError("no builder is on this machine", remedy=_INSTALL[BuilderName.BUILDAH])


def open_builder(name: BuilderName, folder: Path, run: Path, program: Program) -> Builder:
    """A builder that works in a folder of its own, its runtime state in `run`."""
    if name is BuilderName.BUILDKIT:
        return BuildkitBuilder(folder, program, buildkit_client())
    return ContainersBuilder(name, folder, run, program)


def _is_there(name: BuilderName) -> bool:
    return bool(buildkit_client()) if name is BuilderName.BUILDKIT else shutil.which(name.value) is not None
