# SPDX-License-Identifier: Apache-2.0
"""Everything that can be checked, and the words its checks may use; docs/reference/checks.md lists the same."""

from collections.abc import Mapping
from typing import Final

from tidegate.checks.material import Subject, subject
from tidegate.rules.field import FieldType, Variable

_S, _I, _B = FieldType.STRING, FieldType.INT, FieldType.BOOL
_L, _M = FieldType.STRINGS, FieldType.LABELS


def _variable(word: str, /, **fields: FieldType) -> Variable:
    return Variable(name=word, evidence="", fields=fields)


IMAGE: Final = subject(
    "image",
    [
        _variable(
            "image",
            name=_S, user=_S, runs_as_root=_B, has_healthcheck=_B, entrypoint=_L, cmd=_L, start_form=_S, stop_signal=_S,
            working_dir=_S, labels=_M, layers=_I, volumes=_L, base=_S, base_tag=_S, has_files=_B, shells=_L,
            package_managers=_L, setuid=_L, os=_S,
        ),
    ],
    {
        "ports": _variable("port", number=_I, protocol=_S, text=_S),
        "environment": _variable("variable", name=_S, value=_S, is_secret_name=_B, looks_empty=_B),
        "steps": _variable("step", number=_I, text=_S, keyword=_S, commands=_L, is_empty=_B, secrets=_L),
        "setuid": _variable("file", path=_S, name=_S),
        "world_writable": _variable("file", path=_S, name=_S),
    },
)  # fmt: skip

DOCKERFILE: Final = subject(
    "dockerfile",
    [
        _variable(
            "dockerfile",
            path=_S, stages=_I, final_user=_S, final_has_user=_B, final_base=_S, has_healthcheck=_B, has_ignore_file=_B,
        ),
    ],
    {
        "stages": _variable(
            "stage",
            name=_S, number=_I, base=_S, image=_S, tag=_S, has_digest=_B, is_scratch=_B, is_stage=_B, is_final=_B,
            platform=_S, commands=_I, entrypoints=_I, is_duplicate=_B, is_variable=_B,
        ),
        "instructions": _variable(
            "instruction",
            keyword=_S, text=_S, words=_L, flags=_M, is_exec=_B, commands=_L, has_pipe=_B, pipefail=_B, stage=_I,
            is_final=_B, heredoc=_S, is_last_of_kind=_B, keeps_cache=_B, stage_name=_S, is_trigger=_B, from_image=_S,
            is_shipped=_B,
        ),
        "variables": _variable(
            "variable",
            name=_S, value=_S, is_argument=_B, is_secret_name=_B, looks_empty=_B, is_reference=_B, is_old_form=_B,
        ),
    },
)  # fmt: skip

COMPOSE: Final = subject(
    "compose",
    [_variable("compose", path=_S, services=_I, version=_S)],
    {
        "services": _variable(
            "service",
            name=_S, image=_S, tag=_S, has_digest=_B, builds=_B, privileged=_B, user=_S, read_only=_B, network_mode=_S,
            pid=_S, ipc=_S, uts=_S, userns_mode=_S, cgroup=_S, cap_add=_L, cap_drop=_L, security_opt=_L,
            no_new_privileges=_B, devices=_L, has_memory_limit=_B, has_cpu_limit=_B, has_pids_limit=_B,
            has_healthcheck=_B, healthcheck_disabled=_B, restart=_S,
        ),
        "mounts": _variable("mount", service=_S, source=_S, target=_S, type=_S, read_only=_B, propagation=_S),
        "ports": _variable("port", service=_S, text=_S, host=_S, published=_I, target=_I, is_published=_B),
        "environment": _variable(
            "variable", service=_S, name=_S, value=_S, is_secret_name=_B, looks_empty=_B, is_reference=_B,
        ),
    },
)  # fmt: skip

KUBERNETES: Final = subject(
    "kubernetes",
    [_variable("manifest", path=_S, documents=_I)],
    {
        "workloads": _variable(
            "workload",
            kind=_S, namespace=_S, name=_S, host_network=_B, host_pid=_B, host_ipc=_B, service_account=_S,
            automounts_token=_B, host_paths=_L, containers=_I, sysctls=_L, host_users=_B, replicas=_I,
        ),
        "containers": _variable(
            "container",
            workload=_S, kind=_S, namespace=_S, name=_S, role=_S, image=_S, tag=_S, has_digest=_B, privileged=_B,
            allows_escalation=_B, may_run_as_root=_B, runs_as_root=_B, read_only_root=_B, added=_L, drops_all=_B,
            has_memory_limit=_B, has_cpu_limit=_B, has_memory_request=_B, has_cpu_request=_B, has_liveness=_B,
            has_readiness=_B, host_ports=_L, seccomp=_S, proc_mount=_S, pull_policy=_S, mounts=_L, host_process=_B,
            apparmor=_S, selinux=_L,
        ),
        "environment": _variable(
            "variable", workload=_S, container=_S, name=_S, value=_S, is_secret_name=_B, looks_empty=_B,
        ),
        "grants": _variable("grant", kind=_S, namespace=_S, name=_S, verbs=_L, resources=_L, groups=_L),
        "bindings": _variable("binding", kind=_S, namespace=_S, name=_S, role=_S, subjects=_L),
        "services": _variable("service", namespace=_S, name=_S, type=_S, external_ips=_L),
        "ingresses": _variable("ingress", namespace=_S, name=_S, has_tls=_B, hosts=_L),
        "secrets": _variable("secret", kind=_S, namespace=_S, name=_S, keys=_L),
    },
)  # fmt: skip

HOST: Final = subject(
    "host",
    [
        _variable(
            "host",
            name=_S, kernel=_S, newer_kernel=_S, sysctl=_M, modules=_L, options=_L, lockdown=_S, data_on_root=_S,
        )
    ],
    {
        "files": _variable(
            "file",
            path=_S, role=_S, mode=_S, owner=_S, group=_S, is_roots=_B, over_600=_B, over_644=_B, over_660=_B,
            over_700=_B, over_711=_B, over_755=_B,
        ),
        "programs": _variable("program", name=_S, place=_S, flags=_M, path=_S, is_replaced=_B),
        "configs": _variable("config", name=_S, place=_S, values=_M),
        "settings": _variable("setting", config=_S, name=_S, value=_S),
        "listeners": _variable("listener", address=_S, port=_I, program=_S, is_everywhere=_B),
        "mounts": _variable("mount", point=_S, kind=_S, options=_L),
        "weak": _variable("weak", workload=_S, program=_S, pid=_I, of_class=_S, rule=_S, demand=_S, what=_S),
    },
)  # fmt: skip

SUBJECTS: Final[Mapping[str, Subject]] = {one.name: one for one in (IMAGE, DOCKERFILE, COMPOSE, KUBERNETES, HOST)}
