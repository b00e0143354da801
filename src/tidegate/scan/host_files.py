# SPDX-License-Identifier: Apache-2.0
"""What of a host tells its versions: databases of packages, the programs of runtimes, the kernel's image.

A host holds more than an image does, its containers' files first of all: nothing else of it is walked.
"""

from collections.abc import Iterable
from typing import Final

from tidegate.inventory.path_pattern import path_pattern
from tidegate.scan.os_release import PRECEDENCE
from tidegate.scan.passing_over import PassedOver

PROGRAMS: Final = frozenset(
    {
        "aardvark-dns", "buildah", "buildkitd", "cilium-cni", "conmon", "conmonrs", "containerd", "containerd-shim",
        "containerd-shim-runc-v2", "cri-dockerd", "crio", "crun", "docker", "docker-proxy", "dockerd", "etcd", "k3s",
        "kata-runtime", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubeadm",
        "kubectl", "kubelet", "netavark", "nerdctl", "nvidia-container-runtime", "podman", "runc", "runsc", "skopeo",
        "youki",
    }
)  # fmt: skip
"""Names of programs that run containers, or have them run."""
_DATABASES: Final = (
    "lib/apk", "usr/lib/apk", "usr/lib/sysimage/rpm", "usr/share/rpm", "var/lib/dpkg", "var/lib/pacman/local",
    "var/lib/rpm",
)  # fmt: skip
_PLUG_INS: Final = ("opt/cni/bin", "usr/lib/cni", "usr/libexec/cni", "var/lib/cni/bin")
"""Where network plug-ins lie, whatever they are called."""
_BINARIES: Final = (
    "bin", "home/kubernetes/bin", "opt/bin", "opt/containerd/bin", "sbin", "usr/bin", "usr/lib/cri-o-runc/sbin",
    "usr/lib/podman", "usr/libexec/crio", "usr/libexec/podman", "usr/local/bin", "usr/local/sbin", "usr/sbin",
    "var/lib/rancher/k3s/data/*/bin", "var/lib/rancher/rke2/data/*/bin",
)  # fmt: skip
_KERNELS: Final = "boot/vmlinuz*"


class HostFiles(PassedOver):
    """Passes over everything else.

    Args:
        beside: further programs by their paths, such as those that run, without a leading slash.
    """

    def __init__(self, beside: Iterable[str] = ()) -> None:
        super().__init__()
        self._beside = frozenset(path.lstrip("/") for path in beside)
        folders = (*_DATABASES, *_PLUG_INS, *_BINARIES)
        above = {head for path in (*folders, *self._beside, *PRECEDENCE, _KERNELS) for head in _above(path)}
        self._entered = [path_pattern(path).fullmatch for path in {*folders, *above}]
        self._within = tuple(f"{path}/" for path in (*_DATABASES, *_PLUG_INS))
        self._files = (path_pattern(_KERNELS).fullmatch,)
        self._binaries = [path_pattern(path).fullmatch for path in _BINARIES]
        self.word = "\n".join(("host", *sorted(self._beside)))

    def __bool__(self) -> bool:
        """Something always is."""
        return True

    def has_folder(self, path: str) -> bool:
        """Whether nothing below it is wanted."""
        return not (path.startswith(self._within) or any(fits(path) for fits in self._entered))

    def has(self, path: str) -> bool:
        """Whether a file is not wanted; what lies at the root, where links to /usr are, costs nothing."""
        folder, _, name = path.rpartition("/")
        is_wanted = (
            not folder
            or path in PRECEDENCE
            or path in self._beside
            or path.startswith(self._within)
            or any(fits(path) for fits in self._files)
            or (name in PROGRAMS and any(fits(folder) for fits in self._binaries))
        )
        return not is_wanted


def _above(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
