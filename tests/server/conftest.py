# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the doors' tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_registry import LiveRegistry

from backing import ALONE, FOLDER, SHARED, Backing, backing_of
from object_server import ObjectServer, start_objects
from postgres_server import start_postgres

ON_EVERY_BACKING = {
    "test_registry_push",
    "test_registry_pull",
    "test_registry_load",
    "test_registry_observe",
    "test_registry_restricted",
}
"""Modules whose tests are asked of a registry that stands alone, and of one that shares all it has."""


ON_POSTGRES_AND_FOLDER = {"test_registry_push", "test_registry_restricted", "test_registry_claims"}
"""Modules whose tests are asked of what lies between the two as well: a shared database, and a folder of blobs."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    name = metafunc.module.__name__
    if "backing" not in metafunc.fixturenames or name not in ON_EVERY_BACKING | ON_POSTGRES_AND_FOLDER:
        return
    backings = [SHARED] if name in ON_EVERY_BACKING else []
    backings += [FOLDER] if name in ON_POSTGRES_AND_FOLDER else []
    tools = [pytest.param(one, marks=pytest.mark.tools) for one in backings]
    metafunc.parametrize("backing", [ALONE, *tools], indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with start_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with start_objects(tmp_path_factory.mktemp("objects")) as running:
        yield running


@pytest.fixture
def backing(request: pytest.FixtureRequest) -> Backing:
    return backing_of(request)


@pytest.fixture
def live(tmp_path: Path, backing: Backing) -> Iterator[LiveRegistry]:
    with LiveRegistry(folder=tmp_path / "registry", backing=backing) as running:
        yield running


@pytest.fixture
def start_registry(tmp_path: Path, backing: Backing) -> Callable[..., LiveRegistry]:
    def start(**options: Any) -> LiveRegistry:
        return LiveRegistry(folder=tmp_path / "registry", backing=backing, **options)

    return start


@pytest.fixture
def http(live: LiveRegistry) -> Iterator[httpx.Client]:
    with live.client() as client:
        yield client
