# SPDX-License-Identifier: Apache-2.0
"""Which container a process is in, as the kernel writes it for each runtime."""

import json
import os
from pathlib import Path

import pytest

from tidegate.execution.observation import Container
from tidegate.sensor.containers import Containers, container_id
from tidegate.values import replace

ID = "839879cf15852837469d19a0c65e2bc0a666bfc9491d90111da1b1cd7fc709a7"
POD = "b" * 64
BEGAN = "2026-11-30T00:53:20Z"


@pytest.mark.parametrize(
    "cgroup",
    [
        f"0::/system.slice/docker-{ID}.scope",
        f"0::/docker/{ID}",
        f"4:memory:/libpod_parent/libpod-{ID}\n0::/libpod_parent/libpod-{ID}",
        f"0::/machine.slice/libpod-{ID}.scope/container",
        f"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podd0.slice/cri-containerd-{ID}.scope",
        f"0::/kubepods/burstable/pod7b0c/{ID}",
        f"0::/kubepods.slice/kubepods-pod{POD[:36]}.slice/crio-{ID}.scope",
        f"0::/../cri-containerd-{ID}.scope",
    ],
)
def test_cgroups_of_every_runtime(cgroup: str) -> None:
    assert container_id(cgroup) == ID


@pytest.mark.parametrize(
    "cgroup", ["", "0::/", "0::/user.slice/session-1.scope", f"0::/libpod-{ID[:-1]}", f"0::/x{ID}y"]
)
def test_cgroups_of_the_node_itself(cgroup: str) -> None:
    assert container_id(cgroup) is None


def process(proc: Path, pid: int, *, parent: int, words: list[str], cgroup: str = "0::/") -> Path:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "cgroup").write_text(cgroup)
    (folder / "status").write_text(f"Name:\tx\nPPid:\t{parent}\n")
    (folder / "cmdline").write_text("\0".join([*words, ""]))
    (folder / "root").symlink_to("/")
    return folder


def write_config(bundle: Path, notes: dict[str, str]) -> None:
    """As a runtime writes it, at the moment `BEGAN`."""
    path = bundle / "config.json"
    path.write_text(json.dumps({"ociVersion": "1.0.2", "annotations": notes}))
    os.utime(path, (1_796_000_000, 1_796_000_000))


@pytest.mark.parametrize(
    ("login", "uid", "starter"),
    [
        ("0\n", 7, "root"),
        (str((1 << 32) - 1), 0, ""),
        (str((1 << 32) - 1), 54321, "54321"),
        (None, 0, ""),
        ("x", 0, ""),
    ],
)
def test_who_started_it_is_the_login_its_keeper_came_from(
    tmp_path: Path, login: str | None, uid: int, starter: str
) -> None:
    bundle, proc = tmp_path / "bundle", tmp_path / "proc"
    bundle.mkdir()
    write_config(bundle, {"io.kubernetes.cri.container-name": "web"})
    keeper = process(proc, 50, parent=1, words=["conmon", "-c", ID, "-b", str(bundle)])
    (keeper / "status").write_text(f"Name:\tconmon\nPPid:\t1\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
    if login is not None:
        (keeper / "loginuid").write_text(login)
    process(proc, 60, parent=50, words=["x"], cgroup=f"0::/libpod-{ID}")
    found = Containers(proc).of_process(60)
    assert found == Container(id=ID, name="web", started_at=BEGAN, starter=starter)


def test_a_pod_of_containerd_is_described_by_its_bundle(tmp_path: Path) -> None:
    proc, bundle = tmp_path / "proc", tmp_path / "bundles" / ID
    bundle.mkdir(parents=True)
    (tmp_path / "bundles" / POD).mkdir()
    notes = {
        "io.kubernetes.cri.container-name": "web",
        "io.kubernetes.cri.image-name": "registry.example/app@sha256:1",
        "io.kubernetes.cri.sandbox-namespace": "shop",
        "io.kubernetes.cri.sandbox-name": "web-0",
    }
    write_config(bundle, notes)
    words = ["/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", POD]
    shim = process(proc, 50, parent=1, words=words)
    (shim / "loginuid").write_text(str((1 << 32) - 1))
    (shim / "cwd").symlink_to(tmp_path / "bundles" / POD)
    process(proc, 60, parent=50, words=["web"], cgroup=f"0::/kubepods/pod1/{ID}")
    expected = Container(id=ID, name="web", image="registry.example/app@sha256:1", namespace="shop", pod="web-0")
    expected = replace(expected, started_at=BEGAN)
    assert Containers(proc).of_process(60) == expected


def test_a_bundle_that_is_broken_tells_nothing(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "config.json").write_text('{"annotations": [1, 2')
    process(tmp_path / "proc", 50, parent=1, words=["conmon", "-c", ID, "-b", str(bundle)])
    process(tmp_path / "proc", 60, parent=50, words=["x"], cgroup=f"0::/libpod-{ID}")
    assert Containers(tmp_path / "proc").of_process(60) == Container(id=ID)


def test_a_process_that_is_gone_is_in_none(tmp_path: Path) -> None:
    assert Containers(tmp_path).of_process(7) is None


def test_a_group_that_a_process_names_like_a_container_is_no_other_container(tmp_path: Path) -> None:
    bundle, feigned, inner = tmp_path / "bundle", "f" * 64, "a" * 64
    bundle.mkdir()
    write_config(bundle, {"io.kubernetes.cri.container-name": "web"})
    proc = tmp_path / "proc"
    process(proc, 50, parent=1, words=["conmon", "-c", ID, "-b", str(bundle)])
    process(proc, 60, parent=50, words=["x"], cgroup=f"0::/libpod-{ID}")
    process(proc, 61, parent=60, words=["x"], cgroup=f"0::/libpod-{ID}/{feigned}")
    process(proc, 62, parent=60, words=["x"], cgroup=f"0::/libpod-{ID}/x/{feigned}/{inner}")
    process(proc, 70, parent=60, words=["conmon", "-c", inner, "-b", str(bundle)], cgroup=f"0::/libpod-{ID}")
    process(proc, 71, parent=70, words=["x"], cgroup=f"0::/libpod-{ID}/libpod/{inner}")
    containers = Containers(proc)
    web = Container(id=ID, name="web", started_at=BEGAN)
    assert [containers.of_process(pid) for pid in (60, 61, 62)] == [web] * 3
    assert containers.of_process(71) == Container(id=inner, name="web", started_at=BEGAN)
    assert {number: pids for number, (_, pids) in containers.running().items()} == {ID: [60, 61, 62, 70], inner: [71]}


def test_nothing_is_settled_that_may_be_described_later(tmp_path: Path) -> None:
    process(tmp_path, 60, parent=1, words=["x"], cgroup=f"0::/libpod-{ID}")
    containers = Containers(tmp_path)
    cgroups = f"0::/libpod-{ID}".encode()
    found = containers.of_cgroups(60, cgroups)
    assert found == Container(id=ID)
    assert not containers.is_settled(found, cgroups)
