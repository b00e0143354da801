# SPDX-License-Identifier: Apache-2.0
"""The kernel: its parameters, security modules and command line, from /proc and /sys."""

import re
from typing import Final

from tidegate.hosts.tree import Tree
from tidegate.inventory.host import Kernel

PARAMETERS: Final = (
    "fs.protected_fifos", "fs.protected_hardlinks", "fs.protected_regular", "fs.protected_symlinks", "fs.suid_dumpable",
    "kernel.core_pattern", "kernel.dmesg_restrict", "kernel.kexec_load_disabled", "kernel.keys.root_maxbytes",
    "kernel.keys.root_maxkeys", "kernel.kptr_restrict", "kernel.modules_disabled", "kernel.panic",
    "kernel.panic_on_oops", "kernel.perf_event_paranoid", "kernel.pid_max", "kernel.randomize_va_space",
    "kernel.sysrq",
    "kernel.unprivileged_bpf_disabled", "kernel.unprivileged_userns_clone", "kernel.yama.ptrace_scope",
    "net.core.bpf_jit_harden", "net.ipv4.conf.all.accept_redirects", "net.ipv4.conf.all.accept_source_route",
    "net.ipv4.conf.all.log_martians", "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.all.secure_redirects",
    "net.ipv4.conf.all.send_redirects", "net.ipv4.conf.default.accept_redirects",
    "net.ipv4.conf.default.accept_source_route", "net.ipv4.icmp_echo_ignore_broadcasts",
    "net.ipv4.icmp_ignore_bogus_error_responses", "net.ipv4.ip_forward", "net.ipv4.tcp_syncookies",
    "net.ipv6.conf.all.accept_ra", "net.ipv6.conf.all.accept_redirects", "net.ipv6.conf.all.accept_source_route",
    "net.ipv6.conf.default.accept_redirects", "user.max_user_namespaces", "vm.mmap_min_addr",
    "vm.overcommit_memory", "vm.panic_on_oom", "vm.unprivileged_userfaultfd",
)  # fmt: skip
"""Sysctls that are read: those a benchmark asks for, or that decide what a container can reach of the kernel."""
MAX_OPTIONS: Final = 1000
"""Words of a command line that are looked at; a kernel takes 4096 bytes of it at most."""
_CHOSEN: Final = re.compile(r"\[([a-z]+)\]")


def kernel_of(tree: Tree) -> Kernel:
    """The kernel that a host's /proc and /sys speak of."""
    texts = {name: tree.text("/proc/sys/" + name.replace(".", "/")) for name in PARAMETERS}
    lockdown = _CHOSEN.search(tree.text("/sys/kernel/security/lockdown"))
    return Kernel(
        release=tree.text("/proc/sys/kernel/osrelease"),
        build=tree.text("/proc/version"),
        parameters={name: text for name, text in texts.items() if text},
        modules=tuple(word for word in tree.text("/sys/kernel/security/lsm").split(",")[:100] if word),
        options=tuple(tree.text("/proc/cmdline").split()[:MAX_OPTIONS]),
        lockdown=lockdown[1] if lockdown else "",
    )
