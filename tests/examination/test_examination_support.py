# SPDX-License-Identifier: Apache-2.0
"""A recognised program gets the support dates of the product its row of the table names."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate.examination.report import full_report
from tidegate.knowledge.build import build
from tidegate.knowledge.database import Knowledge
from tidegate.oci.image import Folder
from tidegate.scan.catalogers.program_table import PROGRAMS
from tidegate.scan.image import scan_image
from tidegate.scan.parts import ScanParts
from tidegate.scan.roster import CATALOGERS
from tidegate.scan.secrets.detector import SecretDetector


@pytest.fixture(scope="module")
def knowledge(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("support")
    (root / "osv/PyPI").mkdir(parents=True)
    (root / "osv/PyPI/PYSEC-1.json").write_text('{"id": "PYSEC-1", "modified": "2026-01-01T00:00:00Z"}')
    (root / "osv/eol.json").write_bytes((shared_data / "eol.json").read_bytes())
    build(root / "osv", root / "k.db", made_at=datetime(2026, 8, 22, tzinfo=UTC))
    return root / "k.db"


@pytest.mark.shared_data
def test_every_product_of_the_table_has_dates(knowledge: Path) -> None:
    with Knowledge.open(knowledge) as opened:
        names = {name for (name,) in opened.rows("SELECT name FROM support")}
    assert {row.product for row in PROGRAMS if row.product} <= names


@pytest.mark.shared_data
@pytest.mark.parametrize("product", ["apache-http-server", "nodejs", "python", "postgresql", "hashicorp-vault"])
def test_a_program_that_no_package_brought_is_told_until_when_somebody_cares(
    tmp_path: Path, knowledge: Path, product: str
) -> None:
    row = next(row for row in PROGRAMS if row.product == product and row.names)
    (tmp_path / "opt").mkdir()
    program = tmp_path / "opt" / min(row.names)
    program.write_bytes(b"\x7fELF\x02\x01\x01" + b"\0" * 57 + row.sample)
    folder, parts = Folder(name="x", root=tmp_path), ScanParts(secrets=False)
    inventory = scan_image(folder, store=None, roster=CATALOGERS, secrets=SecretDetector(), parts=parts)
    with Knowledge.open(knowledge) as opened:
        support = full_report(inventory, opened).support
    assert [(one.product, one.purl) for one in support] == [(product, f"pkg:generic/{row.name}@{row.sample_version}")]
    assert f"{row.sample_version}.".startswith(f"{support[0].cycle}.")
