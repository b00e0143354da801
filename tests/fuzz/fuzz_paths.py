# SPDX-License-Identifier: Apache-2.0
"""Imported first: samples of other rooms' tests can be imported by the modules beside this one."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

for _room in ("scan/catalogers", "scan/engine", "scan/secrets", "knowledge"):
    if str(TESTS / _room) not in sys.path:
        sys.path.append(str(TESTS / _room))
