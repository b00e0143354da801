# SPDX-License-Identifier: Apache-2.0
"""What runs on a host is told apart from what is installed, and only what tells versions is walked."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tidegate.artifact import Digest
from tidegate.examination.host import KERNEL, Subject, as_host, kernels_of, subject_of
from tidegate.hosts.programs import programs_of
from tidegate.hosts.tree import Tree
from tidegate.inventory import (
    Component,
    Ecosystem,
    FileFacts,
    Inventory,
    OsRelease,
    Ownership,
    Package,
    PackageKind,
    Version,
)
from tidegate.oci.image import Folder
from tidegate.oci.squash import Overlay
from tidegate.scan.catalogers.program_table import PROGRAMS
from tidegate.scan.components import components_of, with_owners
from tidegate.scan.host_files import HostFiles
from tidegate.scan.image import scan_image
from tidegate.scan.parts import ScanParts
from tidegate.scan.roster import CATALOGERS
from tidegate.scan.secrets.detector import SecretDetector
from tidegate.scan.visible import Sighting

LAYER = Digest.of(b"host")
DEBIAN = "Linux version {0} (debian-kernel@lists.debian.org) (gcc-12) #1 SMP PREEMPT_DYNAMIC Debian {1} (2024-02-01)"
UBUNTU = "Linux version 5.15.0-91-generic (buildd@x) (gcc) #101-Ubuntu SMP (Ubuntu 5.15.0-91.101-generic 5.15.131)"
ALPINE = "Linux version 6.6.14-0-lts (buildozer@build) (gcc (Alpine 13.2.1) 13.2.1) #1-Alpine SMP"


def package(name: str, version: str, kind: PackageKind = PackageKind.DEB, home: str = "Debian:12") -> Component:
    return Component(
        kind=kind,
        name=name,
        version=Version(version),
        purl=f"pkg:{kind}/x/{name}@{version}?arch=amd64",  # type: ignore[arg-type]  # as the scanner writes it
        ecosystem=Ecosystem(home),
        location="var/lib/dpkg/status",
        layer=LAYER,
        cataloger="dpkg",
        source_name="linux",
        architecture="x86_64",
    )


OLD = package("linux-image-6.1.0-17-amd64", "6.1.69-1")
RUNS = package("linux-image-6.1.0-18-amd64", "6.1.76-1")
NEXT = package("linux-image-6.1.0-21-amd64", "6.1.90-1")
META = package("linux-image-amd64", "6.1.90-1")
UPDATED = package("linux-image-6.1.0-18-amd64", "6.1.82-1")
ROCKY = [package("kernel-core", f"5.14.0-{it}.el9", PackageKind.RPM, "Rocky Linux:9") for it in (427, 362)]


@pytest.mark.parametrize(
    ("packages", "release", "build", "runs", "newest"),
    [
        ([OLD, RUNS, META], "6.1.0-18-amd64", DEBIAN.format("6.1.0-18-amd64", "6.1.76-1"), "6.1.76-1", "6.1.76-1"),
        ([RUNS, NEXT, META], "6.1.0-18-amd64", DEBIAN.format("6.1.0-18-amd64", "6.1.76-1"), "6.1.76-1", "6.1.90-1"),
        ([UPDATED], "6.1.0-18-amd64", DEBIAN.format("6.1.0-18-amd64", "6.1.76-1"), "6.1.76-1", "6.1.82-1"),
        ([NEXT], "6.1.0-18-amd64", DEBIAN.format("6.1.0-18-amd64", "6.1.76-1"), "6.1.76-1", "6.1.90-1"),
        ([RUNS, NEXT], "6.1.0-18-amd64", "", "6.1.76-1", "6.1.90-1"),
        ([package("linux-image-5.15.0-91-generic", "5.15.0-91.101", home="Ubuntu:22.04")],
         "5.15.0-91-generic", UBUNTU, "5.15.0-91.101", "5.15.0-91.101"),
        (ROCKY, "5.14.0-362.el9.x86_64", "", "5.14.0-362.el9", "5.14.0-427.el9"),
        ([package("linux-lts", "6.6.20-r0", PackageKind.APK, "Alpine:v3.19")],
         "6.6.14-0-lts", ALPINE, "6.6.14-r0", "6.6.20-r0"),
        ([OLD], "6.18.44-custom", "", "", "6.1.69-1"),
        ([], "6.18.44", "", "", ""),
    ],
)  # fmt: skip
def test_the_running_kernel_is_told_from_the_newest(
    packages: list[Component], release: str, build: str, runs: str, newest: str
) -> None:
    kernels = kernels_of(packages, release=release, build=build)
    assert (kernels.running.version if kernels.running else "") == runs
    assert (kernels.newest.version if kernels.newest else "") == newest
    assert kernels.owes_restart is bool(runs and runs != newest)


def test_a_kernel_that_was_replaced_on_disk_is_judged_by_the_version_that_runs() -> None:
    seen = host([UPDATED], "6.1.0-18-amd64", DEBIAN.format("6.1.0-18-amd64", "6.1.76-1"))
    assert [(it.version, it.purl) for it in seen] == [
        ("6.1.76-1", "pkg:deb/x/linux-image-6.1.0-18-amd64@6.1.76-1?arch=amd64"),
        ("6.1.82-1", "pkg:deb/x/linux-image-6.1.0-18-amd64@6.1.82-1?arch=amd64"),
    ]


def test_kernels_that_are_merely_left_are_not_told() -> None:
    seen = host([OLD, RUNS, META], "6.1.0-18-amd64", "")
    assert [it.name for it in seen] == ["linux-image-amd64", "linux-image-6.1.0-18-amd64"]


def test_a_kernel_of_no_package_is_told_by_its_release() -> None:
    (seen,) = host([], "6.18.44-fc", "")
    assert (seen.name, seen.version, subject_of(seen)) == (KERNEL, "6.18.44-fc", Subject.KERNEL)


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("runc", Subject.RUNTIME), ("containerd.io", Subject.RUNTIME), ("k8s.io/kubernetes", Subject.RUNTIME),
        ("github.com/containerd/containerd/v2", Subject.RUNTIME), ("kernel-core", Subject.KERNEL),
        ("linux-image-6.1.0-18-amd64", Subject.KERNEL),
        ("linux-libc-dev", Subject.REST), ("openssl", Subject.REST), ("kernel-headers", Subject.REST),
    ],
)  # fmt: skip
def test_what_is_nearest_to_containers_comes_first(name: str, subject: Subject) -> None:
    assert subject_of(package(name, "1")) is subject


def test_only_what_tells_versions_is_walked(tmp_path: Path) -> None:
    row = next(row for row in PROGRAMS if row.name == "kubernetes")
    elf = b"\x7fELF\x02\x01\x01" + b"\0" * 57 + row.sample
    wanted = ["home/kubernetes/bin/kubelet", "srv/odd/place/kubelet"]
    for name in (*wanted, "var/lib/docker/overlay2/x/merged/usr/bin/kubelet", "home/me/bin/kubelet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(elf)
    found = scan_image(
        Folder(name="node", root=tmp_path),
        store=None,
        roster=CATALOGERS,
        secrets=SecretDetector(),
        parts=ScanParts(secrets=False, custody=False),
        passed_over=HostFiles(["/srv/odd/place/kubelet"]),
    )
    assert [it.location for it in found.components] == wanted
    # Nothing but what it prints tells its version: Kubernetes is built without it.
    told = as_host(found, release="", build="").components
    assert {it.purl for it in told if it.kind is PackageKind.GOLANG} == {"pkg:golang/k8s.io/kubernetes@v1.30.3"}
    assert {it.ecosystem for it in told if it.kind is PackageKind.GOLANG} == {"Go"}


@pytest.mark.parametrize(("owner", "is_owned"), [("containerd.io", False), ("containerd", True)])
def test_what_its_makers_packaged_is_judged_by_its_own_version(owner: str, *, is_owned: bool) -> None:
    deb = Package(kind=PackageKind.DEB, name=owner, version=Version("1.6"))
    module = Package(kind=PackageKind.GOLANG, name="github.com/containerd/containerd", version=Version("v1.6.0"))
    owned = Ownership(package=owner, paths=("usr/bin/containerd",))
    seen = [
        Sighting(0, facts)
        for facts in (
            _facts("var/lib/dpkg/status", "dpkg", [deb], [owned]),
            _facts("usr/bin/containerd", "go-binary", [module]),
        )
    ]
    made = components_of(seen, [LAYER], OsRelease(id="debian", version_id="12"))
    program = next(it for it in with_owners(made, seen, (), Overlay((), lambda _: {})) if it.kind is PackageKind.GOLANG)
    assert (program.owner is not None) is is_owned


def test_a_runtime_that_runs_from_a_file_that_was_replaced_is_told(tmp_path: Path) -> None:
    for pid, exe in (("7", "/usr/bin/containerd (deleted)"), ("8", "/usr/bin/dockerd"), ("9", "/usr/bin/kubelet")):
        (tmp_path / f"proc/{pid}/ns").mkdir(parents=True)
        name = exe.rpartition("/")[2].partition(" ")[0]
        (tmp_path / f"proc/{pid}/cmdline").write_text(f"{name}\0")
        (tmp_path / f"proc/{pid}/exe").symlink_to(exe)
        (tmp_path / f"proc/{pid}/ns/mnt").symlink_to("mnt:[2]" if pid == "9" else "mnt:[1]")
    (tmp_path / "proc/1/ns").mkdir(parents=True)
    (tmp_path / "proc/1/ns/mnt").symlink_to("mnt:[1]")
    told = [(it.name, it.path, it.is_replaced) for it in programs_of(Tree(tmp_path))]
    assert told == [
        ("containerd", "/usr/bin/containerd", True),
        ("dockerd", "/usr/bin/dockerd", False),
        ("kubelet", "", False),  # in a container
    ]


def host(components: list[Component], release: str, build: str) -> Sequence[Component]:
    inventory = Inventory(digest=LAYER, name="host", layers=(LAYER,), components=tuple(components))
    return as_host(inventory, release=release, build=build).components


def _facts(path: str, cataloger: str, packages: list[Package], ownership: Sequence[Ownership] = ()) -> FileFacts:
    return FileFacts(path=path, cataloger=cataloger, packages=tuple(packages), ownership=tuple(ownership))
