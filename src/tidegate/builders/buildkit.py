# SPDX-License-Identifier: Apache-2.0
"""BuildKit, through `docker buildx` or `buildctl`: bases are handed over as layout folders, the image comes as one."""

import re
import shutil
import tarfile
from pathlib import Path
from typing import Final

from tidegate.builders.order import BuilderName, BuildOrder, BuiltStages, Tell
from tidegate.builders.program import Program
from tidegate.errors import OutsideError

_VERSION: Final = re.compile(r"v?\d+(?:\.\d+)+\S*")


class BuildkitBuilder:
    """Drives BuildKit (a `tidegate.builders.Builder`).

    Args:
        folder: for what it hands over.
        program: runs it.
        client: `docker` or `buildctl`.
    """

    name: BuilderName = BuilderName.BUILDKIT

    def __init__(self, folder: Path, program: Program, client: str) -> None:
        self._folder = folder
        self._program = program
        self._client = client

    def version(self) -> str:
        """Of the client; the service tells its own only to some."""
        command = ["docker", "buildx", "version"] if self._client == "docker" else ["buildctl", "--version"]
        told = self._program.run(command)
        found = _VERSION.search(told[-1] if told else "")
        return found[0] if found else ""

    def build(self, order: BuildOrder, *, stages: bool, tell: Tell) -> BuiltStages:
        """Builds without its cache; the stages before the last are not shown by BuildKit."""
        del stages
        self._folder.mkdir(exist_ok=True)
        archive = self._folder / "image.tar"
        self._program.run(self.command(order, archive), tell=tell)
        layout = self._folder / "image"
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(layout, filter="data")
        except (OSError, tarfile.TarError) as error:
            raise OutsideError(f"handed over no image: {error}", where=self._client) from error
        archive.unlink()
        return BuiltStages(image=layout, stages={})

    def command(self, order: BuildOrder, archive: Path) -> list[str]:
        """The command line of a build."""
        return self._buildx(order, archive) if self._client == "docker" else self._buildctl(order, archive)

    def _buildx(self, order: BuildOrder, archive: Path) -> list[str]:
        given = ["docker", "buildx", "build", "--no-cache", "--progress=plain", "--provenance=false", "--sbom=false"]
        given += [f"--output=type=oci,dest={archive}", f"--file={order.dockerfile}"]
        given += [f"--build-context={one.alias}=oci-layout://{one.layout}@{one.digest}" for one in order.bases]
        given += [f"--target={order.target}"] if order.target else []
        given += [f"--platform={order.platform}"] if order.platform else []
        given += [f"--network={order.network}"] if order.network else []
        given += [f"--build-arg={name}={value}" for name, value in order.arguments.items()]
        given += [f"--secret=id={one.id},src={one.path}" for one in order.secrets]
        given += [f"--ssh={one}" for one in order.ssh]
        return [*given, str(order.context)]

    def _buildctl(self, order: BuildOrder, archive: Path) -> list[str]:
        given = ["buildctl", "build", "--no-cache", "--progress=plain", "--frontend=dockerfile.v0"]
        given += [f"--local=context={order.context}", f"--local=dockerfile={order.dockerfile.parent}"]
        given += [f"--opt=filename={order.dockerfile.name}"]
        given += [f"--output=type=oci,dest={archive}"]
        for number, one in enumerate(order.bases):
            given += [f"--oci-layout=base{number}={one.layout}"]
            given += [f"--opt=context:{one.alias}=oci-layout://base{number}@{one.digest}"]
        given += [f"--opt=target={order.target}"] if order.target else []
        given += [f"--opt=platform={order.platform}"] if order.platform else []
        given += [f"--opt=force-network-mode={order.network}"] if order.network else []
        given += [f"--opt=build-arg:{name}={value}" for name, value in order.arguments.items()]
        given += [f"--secret=id={one.id},src={one.path}" for one in order.secrets]
        return [*given, *(f"--ssh={one}" for one in order.ssh)]


def buildkit_client() -> str:
    """The client that is there: `buildctl` or `docker`; "" for none."""
    return next((one for one in ("buildctl", "docker") if shutil.which(one)), "")
