# SPDX-License-Identifier: Apache-2.0
"""A host is read as it is: from a tree that was made, and from the machine that the tests run on."""

import os
import socket
from pathlib import Path

import pytest

from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.hosts.flat import MAX_VALUES, flat
from tidegate.hosts.host import read_host
from tidegate.hosts.programs import flags_of
from tidegate.hosts.tree import MAX_FILE_BYTES, Tree
from tidegate.inventory.host import Host, HostMount, Listener, Program

_TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0947 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000000000000000
   1: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4243 1 0000000000000000
   2: 0100007F:18EB 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 4244 1 0000000000000000
"""
_TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
   0: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 \
00000000     0        0 4245 1 0000000000000000
"""
_KUBELET = "/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml --read-only-port 10255"
_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver}
spec:
  containers:
    - name: kube-apiserver
      command: [kube-apiserver, --anonymous-auth=false, "--authorization-mode=Node,RBAC", --profiling]
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A node with Docker, containerd, a kubelet and an API server."""
    texts = {
        "etc/hostname": "node-1\n",
        "etc/passwd": "root:x:0:0::/root:/bin/sh\n",
        "etc/group": "root:x:0:\n",
        "etc/docker/daemon.json": '{"icc": true, "insecure-registries": ["hub:5000", "b:1"], "log-opts": {"max": 3}}',
        "etc/containerd/config.toml": '[plugins."io.containerd.grpc.v1.cri"]\ndisable_apparmor = true\n',
        "etc/containers/registries.conf": '[[registry]]\nlocation = "a"\ninsecure = true\n',
        "etc/containers/registries.conf.d/b.conf": 'unqualified-search-registries = ["c", "d"]\n',
        "etc/kubernetes/manifests/api.yaml": _POD,
        "etc/kubernetes/manifests/broken.yaml": "a: [",
        "etc/kubernetes/pki/ca.key": "not a real one",
        "var/lib/kubelet/config.yaml": "authentication:\n  anonymous:\n    enabled: false\nreadOnlyPort: 0\n",
        "proc/sys/kernel/osrelease": "6.1.0\n",
        "proc/sys/kernel/kptr_restrict": "0\n",
        "proc/cmdline": "quiet mitigations=off\n",
        "sys/kernel/security/lsm": "capability,apparmor",
        "sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
        "proc/812/cmdline": "/usr/bin/dockerd\0-H\0unix:///run/d.sock\0-H\0tcp://0.0.0.0:2375\0--icc=false\0",
        "proc/812/comm": "dockerd\n",
        "proc/900/cmdline": _KUBELET.replace(" ", "\0"),
        "proc/1/net/tcp": _TCP,
        "proc/1/net/tcp6": _TCP6,
        "proc/1/mounts": "a / ext4 rw 0 0\nb /tmp tmpfs rw 0 0\nc /tmp tmpfs rw,noexec 0 0\n",
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "etc/kubernetes/pki/ca.key").chmod(0o640)
    folder = tmp_path / "proc/812/fd"
    folder.mkdir()
    (folder / "7").symlink_to("socket:[4242]")
    return tmp_path


def _config(host: Host, name: str) -> dict[str, str]:
    return dict(next(one for one in host.configs if one.name == name).values)


def test_everything_a_node_tells(tree: Path) -> None:
    host = read_host(tree)
    assert (host.name, host.kernel.release, host.kernel.lockdown) == ("node-1", "6.1.0", "integrity")
    assert host.kernel.parameters == {"kernel.kptr_restrict": "0"}
    assert (host.kernel.modules, host.kernel.options) == (("capability", "apparmor"), ("quiet", "mitigations=off"))
    assert [program.name for program in host.programs] == ["dockerd", "kubelet", "kube-apiserver"]
    assert host.programs[2] == Program(
        name="kube-apiserver",
        place="/etc/kubernetes/manifests/api.yaml",
        flags={"anonymous-auth": "false", "authorization-mode": "Node,RBAC", "profiling": "true"},
    )
    assert host.listeners == (
        Listener(address="::1", port=22),
        Listener(address="0.0.0.0", port=2375, program="dockerd"),  # noqa: S104 - read, not bound
        Listener(address="127.0.0.1", port=6379),
    )
    assert host.mounts == (
        HostMount(point="/", kind="ext4", options=("rw",)),
        HostMount(point="/tmp", kind="tmpfs", options=("rw", "noexec")),
    )
    assert [(path, bool(why)) for path, why in host.unread] == [("/etc/kubernetes/manifests/broken.yaml", True)]
    key = next(file for file in host.files if file.role == "cluster key")
    assert (key.path, key.mode) == ("/etc/kubernetes/pki/ca.key", 0o640)


def test_flags_stand_over_files(tree: Path) -> None:
    host = read_host(tree)
    docker = _config(host, "docker")
    assert docker["hosts"] == "unix:///run/d.sock,tcp://0.0.0.0:2375"
    assert docker["icc"] == "false"
    assert docker["insecure-registries"] == "hub:5000,b:1"
    assert docker["log-opts.max"] == "3"
    kubelet = _config(host, "kubelet")
    assert kubelet["readOnlyPort"] == "10255"
    assert kubelet["authentication.anonymous.enabled"] == "false"
    assert _config(host, "containerd") == {"plugins.io.containerd.grpc.v1.cri.disable_apparmor": "true"}
    assert _config(host, "registries") == {
        "registry.0.location": "a",
        "registry.0.insecure": "true",
        "unqualified-search-registries": "c,d",
    }


def test_links_are_followed_within_the_host_and_never_out_of_it(
    tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret"
    outside.write_text("outside")
    (tree / "etc/absolute").symlink_to("/etc/hostname")
    (tree / "etc/above").symlink_to("../../../../../../" + str(outside))
    (tree / "etc/out").symlink_to(outside)
    (tree / "etc/round").symlink_to("round")
    (tree / "run").symlink_to("var/run")
    host = Tree(tree)
    assert host.text("/etc/absolute") == "node-1"
    assert host.text("/run/../etc/hostname") == ""
    assert [host.read(f"/etc/{name}") for name in ("above", "out", "round")] == [None, None, None]
    assert host.unread == {"/etc/round": "links without end"}


def test_what_is_no_file_or_too_long_is_not_read(tree: Path) -> None:
    os.mkfifo(tree / "etc/pipe")
    (tree / "etc/long").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    (tree / "etc/docker/daemon.json").write_text("[" * 100_000)
    (tree / "etc/containerd/config.toml").write_bytes(b"\xff\xfe")
    (tree / "proc/812/cmdline").unlink()
    host = Tree(tree)
    assert host.read("/etc/pipe") is None
    assert host.read("/etc/long") is None
    assert "/etc/long" in host.unread
    read = read_host(tree)
    assert {"/etc/docker/daemon.json", "/etc/containerd/config.toml"} < dict(read.unread).keys()
    assert _config(read, "docker") == {}


def test_what_is_no_host_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="not the root of a Linux host"):
        read_host(tmp_path)
    with pytest.raises(NotFoundError, match="no such folder"):
        read_host(tmp_path / "nowhere")


def test_this_machine() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        host = read_host(Path("/"))
    own = next(one for one in host.listeners if one.port == port)
    assert own.address == "127.0.0.1"
    assert own.program
    assert host.kernel.release == os.uname().release
    assert host.kernel.parameters["kernel.randomize_va_space"] in {"0", "1", "2"}
    assert "/" in {mount.point for mount in host.mounts}


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (["--a=1", "--b", "2", "-c", "--d"], {"a": "1", "b": "2", "c": "true", "d": "true"}),
        (["--a", "1", "--a", "2"], {"a": "2"}),
        (["-H", "x", "-H=y"], {"H": "x,y"}),
        (["word", "-", "--", "--=", "--a="], {"a": ""}),
    ],
)
def test_flags_as_go_programs_read_them(words: list[str], flags: dict[str, str]) -> None:
    assert {name: value for name, value in flags_of(words).items() if name} == flags


def test_flat_documents() -> None:
    document = {"a": {"b": [1, "x", True], "c": [{"d": None}, [2]]}, "e": 1.5}
    assert flat(document) == {"a.b": "1,x,true", "a.c.0.d": "", "a.c.1": "2", "e": "1.5"}
    assert len(flat({str(at): at for at in range(MAX_VALUES + 9)})) == MAX_VALUES
    deep: object = 1
    for _ in range(2000):
        deep = {"a": deep}
    assert flat(deep) == {}
