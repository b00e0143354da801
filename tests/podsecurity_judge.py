# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' own PodSecurity admission as a judge: its Go packages behind a pipe, and pods made for it."""

import json
import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

_BUILT = Path(__file__).parents[1] / ".tools" / "bin" / "podsecurity"


def judged(questions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What it says of each `{level, version, pod}`; the test skips where it is not built."""
    program = shutil.which("podsecurity") or (str(_BUILT) if _BUILT.exists() else "")
    if not program:
        pytest.skip("podsecurity is missing: install Go and run tools/go-programs.sh podsecurity")
    lines = "".join(json.dumps(one) + "\n" for one in questions)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def pod(chance: random.Random) -> dict[str, Any]:
    """A pod that the API server would take, sound in most places and unsound in a few."""
    windows = chance.random() < 0.12
    spec: dict[str, Any] = {
        "containers": [_container(chance, f"c{n}", windows=windows) for n in range(chance.choice([1, 1, 1, 2]))]
    }
    for role in ("initContainers", "ephemeralContainers"):
        if chance.random() < 0.2:
            spec[role] = [_container(chance, role[:4].lower(), windows=windows)]
    if windows:
        spec["os"] = {"name": "windows"}
    elif chance.random() < 0.1:
        spec["os"] = {"name": "linux"}
    context = _context(chance, windows=windows, whole=True)
    if context or chance.random() < 0.5:
        spec["securityContext"] = context
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if not windows and chance.random() < 0.04:
            spec[name] = chance.random() < 0.7
    if not windows and chance.random() < 0.25:
        spec["hostUsers"] = chance.random() < 0.3
    if chance.random() < 0.3:
        kinds = [*_SOUND_VOLUMES] * 3 + [*_UNSOUND_VOLUMES]
        spec["volumes"] = [{"name": f"v{n}", chance.choice(kinds): {}} for n in range(chance.choice([1, 2]))]
    metadata: dict[str, Any] = {"name": "p"}
    if chance.random() < 0.1:
        metadata["annotations"] = {chance.choice(_ANNOTATIONS): chance.choice(_ANNOTATED)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


_SOUND_VOLUMES = (
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected"),
    "secret",
)
_UNSOUND_VOLUMES = (
    *("hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs", "rbd"),
    *("flexVolume", "cinder", "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk"),
    *("portworxVolume", "photonPersistentDisk", "scaleIO", "storageos"),
)
_ANNOTATIONS = (
    "container.apparmor.security.beta.kubernetes.io/c0",
    "container.apparmor.security.beta.kubernetes.io/nobody",
    "seccomp.security.alpha.kubernetes.io/pod",
    "container.seccomp.security.alpha.kubernetes.io/c0",
    "container.seccomp.security.alpha.kubernetes.io/nobody",
)
_ANNOTATED = ("runtime/default", "docker/default", "localhost/x", "unconfined", "")
_CAPABILITIES = (
    *("NET_BIND_SERVICE", "NET_BIND_SERVICE", "CHOWN", "SETUID", "SYS_CHROOT", "NET_ADMIN", "NET_RAW", "ALL"),
    *("CAP_CHOWN", "chown", "SYS_ADMIN"),
)
_SYSCTLS = (
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
    *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
    *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
    *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "kernel.msgmax", "net.core.somaxconn"),
)
_OFTEN_TRUE = (*(True,) * 9, False)
_OFTEN_FALSE = (*(False,) * 15, True)
_SELINUX = (*("container_t", "container_init_t", "container_kvm_t", "container_engine_t", "", "spc_t", "Container_t"),)


def _container(chance: random.Random, name: str, *, windows: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "image": "a"}
    context = _context(chance, windows=windows, whole=False)
    if context or chance.random() < 0.5:
        made["securityContext"] = context
    if chance.random() < 0.1:
        made["ports"] = [{"containerPort": 80, "hostPort": chance.choice([0, 8080])}, {"containerPort": 81}]
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if chance.random() < 0.05:
            made[probe] = {
                chance.choice(["httpGet", "tcpSocket"]): {"port": 80, "host": chance.choice(["", "", "10.0.0.1"])}
            }
    if chance.random() < 0.08:
        hook = {chance.choice(["httpGet", "tcpSocket"]): {"port": 80, "host": chance.choice(["", "127.0.0.1"])}}
        made["lifecycle"] = {chance.choice(["postStart", "preStop"]): hook}
    return made


def _context(chance: random.Random, *, windows: bool, whole: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}

    def maybe(name: str, odds: float, *values: Any) -> None:
        if chance.random() < odds:
            made[name] = chance.choice(values)

    maybe("runAsNonRoot", 0.75, *_OFTEN_TRUE)
    if chance.random() < 0.04:
        made["windowsOptions"] = {"hostProcess": chance.random() < 0.5}
    if windows:
        return made
    maybe("runAsUser", 0.2, 1000, 1000, 1000, 0)
    maybe("seccompProfile", 0.7, *[{"type": "RuntimeDefault"}] * 9, {"type": "Localhost"}, {"type": "Unconfined"})
    maybe("appArmorProfile", 0.1, {"type": "RuntimeDefault"}, {"type": "Localhost"}, {"type": "Unconfined"})
    if chance.random() < 0.08:
        made["seLinuxOptions"] = {"type": chance.choice(_SELINUX)} | (
            {chance.choice(["user", "role"]): chance.choice(["", "system_u"])} if chance.random() < 0.2 else {}
        )
    if whole:
        if chance.random() < 0.15:
            made["sysctls"] = [{"name": chance.choice(_SYSCTLS), "value": "1"}]
        return made
    maybe("allowPrivilegeEscalation", 0.9, *_OFTEN_FALSE)
    maybe("privileged", 0.08, *_OFTEN_FALSE[-2:])
    maybe("procMount", 0.08, "Default", "Unmasked")
    if chance.random() < 0.92:
        made["capabilities"] = {"drop": chance.choice([["ALL"]] * 12 + [["NET_RAW"], ["all"], []])}
        if chance.random() < 0.15:
            made["capabilities"]["add"] = chance.sample(_CAPABILITIES, chance.choice([1, 1, 2]))
    return made
