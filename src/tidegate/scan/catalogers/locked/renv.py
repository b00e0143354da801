# SPDX-License-Identifier: Apache-2.0
"""R's `renv.lock`: packages of CRAN, Bioconductor (`pkg:generic/bioconductor/…`: it has no type), repositories."""

from typing import Final

from tidegate.inventory import PackageKind
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.form import LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.json_form import Raw, decoded, entry
from tidegate.values import Struct, field

_HOSTS: Final = {"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}


class _Package(Struct, frozen=True, rename="pascal"):
    version: str
    package: str = ""
    source: str = ""
    remote_username: str = ""
    remote_repo: str = ""
    remote_sha: str = ""


class _Document(Struct, frozen=True):
    packages: dict[str, Raw] = field(name="Packages")


def read_renv_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `Packages`.

    Raises:
        InvalidInputError: it is no lock file of renv.
    """
    for name, raw in decoded(gathering.content, _Document, where=gathering.path).packages.items():
        found = entry(gathering, name, raw, _Package)
        if found is None or found.source.lower() == "local":
            continue
        is_bioconductor = found.source.lower() == "bioconductor"
        host = _HOSTS.get(found.source.lower())
        url = f"git+https://{host}/{found.remote_username}/{found.remote_repo}@{found.remote_sha}"
        gathering.add(
            PackageKind.GENERIC if is_bioconductor else PackageKind.CRAN,
            found.package or name,
            found.version,
            namespace="bioconductor" if is_bioconductor else "",
            qualifiers={"vcs_url": url} if host and found.remote_repo else {},
        )


RENV_LOCK: Final = LockedForm(name="renv-lock", wants=named("renv.lock"), read=read_renv_lock)
