# SPDX-License-Identifier: Apache-2.0
"""buildah and podman, which build alike: in a store of their own, so that nothing an earlier build left is used."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tidegate.builders.order import BuilderName, BuildOrder, BuiltStages, Tell
from tidegate.builders.program import Program
from tidegate.errors import OutsideError

_BUILT: Final = "localhost/tidegate-built:latest"
_STAGE: Final = re.compile(r"\[(\d+)/\d+\] STEP ")
_MADE: Final = re.compile(r"--> ([0-9a-f]{11,64})")
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+\S*")


class ContainersBuilder:
    """Drives one of the two (a `tidegate.builders.Builder`).

    Args:
        name: which.
        folder: for its store and what it hands over; must be empty, and is cleared by whoever made it.
        run: for its runtime state; podman takes no path of more than 50 characters.
        program: runs it.
    """

    def __init__(self, name: BuilderName, folder: Path, run: Path, program: Program) -> None:
        self.name = name
        self._folder = folder
        self._run = run
        self._program = program
        self._store = (name.value, "--root", str(folder / "store"), "--runroot", str(run))

    def version(self) -> str:
        """Of the program."""
        told = self._program.run([self.name.value, "--version"])
        found = _VERSION.search(told[-1] if told else "")
        return found[0] if found else ""

    def build(self, order: BuildOrder, *, stages: bool, tell: Tell) -> BuiltStages:
        """Builds; a step is a layer, so that each can be told apart."""
        self._folder.mkdir(exist_ok=True)
        self._run.mkdir(mode=0o700, parents=True)
        for base in order.bases:
            told = self._program.run([*self._store, "pull", "-q", f"oci:{base.layout}:{base.entry}"])
            self._program.run([*self._store, "tag", _last_id(told, self.name), base.alias])
        seen: dict[int, str] = {}
        stage = 1

        def follow(line: str) -> None:
            nonlocal stage
            if begun := _STAGE.match(line):
                stage = int(begun[1])
            elif made := _MADE.match(line):
                seen[stage - 1] = made[1]
            tell(line)

        self._program.run(self._command(order), tell=follow)
        image = self._handed_over(_BUILT, "image")
        last = max(seen, default=0)
        before = {number: made for number, made in seen.items() if stages and number < last}
        return BuiltStages(
            image=image,
            stages={number: self._handed_over(made, f"stage-{number}") for number, made in before.items()},
        )

    def _command(self, order: BuildOrder) -> list[str]:
        given = ["build", "--layers", "--pull=never", "--format=oci", "--jobs=1", f"--tag={_BUILT}"]
        given += [f"--file={order.dockerfile}"]
        given += [f"--ignorefile={order.ignore_file}"] if order.ignore_file else []
        given += [f"--target={order.target}"] if order.target else []
        given += [f"--platform={order.platform}"] if order.platform else []
        given += [f"--network={order.network}"] if order.network else []
        given += [f"--build-arg={name}={value}" for name, value in order.arguments.items()]
        given += [f"--secret=id={one.id},src={one.path}" for one in order.secrets]
        given += [f"--ssh={one}" for one in order.ssh]
        return [*self._store, *given, str(order.context)]

    def _handed_over(self, image: str, name: str) -> Path:
        layout = self._folder / name
        # Packed anew afterwards in any case; podman knows no way to leave it out.
        plain = ["--disable-compression"] if self.name is BuilderName.BUILDAH else []
        self._program.run([*self._store, "push", "-q", *plain, image, f"oci:{layout}:built"])
        return layout


def _last_id(told: Sequence[str], name: str) -> str:
    for line in reversed(told):
        if re.fullmatch(r"[0-9a-f]{64}", line.strip()):
            return line.strip()
    raise OutsideError("did not tell which image it took in", where=name)
