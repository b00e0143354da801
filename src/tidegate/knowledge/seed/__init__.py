# SPDX-License-Identifier: Apache-2.0
"""The small set of knowledge that is shipped: enough to try tidegate and to test it, nothing to rely on.

The folder of this module is laid out as `tidegate.knowledge.layout` says: OSV records in our own words (their ids,
ranges, ratings and dates are the published facts), a few entries of KEV and EPSS, and support dates. Beside it,
`seed-later` holds an advisory that arrives later, for showing what new knowledge does.
"""

import shutil
import tempfile
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Final

from tidegate.knowledge.build import BuildReport, build

_SEED: Final = "seed"
_LATER: Final = "seed-later"


def build_seed(to: Path, *, made_at: datetime, later: bool = False) -> BuildReport:
    """Builds a knowledge file from the shipped set.

    Args:
        to: the file; an older one is replaced.
        made_at: the moment written into the file.
        later: with the advisory that arrives later.

    Raises:
        OutsideError: the disk failed.
    """
    shipped = resources.files("tidegate.knowledge")
    with tempfile.TemporaryDirectory() as folder:
        for name in (_SEED, _LATER) if later else (_SEED,):
            with resources.as_file(shipped / name) as source:
                ignored = shutil.ignore_patterns("*.py", "__pycache__")
                shutil.copytree(source, folder, dirs_exist_ok=True, ignore=ignored)
        return build(Path(folder), to, made_at=made_at)
