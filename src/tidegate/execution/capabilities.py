# SPDX-License-Identifier: Apache-2.0
"""The kernel's capabilities by their numbers: capabilities(7), include/uapi/linux/capability.h."""

from collections.abc import Iterable
from typing import Final

NAMES: Final = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
)  # fmt: skip
_NUMBERS: Final = {name: number for number, name in enumerate(NAMES)}


def is_capability(name: str) -> bool:
    """True for a name the kernel knows, in capitals, without `CAP_`."""
    return name in _NUMBERS


def mask_of(names: Iterable[str]) -> int:
    """A set of capabilities as the kernel writes it; names are known ones."""
    return sum(1 << _NUMBERS[name] for name in set(names))


def names_of(mask: int) -> tuple[str, ...]:
    """The names of a set, in the kernel's order; a number that has no name here is `CAP_n`."""
    numbers = (number for number in range(mask.bit_length()) if mask >> number & 1)
    return tuple(NAMES[number] if number < len(NAMES) else f"CAP_{number}" for number in numbers)
