# SPDX-License-Identifier: Apache-2.0
"""A host's software: which kernel runs of those that are installed, and what speaks of runtimes before all else."""

import re
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from tidegate.evidence import Finding
from tidegate.inventory import Basis, Component, Ecosystem, Inventory, PackageKind, PackageUrl, Version
from tidegate.knowledge.versions import InvalidVersionError, order_of
from tidegate.values import replace

KERNEL: Final = "linux-kernel"
"""Name of a kernel that no distribution's package stands for, as the scanner's table of programs has it."""
_BANNER: Final = "proc/version"
_MODULES: Final = {
    "containerd": "github.com/containerd/containerd",
    "kubernetes": "k8s.io/kubernetes",
    "runc": "github.com/opencontainers/runc",
}
"""Programs by the names they are recognised by, and the Go module whose advisories speak of them."""
_UNTOLD: Final = "(devel)"
"""Version of a Go module whose builder left it out."""
_RUNTIMES: Final = frozenset(
    {
        *_MODULES, *_MODULES.values(), "aardvark-dns", "buildah", "buildkitd", "conmon", "containerd-app",
        "containerd.io", "containernetworking-plugins", "cri-o", "cri-tools", "crio", "crun", "docker", "docker-ce",
        "docker-ce-cli", "docker-cli", "docker.io", "github.com/containernetworking/plugins",
        "github.com/containers/podman", "github.com/cri-o/cri-o", "github.com/docker/cli", "github.com/docker/docker",
        "github.com/moby/buildkit", "github.com/moby/moby", "gvisor", "gvisor.dev/gvisor", "k3s", "kata-containers",
        "kubeadm", "kubectl", "kubelet", "kubernetes-cni", "moby-engine", "nerdctl", "netavark",
        "nvidia-container-toolkit", "podman", "runc-app", "runsc", "skopeo", "youki",
    }
)  # fmt: skip
_MAJOR: Final = re.compile(r"/v\d{1,3}$")
_KERNEL_PACKAGES: Final = re.compile(
    r"linux-image-(?:unsigned-)?(?P<release>\d[\w.+-]*)"  # Debian, Ubuntu
    r"|kernel(?:-core|-default|-uek(?:-core)?)?|linux-(?:lts|virt|edge|hardened|zen)?|linux"
)
_DEBIAN: Final = re.compile(r" Debian (\S{1,100}) \(")
_UBUNTU: Final = re.compile(r"\(Ubuntu (\d[\d.]*-\d+\.\d+(?:\.\d+)*)")
_ALPINE: Final = re.compile(r"(\d[\d.]*)-(\d+)-\w+")


class Subject(IntEnum):
    """What a finding on a host speaks of, the nearest to its containers first."""

    RUNTIME = 0
    KERNEL = 1
    REST = 2


class Kernels(NamedTuple):
    """The kernel's packages of a host.

    Attributes:
        running: package of the kernel that runs; None when none can be told to be.
        newest: the newest that is installed; None when there is none.
    """

    running: Component | None
    newest: Component | None

    @property
    def owes_restart(self) -> bool:
        """A newer kernel is installed than the one that runs."""
        return self.running is not None and self.newest is not None and self.running.version != self.newest.version


def kernels_of(components: Sequence[Component], *, release: str, build: str) -> Kernels:
    """Tells the running kernel's package, by what distributions write into a kernel's banner and release.

    A package that was replaced since the host started stands for its own older version: that one runs.

    Args:
        components: of the host.
        release: as `uname -r` says it.
        build: the kernel's banner, proc_version(5).
    """
    packages = [one for one in components if _is_kernel_package(one)]
    newest = max(packages, key=_version_key, default=None)
    of_flavour = [one for one in packages if _is_flavour(one, release)]
    running = next((one for one in packages if _is_release(one, release)), None)
    told = _told(release, build)
    if told and (running is None or running.version != told):
        exact = next((one for one in packages if one.version == told), None)
        like = running or next(iter((*of_flavour, *packages)), None)
        running = exact or (like and _of_version(like, told))
    return Kernels(running=running, newest=newest)


def as_host(inventory: Inventory, *, release: str, build: str) -> Inventory:
    """A host's inventory as advisories shall be held against it.

    Of its kernels, the one that runs and the newest one count; those that are merely left are not told. A kernel of
    no package is told by its own release. Programs whose builders left their version out of Go's build information
    are judged by the version that they print.
    """
    kernels = kernels_of(inventory.components, release=release, build=build)
    kept = [one for one in inventory.components if not (_is_kernel_package(one) or one.name == KERNEL)]
    if kernels.running is not None:
        kept.append(kernels.running)
    elif release:
        kept.append(_of_release(inventory, release))
    if kernels.newest is not None and kernels.newest != kernels.running:
        kept.append(kernels.newest)
    return replace(inventory, components=tuple(_with_versions(kept)))


def subject_of(component: Component | Finding) -> Subject:
    """What a component, or a finding in one, is of."""
    name = _MAJOR.sub("", component.name)
    if name in _RUNTIMES:
        return Subject.RUNTIME
    is_kernel = name == KERNEL or _KERNEL_PACKAGES.fullmatch(name)
    return Subject.KERNEL if is_kernel else Subject.REST


def runtimes_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings by what they speak of; within that, in the order they had."""
    return tuple(sorted(findings, key=subject_of))


def _is_kernel_package(one: Component) -> bool:
    return one.kind.is_of_distribution and _KERNEL_PACKAGES.fullmatch(one.name) is not None


def _is_release(one: Component, release: str) -> bool:
    """By the package's name (Debian), or by its version and machine (rpm)."""
    found = _KERNEL_PACKAGES.fullmatch(one.name)
    if found and found["release"]:
        return found["release"] == release
    version = one.version.rpartition(":")[2]
    return release in {version, f"{version}.{one.architecture}"}


def _is_flavour(one: Component, release: str) -> bool:
    """Built alike: `linux-image-6.1.0-18-amd64` and a release that ends in `-amd64`."""
    return one.name.rpartition("-")[2] == release.rpartition("-")[2]


def _told(release: str, build: str) -> str:
    """The package's version as the kernel itself tells it; "" when it does not."""
    if found := _DEBIAN.search(build) or _UBUNTU.search(build):
        return found[1]
    found = _ALPINE.fullmatch(release)
    return f"{found[1]}-r{found[2]}" if found and "Alpine" in build else ""


def _of_version(like: Component, version: str) -> Component:
    """The same package in the version that runs, which is installed no longer."""
    purl = like.purl.replace(f"@{like.version}", f"@{version}", 1)
    source = version if like.source_version else ""
    return replace(like, version=Version(version), source_version=source, purl=PackageUrl(purl), basis=Basis.RECOGNISED)


def _of_release(inventory: Inventory, release: str) -> Component:
    return Component(
        kind=PackageKind.GENERIC,
        name=KERNEL,
        version=Version(release),
        purl=PackageUrl(f"pkg:generic/{KERNEL}@{release}"),
        ecosystem=Ecosystem(""),
        location=_BANNER,
        layer=inventory.digest,
        cataloger="host",
        basis=Basis.RECOGNISED,
    )


def _version_key(one: Component) -> bytes:
    order = order_of(one.ecosystem)
    try:
        return order.key(one.version) if order else b""
    except InvalidVersionError:
        return b""


def _with_versions(components: Sequence[Component]) -> Iterator[Component]:
    """Programs under the names of their Go modules, in the version they print, where no build information has it."""
    printed = {
        (one.location, _MODULES[one.name]): one
        for one in components
        if one.kind is PackageKind.GENERIC and one.owner is None and one.name in _MODULES
    }
    for one in components:
        key = (one.location, _MAJOR.sub("", one.name))
        if key not in printed or one.kind is not PackageKind.GOLANG:
            yield one
        elif one.version != _UNTOLD:
            printed.pop(key)
            yield one
    for (_, module), program in printed.items():
        yield _as_module(module, program)


def _as_module(module: str, program: Component) -> Component:
    """Named as Go's advisories name it, with the major version from 2 on."""
    major = program.version.partition(".")[0]
    name = module if major in {"0", "1"} else f"{module}/v{major}"
    version = f"v{program.version}"
    return replace(
        program,
        kind=PackageKind.GOLANG,
        name=name,
        version=Version(version),
        purl=PackageUrl(f"pkg:golang/{name}@{version}"),
        ecosystem=Ecosystem("Go"),
    )
