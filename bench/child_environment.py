# SPDX-License-Identifier: Apache-2.0
"""The environment of measured processes: as installed, where modules are compiled once and not at every start."""

import os
from pathlib import Path


def child_environment(bytecode: Path) -> dict[str, str]:
    """This process's environment, with compiled modules kept in a folder whatever it says of that."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(bytecode)}
