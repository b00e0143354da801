# SPDX-License-Identifier: Apache-2.0
"""A process of its own: goes into a container and runs a program there as often as standard input says.

exec_loop.py ROOT CGROUP_PROCS PROGRAM [words for whoever looks for a bundle]
"""

import ctypes
import json
import os
import sys
import time
from pathlib import Path

_NEW_MOUNTS = 0x20000
_PRIVATE = 1 << 18 | 1 << 14
_BIND = 0x1000
_DETACH = 2


def main() -> None:
    """Goes in, says `ready`, and then answers each number with so many seconds as JSON."""
    root, group, program = sys.argv[1:4]
    Path(group).write_text(str(os.getpid()))
    libc = ctypes.CDLL(None, use_errno=True)
    _must(libc.unshare(_NEW_MOUNTS))
    _must(libc.mount(b"none", b"/", None, _PRIVATE, None))
    _must(libc.mount(os.fsencode(root), os.fsencode(root), None, _BIND, None))
    os.chdir(root)
    _must(libc.pivot_root(b".", b"."))
    _must(libc.umount2(b".", _DETACH))
    os.chdir("/")
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps([_seconds(program) for _ in range(int(line))]), flush=True)


def _seconds(program: str) -> float:
    began = time.perf_counter()
    os.waitpid(os.posix_spawn(program, [program], {}), 0)
    return time.perf_counter() - began


def _must(done: int) -> None:
    if done < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main()
