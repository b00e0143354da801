# SPDX-License-Identifier: Apache-2.0
"""A real Kubernetes control plane on loopback: etcd and the API server, and where asked for controllers and fake nodes.

Built by tools/kubernetes.sh; each part is a process of this one, ended by its id.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import httpx
import pytest
import yaml
from cluster_keys import write_keys

_PROGRAMS: Final = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
_SCRIPT: Final = Path(__file__).parents[2] / "tools" / "kubernetes.sh"
_START_SECONDS: Final = 180
USERS: Final[Mapping[str, tuple[str, ...]]] = {
    "admin": ("system:masters",),
    "developer": ("developers",),
    "oncall": ("oncall",),
    "node": ("system:nodes",),
    "controllers": ("system:masters",),
}
"""Who may log in, each by a token that is its name followed by `-token`, and their groups."""


def needed_programs(*, controllers: bool = False, nodes: bool = False) -> Path:
    """Where the programs lie; skips, with one line that says what to do, where one is missing."""
    where = Path(subprocess.run([_SCRIPT, "where"], capture_output=True, text=True, check=True).stdout.strip())
    wanted = _PROGRAMS[: 3 if controllers else 1] + (("kwok",) if nodes else ())
    if not all((where / name).is_file() for name in wanted):
        pytest.skip("there is no Kubernetes to test with: run make kubernetes")
    for program, package in (("etcd", "etcd-server"), ("kubectl", "kubernetes-client")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: install the package {package}")
    return where


@dataclass(kw_only=True)
class Cluster:
    """A running control plane.

    Attributes:
        url: of the API server.
        ca_file: PEM of the authority that signed its certificate.
    """

    folder: Path
    programs: Path
    port: int
    etcd_port: int
    with_controllers: bool
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    clients: list[httpx.Client] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    def kubeconfig(self, user: str = "admin") -> Path:
        """A file that kubectl, lightkube and others log in with."""
        path = self.folder / f"kubeconfig-{user}"
        authority = {"server": self.url, "certificate-authority": str(self.ca_file)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": authority}],
            "users": [{"name": user, "user": {"token": f"{user}-token"}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user}}],
            "current-context": "tests",
        }
        path.write_text(yaml.safe_dump(document))
        return path

    def kubectl(self, *words: str, user: str = "admin", given: object = None, check: bool = True) -> "Said":
        """Runs kubectl as somebody; `given` is put in as JSON on standard input."""
        command = ["kubectl", f"--kubeconfig={self.kubeconfig(user)}", f"--cache-dir={self.folder / 'kubectl'}", *words]
        done = subprocess.run(
            command,
            input=None if given is None else json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        said = Said(code=done.returncode, out=done.stdout, err=done.stderr)
        assert said.code == 0 or not check, said
        return said

    def client(self, user: str = "admin") -> httpx.Client:
        """A client of the API server as somebody; closed with the cluster."""
        made = httpx.Client(
            base_url=self.url,
            verify=ssl.create_default_context(cafile=str(self.ca_file)),
            headers={"Authorization": f"Bearer {user}-token"},
            trust_env=False,
            timeout=60,
        )
        self.clients.append(made)
        return made

    def start(self, name: str, command: list[str]) -> None:
        """Runs a part; its output goes to a file of its name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

    def stop(self, name: str) -> None:
        """Ends a part, by its process id."""
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)

    def wait(self, condition: Callable[[], object], what: str, *, seconds: float = _START_SECONDS) -> None:
        """Looks until a condition holds; fails with the end of every log where it does not come to hold."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            dead = [name for name, process in self.processes.items() if process.poll() is not None]
            assert not dead, f"{dead} ended by itself\n{self._logs()}"
            with suppress(httpx.TransportError, OSError):
                if condition():
                    return
            time.sleep(0.05)
        raise AssertionError(f"{what} did not come to hold in {seconds} s\n{self._logs()}")

    def _logs(self) -> str:
        return "\n".join(f"== {log.name}\n{log.read_text()[-1500:]}" for log in sorted(self.folder.glob("*.log")))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.close()
        for name in reversed(list(self.processes)):
            self.stop(name)


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a program said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@contextmanager
def cluster(folder: Path, *, controllers: bool = False, nodes: int = 0) -> Iterator[Cluster]:
    """Runs a control plane until the block ends; skips where it was not built.

    Args:
        folder: empty, for all it keeps.
        controllers: run the controller manager and the scheduler too.
        nodes: how many fake nodes (kwok) pods are to run on.
    """
    programs = needed_programs(controllers=controllers, nodes=nodes > 0)
    etcd_port, peer_port, port = _free_ports(3)
    made = Cluster(folder=folder, programs=programs, port=port, etcd_port=etcd_port, with_controllers=controllers)
    write_keys(folder)
    rows = (f'{user}-token,{user},{user},"{",".join(groups)}"' for user, groups in USERS.items())
    (folder / "tokens.csv").write_text("\n".join(rows) + "\n")
    with made:
        made.start("etcd", _etcd(folder, etcd_port, peer_port))
        start_apiserver(made)
        _let_users_in(made)
        if controllers:
            _start_controllers(made)
        if nodes:
            _start_nodes(made, nodes)
        yield made


def start_apiserver(made: Cluster) -> None:
    """Starts the API server, and waits until it answers."""
    made.start("kube-apiserver", _apiserver(made))
    client = made.client()
    made.wait(lambda: client.get("/readyz").text == "ok", "the API server")
    made.wait(lambda: client.get("/api/v1/namespaces/default").status_code == 200, "the namespace default")


def _etcd(folder: Path, port: int, peer_port: int) -> list[str]:
    here, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    return [
        shutil.which("etcd") or "etcd",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={here}",
        f"--advertise-client-urls={here}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
    ]


def _apiserver(made: Cluster) -> list[str]:
    folder = made.folder
    flags = {
        "etcd-servers": f"http://127.0.0.1:{made.etcd_port}",
        "bind-address": "127.0.0.1",
        "secure-port": made.port,
        "tls-cert-file": folder / "apiserver.pem",
        "tls-private-key-file": folder / "apiserver.key",
        "cert-dir": folder / "certs",
        "token-auth-file": folder / "tokens.csv",
        "authorization-mode": "RBAC",
        "endpoint-reconciler-type": "none",
        "service-cluster-ip-range": "10.96.0.0/16",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": folder / "accounts.key",
        "service-account-signing-key-file": folder / "accounts.key",
        "allow-privileged": "true",
        # Of etcd before 3.5: with it they keep asking for what it cannot do.
        "feature-gates": "WatchList=false,SizeBasedListCostEstimate=false",
    }
    if not made.with_controllers:
        flags["disable-admission-plugins"] = "ServiceAccount"  # nobody makes the accounts
    return [str(made.programs / "kube-apiserver"), *(f"--{name}={value}" for name, value in flags.items())]


def _let_users_in(made: Cluster) -> None:
    """Lets everybody do everything: what is tested is the admission, which comes after."""
    subjects = [
        {"kind": "Group", "name": group, "apiGroup": "rbac.authorization.k8s.io"}
        for group in ("developers", "oncall", "system:nodes")
    ]
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "tests"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": subjects,
    }
    client = made.client()
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    made.wait(lambda: client.post(path, json=binding).status_code in {201, 409}, "the rights of the tests' users")


def _start_controllers(made: Cluster) -> None:
    config = made.kubeconfig("controllers")
    made.start(
        "kube-controller-manager",
        [
            str(made.programs / "kube-controller-manager"),
            f"--kubeconfig={config}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
            "--node-monitor-grace-period=1h",  # fake nodes report once
            f"--service-account-private-key-file={made.folder / 'accounts.key'}",
            f"--root-ca-file={made.ca_file}",
        ],
    )
    made.start(
        "kube-scheduler",
        [
            str(made.programs / "kube-scheduler"),
            f"--kubeconfig={config}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
        ],
    )
    client = made.client()
    path = "/api/v1/namespaces/default/serviceaccounts/default"
    made.wait(lambda: client.get(path).status_code == 200, "the controller manager")


def _start_nodes(made: Cluster, count: int) -> None:
    stages = Path(__file__).with_name("kwok-stages.yaml")
    made.start(
        "kwok",
        [
            str(made.programs / "kwok"),
            f"--kubeconfig={made.kubeconfig('controllers')}",
            f"--config={stages}",
            "--manage-all-nodes=true",
            "--server-address=127.0.0.1:0",
        ],
    )
    client = made.client()
    for number in range(count):
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"node-{number}", "labels": {"kubernetes.io/hostname": f"node-{number}"}},
        }
        assert client.post("/api/v1/nodes", json=node).status_code == 201

    def ready() -> bool:
        found = client.get("/api/v1/nodes").json()["items"]
        return all(
            any(c["type"] == "Ready" and c["status"] == "True" for c in node.get("status", {}).get("conditions", ()))
            for node in found
        )

    made.wait(ready, "the nodes")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def cpu_seconds(pid: int) -> float:
    """Processor time a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
