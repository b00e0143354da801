# SPDX-License-Identifier: Apache-2.0
"""An empty file gets every table, whichever command comes first: also one that needs few of them."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import create_engine, inspect

SCHEMAS = Path(__file__).parents[2] / "src" / "tidegate" / "storage"
MAKE = "import sys; from tidegate.storage.migrations import migrate; migrate(sys.argv[1])"
TELL = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(f"tidegate.storage.{name}")
from tidegate.storage.schema import metadata
print(*sorted(metadata.tables))
"""


def test_a_process_that_imported_nothing_else_makes_all_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    subprocess.run([sys.executable, "-c", MAKE, url], check=True, timeout=120)
    names = sorted(path.stem for path in SCHEMAS.glob("*schema.py"))
    assert len(names) > 5
    told = subprocess.run([sys.executable, "-c", TELL, *names], check=True, timeout=120, capture_output=True, text=True)
    engine = create_engine(url)
    found = set(inspect(engine).get_table_names()) - {"alembic_version"}
    engine.dispose()
    assert found == set(told.stdout.split())
