# SPDX-License-Identifier: Apache-2.0
"""How strongly the kernel confines a process, held against what its workload's class demands. Values and judgement.

Landlock is not here: what a process gave up by it cannot be read from outside the process.
"""

import fnmatch
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from tidegate.execution.capabilities import mask_of, names_of
from tidegate.execution.drift_rules import DriftRule, Mode, Workload
from tidegate.execution.standards.baseline import CAPABILITIES
from tidegate.values import Struct

_FILTERED: Final = 2
_STRICT: Final = 1


class Demand(StrEnum):
    """What a class may demand of its processes."""

    SECCOMP = "seccomp"
    NO_NEW_PRIVILEGES = "no-new-privileges"
    NON_ROOT = "non-root"
    CAPABILITIES = "capabilities"
    LSM = "lsm"


class ConfinementClass(Struct, frozen=True, kw_only=True):
    """What is demanded of the processes of some workloads.

    Attributes:
        seccomp: a filter of system calls is on.
        no_new_privileges: no program that is started can gain rights.
        non_root: no user of it is the node's root.
        capabilities: the most that may be had; None is any.
        lsm: shell patterns of AppArmor's profile with its mode (`docker-default (enforce)`) or of SELinux' context, one
            of which must fit; empty demands nothing.
    """

    name: str
    seccomp: bool = False
    no_new_privileges: bool = False
    non_root: bool = False
    capabilities: tuple[str, ...] | None = None
    lsm: tuple[str, ...] = ()


PRIVILEGED: Final = ConfinementClass(name="privileged")
BASELINE: Final = ConfinementClass(
    name="baseline", seccomp=True, capabilities=tuple(sorted(CAPABILITIES | {"NET_RAW"}))
)
RESTRICTED: Final = ConfinementClass(
    name="restricted", seccomp=True, no_new_privileges=True, non_root=True, capabilities=("NET_BIND_SERVICE",)
)
LEVELS: Final = (PRIVILEGED, BASELINE, RESTRICTED)
"""Classes that are there without being written, after the levels of the Pod Security Standards.

`baseline` lets a process have what runtimes give when nobody asks for more, NET_RAW among it.
"""


class ConfinementRule(Struct, frozen=True, kw_only=True):
    """Which class some workloads are of.

    Attributes:
        places: which workloads; its mode is how far the sensor goes.
    """

    places: DriftRule
    demanded: ConfinementClass


class ConfinementRules(Struct, frozen=True, kw_only=True):
    """Rules in their order: the first that speaks of a workload holds for it."""

    rules: tuple[ConfinementRule, ...] = ()
    otherwise: ConfinementClass = PRIVILEGED

    def rule_for(self, workload: Workload) -> ConfinementRule:
        """What holds for a workload."""
        found = next((rule for rule in self.rules if rule.places.fits(workload)), None)
        return found or ConfinementRule(places=DriftRule(name="otherwise", mode=Mode.ALERT), demanded=self.otherwise)


class Confined(Struct, frozen=True, kw_only=True):
    """How a process is confined: proc_pid_status(5), and what its security module says of it.

    Attributes:
        seccomp: 0 not at all, 1 strictly, 2 by `filters`, of which the kernel says how many since 5.9.
        users: real, effective, saved and of files, as the node numbers them.
        held: capabilities it has, or may take; `bound` those that a program it starts could bring it.
        lsm: AppArmor's profile with its mode, or SELinux' context; "" when neither says anything.
    """

    seccomp: int = 0
    filters: int = 0
    no_new_privileges: bool = False
    users: tuple[int, ...] = ()
    held: int = 0
    bound: int = 0
    lsm: str = ""


class Weakness(Struct, frozen=True, kw_only=True):
    """A demand that a process does not meet, and how it does not, in words."""

    demand: Demand
    what: str


def weaknesses(demanded: ConfinementClass, process: Confined) -> tuple[Weakness, ...]:
    """Where a process is weaker than its class demands."""
    return tuple(Weakness(demand=demand, what=what) for demand, what in _weak(demanded, process))


def _weak(demanded: ConfinementClass, process: Confined) -> Iterator[tuple[Demand, str]]:
    if demanded.seccomp and process.seccomp not in {_STRICT, _FILTERED}:
        yield Demand.SECCOMP, "no seccomp filter: every system call of the kernel is open to it"
    if demanded.no_new_privileges and not process.no_new_privileges:
        yield Demand.NO_NEW_PRIVILEGES, "a set-uid program may give it more rights: no_new_privs is not set"
    if demanded.non_root and 0 in process.users:
        yield Demand.NON_ROOT, "acts as the node's root, or may do so"
    if demanded.capabilities is not None:
        # Where nothing can be gained, what is in the bounding set alone is out of reach: PR_SET_NO_NEW_PRIVS(2const).
        reached = process.held | (0 if process.no_new_privileges else process.bound)
        if more := reached & ~mask_of(demanded.capabilities):
            yield Demand.CAPABILITIES, f"may have {_few(names_of(more))}"
    if demanded.lsm and not any(fnmatch.fnmatchcase(process.lsm, pattern) for pattern in demanded.lsm):
        what = f"is confined as {process.lsm!r}" if process.lsm else "neither AppArmor nor SELinux confines it"
        yield Demand.LSM, what


def _few(names: tuple[str, ...]) -> str:
    few = 6
    more = f" and {len(names) - few} more" if len(names) > few else ""
    return ", ".join(names[:few]) + more
