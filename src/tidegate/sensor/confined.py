# SPDX-License-Identifier: Apache-2.0
"""How the kernel confines a process of this node: proc_pid_status(5), proc_pid_attr(5)."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tidegate.execution.confinement import Confined, ConfinementRules, weaknesses
from tidegate.execution.observation import MAX_WORD_CHARS, clean
from tidegate.execution.response_policy import workload_of
from tidegate.inventory.host import WeakProcess
from tidegate.sensor.containers import Containers

_MAX_STATUS_BYTES: Final = 8192
_MAX_LSM_BYTES: Final = 4096
MAX_WEAK: Final = 1000
"""Processes told of one host."""
_ALL: Final = (1 << 41) - 1
_SAYS_NOTHING: Final = frozenset({"", "unconfined"})


def weak_processes(rules: ConfinementRules, *, proc: Path = Path("/proc")) -> tuple[WeakProcess, ...]:
    """The processes of containers that run here and are confined less than their classes demand.

    Of one container's processes that share a weakness the first is told. No more than `MAX_WEAK`.

    Args:
        rules: which classes they are of.
        proc: the host's process file system.
    """
    found: dict[tuple[str, str], WeakProcess] = {}
    for container, pids in Containers(proc).running().values():
        rule = rules.rule_for(workload_of(container))
        for pid in sorted(pids):
            process = confined(pid, proc=proc)
            for one in weaknesses(rule.demanded, process) if process is not None else ():
                if len(found) == MAX_WEAK:
                    return tuple(found.values())
                weak = WeakProcess(
                    workload=container.workload,
                    program=_program(proc / str(pid)),
                    pid=pid,
                    of_class=rule.demanded.name,
                    rule=rule.places.name,
                    demand=one.demand.value,
                    what=one.what,
                )
                found.setdefault((container.id, one.what), weak)
    return tuple(found.values())


def confined(pid: int, *, proc: Path = Path("/proc")) -> Confined | None:
    """What holds for a process; None for one that is gone, or cannot be looked at."""
    try:
        with (proc / str(pid) / "status").open("rb") as file:
            text = file.read(_MAX_STATUS_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    return confined_by(status_fields(text), security_label(proc / str(pid)))


def status_fields(text: str) -> dict[str, str]:
    """The fields of a process's status by their names."""
    lines = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in lines}


def confined_by(status: Mapping[str, str], label: str) -> Confined:
    """What fields of a status say; a field that is missing says the worst."""
    return Confined(
        seccomp=_number(status, "Seccomp", 10, 0),
        filters=_number(status, "Seccomp_filters", 10, 0),
        no_new_privileges=status.get("NoNewPrivs") == "1",
        users=tuple(int(one) for one in status.get("Uid", "0").split() if one.isdecimal()),
        held=_number(status, "CapPrm", 16, _ALL)
        | _number(status, "CapEff", 16, _ALL)
        | _number(status, "CapAmb", 16, 0),
        bound=_number(status, "CapBnd", 16, _ALL),
        lsm=label,
    )


def security_label(process: Path) -> str:
    """AppArmor's profile of a process with its mode, or SELinux' context; "" when it is confined by neither."""
    for name in ("attr/apparmor/current", "attr/current"):
        try:
            with (process / name).open("rb") as file:
                raw = file.read(_MAX_LSM_BYTES)
        except OSError:  # such a module is not there
            continue
        label = clean(raw.rstrip(b"\0\n").decode("utf-8", "surrogateescape"), MAX_WORD_CHARS)
        if label not in _SAYS_NOTHING:
            return label
    return ""


def _number(status: Mapping[str, str], name: str, base: int, otherwise: int) -> int:
    try:
        return int(status[name], base)
    except (KeyError, ValueError):
        return otherwise


def _program(process: Path) -> str:
    try:
        return clean(os.readlink(process / "exe"))  # noqa: PTH115 - no path but what the kernel says
    except OSError:
        return ""
