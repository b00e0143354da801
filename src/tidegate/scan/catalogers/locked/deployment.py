# SPDX-License-Identifier: Apache-2.0
"""Lock files of what deploys: Terraform's providers and Helm's charts. A package URL has no type for either."""

import re
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind, Scope
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.checksums import hexadecimal
from tidegate.scan.catalogers.locked.form import LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.tables import table, tables, text
from tidegate.scan.catalogers.locked.yaml_form import read_yaml

_PROVIDER: Final = re.compile(r'provider "([^"\s]{1,300})" \{')
_VERSION: Final = re.compile(r'\n\s{1,20}version\s{1,20}= "([^"]{1,100})"')
_ARCHIVE_SUM: Final = re.compile(r'"zh:([0-9a-f]{64})"')


def read_terraform_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `provider` blocks; their `zh:` sums are of the archives.

    Raises:
        InvalidInputError: it is no lock file of Terraform.
    """
    blocks = _PROVIDER.split(gathering.content.decode(errors="replace"))
    if len(blocks) == 1 and blocks[0].strip() and "terraform" not in blocks[0] and "tofu" not in blocks[0]:
        raise InvalidInputError("no lock file of Terraform", where=gathering.path)
    for address, body in zip(blocks[1::2], blocks[2::2], strict=True):
        namespace, _, name = address.rpartition("/")
        block = body.partition("\n}")[0]
        version = _VERSION.search(block)
        gathering.add(
            PackageKind.GENERIC,
            name,
            version[1] if version else "",
            namespace=namespace,
            scope=Scope.BUILD,
            checksums=[it for digits in _ARCHIVE_SUM.findall(block) for it in hexadecimal(digits, "sha256")],
        )


def read_chart_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `dependencies`; charts of a folder are one's own.

    Raises:
        InvalidInputError: it is no lock file of Helm.
    """
    document = table(next(iter(read_yaml(gathering.content, where=gathering.path)), None))
    if not document.keys() & {"dependencies", "digest"}:
        raise InvalidInputError("no lock file of Helm", where=gathering.path)
    for it in tables(document.get("dependencies")):
        repository = text(it.get("repository"))
        if repository and not repository.startswith("file:"):
            gathering.add(
                PackageKind.GENERIC,
                text(it.get("name")),
                text(it.get("version")),
                namespace="helm",
                qualifiers={"repository_url": repository},
            )


TERRAFORM_LOCK: Final = LockedForm(
    name="terraform-lock", wants=named(".terraform.lock.hcl", max_bytes=4 * MIB), read=read_terraform_lock
)
CHART_LOCK: Final = LockedForm(
    name="chart-lock", wants=named("Chart.lock", "requirements.lock", max_bytes=4 * MIB), read=read_chart_lock
)
