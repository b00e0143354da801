# SPDX-License-Identifier: Apache-2.0
"""Cuts a container off the network, in its own network namespace: it reaches itself, and nobody else reaches it.

By nftables (`nft`, in the namespace by `nsenter`), as a table of its own that goes as a whole. Containers of one pod
share a namespace, and so this. A container with CAP_NET_ADMIN can take the table away again: freeze or kill that one.
"""

import os
import subprocess
from typing import Final

from tidegate.errors import NotFoundError, OutsideError, RefusedError

TABLE: Final = "tidegate_quarantine"
_SECONDS: Final = 20
_RULES: Final = f"""table inet {TABLE}
delete table inet {TABLE}
table inet {TABLE} {{
  chain incoming {{ type filter hook input priority -400; policy drop; iifname "lo" accept; counter; }}
  chain outgoing {{ type filter hook output priority -400; policy drop; oifname "lo" accept; counter; }}
  chain passing {{ type filter hook forward priority -400; policy drop; counter; }}
}}
"""


def isolate(pid: int) -> None:
    """Cuts off the namespace of a process; again changes nothing.

    Raises:
        NotFoundError: the process is gone.
        RefusedError: it uses the node's own network, or the sensor's.
        OutsideError: `nft` or `nsenter` is missing or fails.
    """
    _demand_own(pid)
    _nft(pid, _RULES)
    if not is_isolated(pid):
        raise OutsideError("the rules were taken and are not there", where=str(pid))


def rejoin(pid: int) -> None:
    """Takes that back; again changes nothing. Raises as `isolate`."""
    _demand_own(pid)
    _nft(pid, f"table inet {TABLE}\ndelete table inet {TABLE}\n")


def is_isolated(pid: int) -> bool:
    """True when the table is there."""
    return _run(pid, ["nft", "list", "table", "inet", TABLE]).returncode == 0


def _demand_own(pid: int) -> None:
    try:
        theirs = os.readlink(f"/proc/{pid}/ns/net")  # noqa: PTH115
    except OSError as error:
        raise NotFoundError("the process is gone", where=str(pid)) from error
    for other in ("1", "self"):
        try:
            ours = os.readlink(f"/proc/{other}/ns/net")  # noqa: PTH115
        except OSError:
            continue
        if theirs == ours:
            raise RefusedError("it uses the node's own network", remedy="freeze or kill it")


def _nft(pid: int, rules: str) -> None:
    done = _run(pid, ["nft", "-f", "-"], rules)
    if done.returncode:
        raise OutsideError(f"nft: {done.stderr.strip()[:500]}", where=f"network of process {pid}")


def _run(pid: int, words: list[str], text: str = "") -> "subprocess.CompletedProcess[str]":
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", "--", *words]
    try:
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except FileNotFoundError as error:
        raise OutsideError("nsenter is missing", remedy="install util-linux and nftables on the node") from error
    except subprocess.TimeoutExpired as error:
        raise OutsideError("nft does not end", where=f"network of process {pid}") from error
