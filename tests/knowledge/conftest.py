# SPDX-License-Identifier: Apache-2.0
"""What tests of knowledge share: where files go, and the files built of the shipped and the large set."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from knowledge_samples import MADE_AT, Builder, publish

from tidegate.knowledge.build import BuildReport, build
from tidegate.knowledge.seed import build_seed


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Where a test's knowledge file goes."""
    return tmp_path / "knowledge.db"


@pytest.fixture
def built(tmp_path: Path, db: Path) -> Builder:
    """Builds `db` from records by ecosystem; further keywords go to `build`."""

    def run(records: Mapping[str, list[dict[str, Any]]], **more: Any) -> BuildReport:
        return build(publish(tmp_path / "source", records), db, **({"made_at": MADE_AT} | more))

    return run


@pytest.fixture(scope="session")
def seed_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The knowledge file of the shipped set."""
    path = tmp_path_factory.mktemp("seed") / "seed.db"
    build_seed(path, made_at=MADE_AT)
    return path


@pytest.fixture(scope="session")
def whole_db(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The knowledge file of the large data set; built once a run."""
    path = tmp_path_factory.mktemp("whole") / "whole.db"
    build(shared_data, path, made_at=MADE_AT)
    return path
