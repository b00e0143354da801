# SPDX-License-Identifier: Apache-2.0
"""Rolls an update out and kills itself after so many writes: `roll_and_die.py KUBECONFIG PROPOSAL WRITES`."""

import os
import signal
import sys
import time
from pathlib import Path

from tidegate.clock import system_clock
from tidegate.execution.updates.judge import Proposal
from tidegate.execution.updates.rollout.rolling import NOTE, Rollout
from tidegate.kubernetes.client import find_api_server, open_http
from tidegate.kubernetes.objects import Object, Objects
from tidegate.wire import from_json


class Deadly(Objects):
    """Dies after some writes of the workload's note."""

    left = int(sys.argv[3])

    def merge(self, path: str, patch: Object, *, where: str) -> Object:
        done = super().merge(path, patch, where=where)
        if NOTE in (patch.get("metadata") or {}).get("annotations", {}):
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)
        return done


proposal = from_json(Path(sys.argv[2]).read_bytes(), Proposal, what="proposal", max_bytes=1 << 20)
with open_http(find_api_server(Path(sys.argv[1]))) as http:
    Rollout(Deadly(http), "a" * 32, proposal, clock=system_clock, pause=time.sleep, lease_s=2).run()
