# SPDX-License-Identifier: Apache-2.0
"""Go programs: the modules linked into them, the main module, and Go's own standard library.

Read from the build information every Go program carries, stripped ones too. Versions are as Go writes them (`v1.2.3`);
the standard library is `stdlib` with the toolchain's version (`1.22.3`), which is how OSV's ecosystem "Go" names it.
"""

import re
from datetime import datetime
from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import Basis, FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.go_build_info import GoBuildInfo, GoModule, go_build_info
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.executables import executables_of
from tidegate.values import replace

MAX_FLAG_CHARS: Final = 65_536
"""Characters of `-ldflags` looked at for a version."""

_DEVEL: Final = "(devel)"
_TOOLCHAIN: Final = re.compile(r"go(\d+)\.(\d+)(?:\.(\d+))?(?:(rc|beta)(\d+))?")
_DEVEL_TOOLCHAIN: Final = re.compile(r"devel go(\d+)\.(\d+)-")
_VARIABLE: Final = re.compile(
    r"-X[ =]?['\"]?([\w./~-]{1,200})\.(?:(?:git|app|build|release|product)?_?version(?:string|number)?)"
    r"=['\"]?(v?\d{1,9}\.\d{1,9}(?:\.\d{1,9})?(?:[-+.][\w.+-]{1,100})?)(?=['\"\s]|$)",
    re.IGNORECASE,
)
_REVISION: Final = re.compile(r"[0-9a-f]{12,64}")
_REPOSITORY: Final = re.compile(r"(?:github\.com|gitlab\.com|bitbucket\.org)/[\w.-]{1,100}/[\w.-]{1,100}(?=/|$)")
_LOCAL: Final = ("./", "../", "/")
_OWN_TOOLS: Final = "cmd/"
_LOOSE: Final = "command-line-arguments"
"""What `go build one.go` calls a main package of files that are of no package."""


class GoBinaryCataloger:
    """Reads the modules of Go programs."""

    name = "go-binary"
    version = 2
    wants = Wants(programs=True, max_bytes=192 * MIB)

    def accepts(self, path: str) -> bool:
        """True for every program, but for what was stripped off one: it has sections without their bytes."""
        return not path.endswith(".debug")

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one program, or each of a universal one.

        Raises:
            PartialError: a module has no name or version.
            InvalidInputError: the program's headers or its build information are broken or hostile.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        seen: set[Package] = set()
        for program in executables_of(file.content, file.path):
            info = go_build_info(program, file.path)
            if info is not None:
                for package in _packages(info):
                    if package not in seen:
                        seen.add(package)
                        harvest.add(package)
        return harvest.facts()


def standard_library_version(toolchain: str) -> str:
    """The version of `stdlib` that a toolchain brings: `go1.22.3 X:boringcrypto` is `1.22.3`; "" when unknown.

    Releases are as they are; candidates get the form that compares before the release: `go1.21rc2`, `1.21.0-rc.2`.
    """
    if found := _DEVEL_TOOLCHAIN.match(toolchain):
        return f"{found[1]}.{found[2]}.0-devel"
    found = _TOOLCHAIN.match(toolchain)
    if found is None:
        return ""
    major, minor, patch, stage, number = found.groups()
    if stage:
        return f"{major}.{minor}.{patch or 0}-{stage}.{number}"
    return f"{major}.{minor}" + (f".{patch}" if patch else "")


def _packages(info: GoBuildInfo) -> list[Package]:
    found = [_package(_effective(module, replaced)) for module, replaced in info.modules]
    if info.main is not None:
        found.append(_package(_main(info.main, info.settings)))
    elif outside := _outside(info):
        found.append(replace(_package(outside), basis=Basis.RECOGNISED))
    if version := standard_library_version(info.go_version):
        name, licenses = "stdlib", ("BSD-3-Clause",)
        found.append(Package(kind=PackageKind.GOLANG, name=name, version=Version(version), licenses=licenses))
    return found


def _effective(module: GoModule, replaced: GoModule | None) -> GoModule:
    """What was linked in: the replacement, but under the module's own name when that is a folder of the builder's."""
    if replaced is None or replaced.path.startswith(_LOCAL) or not replaced.version or "\\" in replaced.path:
        return module
    return replaced


def _package(module: GoModule) -> Package:
    return Package(
        kind=PackageKind.GOLANG,
        name=module.path,
        version=Version(module.version or _DEVEL),
        checksums=(module.checksum,) if module.checksum.startswith("h1:") else (),
    )


def _main(module: GoModule, settings: dict[str, str]) -> GoModule:
    if module.version not in {"", _DEVEL}:
        return module
    version = _flagged(module.path, settings.get("-ldflags", "")) or _committed(settings) or _DEVEL
    return GoModule(module.path, version, module.checksum)


def _outside(info: GoBuildInfo) -> GoModule | None:
    """What a program is that was built outside of modules: Docker's are, distributions' often, and Go's own tools.

    Its repository, if its flags date it; or else its main package, which for Go's own (`cmd/vet`) is the toolchain's.
    """
    found = _REPOSITORY.match(info.path)
    if found and (version := _flagged(found[0], info.settings.get("-ldflags", ""), own_only=True)):
        return GoModule(found[0], version)
    if info.path in {"", _LOOSE} or "\\" in info.path:
        return None
    return GoModule(info.path, standard_library_version(info.go_version) if info.path.startswith(_OWN_TOOLS) else "")


def _flagged(path: str, flags: str, *, own_only: bool = False) -> str:
    """The version that was written into a variable by the linker; "" for none, or when several disagree.

    A variable of the main package is asked first, then one of the main module, then any other: builders put theirs
    into a library's as well (`k8s.io/component-base/version.gitVersion`).
    """
    ranked: dict[int, set[str]] = {}
    for package, version in _VARIABLE.findall(flags[:MAX_FLAG_CHARS]):
        rank = 0 if package == "main" else 1 if package == path or package.startswith(f"{path}/") else 2
        if own_only and rank > 1:
            continue
        ranked.setdefault(rank, set()).add(version if version.startswith(("v", "V")) else f"v{version}")
    best = ranked[min(ranked)] if ranked else set()
    return next(iter(best)) if len(best) == 1 else ""


def _committed(settings: dict[str, str]) -> str:
    """The pseudo-version of the commit it was built from, as Go 1.24 and later write it themselves."""
    revision, time = settings.get("vcs.revision", ""), settings.get("vcs.time", "")
    if not _REVISION.fullmatch(revision):
        return ""
    try:
        moment = datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - the Z is literal: it is written again
    except ValueError:
        return ""
    dirty = "+dirty" if settings.get("vcs.modified") == "true" else ""
    return f"v0.0.0-{moment:%Y%m%d%H%M%S}-{revision[:12]}{dirty}"
