# SPDX-License-Identifier: Apache-2.0
"""Actions and workflows that a workflow of GitHub's uses (`uses: owner/repository[/path]@ref`): parts of the build.

One pinned to a commit is of the version that the comment beside it names, as is the custom; the commit is kept.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from tidegate.bounds import MIB
from tidegate.inventory import Basis, PackageKind, Scope
from tidegate.scan.cataloger import ReadBeside, Wants
from tidegate.scan.catalogers.locked.form import LockedForm
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.tables import table, tables, text
from tidegate.scan.catalogers.locked.yaml_form import read_yaml

_USED: Final = re.compile(r"([A-Za-z0-9-]{1,100}/[A-Za-z0-9._-]{1,100})(?:/[^@\s]{1,300})?@([^\s@]{1,200})")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_COMMENTED: Final = re.compile(r"""uses: *["']?([^\s"'#]{1,500})["']? +# *(?:tag=)?(v?\d[0-9A-Za-z.-]{0,60})""")


def read_workflow(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads steps and called workflows, of workflows and of composite actions."""
    comments: dict[str, str] = dict(_COMMENTED.findall(gathering.content.decode(errors="replace")))
    for document in read_yaml(gathering.content, where=gathering.path):
        for used in _uses(table(document)):
            found = _USED.fullmatch(used)
            if found is None or used.startswith(("./", "docker:")):
                continue
            name, ref = found[1], found[2]
            is_commit = _COMMIT.fullmatch(ref) is not None
            gathering.add(
                PackageKind.GITHUB,
                name,
                comments.get(used, ref) if is_commit else ref,
                scope=Scope.BUILD,
                basis=Basis.LOCKED if is_commit else Basis.DECLARED,
                qualifiers={"vcs_url": f"git+https://github.com/{name}@{ref}"} if is_commit else {},
            )


def _uses(document: dict[str, Any]) -> Iterator[str]:
    for job in (table(it) for it in table(document.get("jobs")).values()):
        yield text(job.get("uses"))
        yield from (text(step.get("uses")) for step in tables(job.get("steps")))
    yield from (text(step.get("uses")) for step in tables(table(document.get("runs")).get("steps")))


GITHUB_ACTIONS: Final = LockedForm(
    name="github-actions",
    wants=Wants(
        folders=frozenset({".github/workflows"}), names=frozenset({"action.yml", "action.yaml"}), max_bytes=4 * MIB
    ),
    read=read_workflow,
    suits=lambda path: path.endswith((".yml", ".yaml")),
)
