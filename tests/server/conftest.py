# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the doors' tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_registry import LiveRegistry


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveRegistry]:
    with LiveRegistry(folder=tmp_path / "registry") as running:
        yield running


@pytest.fixture
def start_registry(tmp_path: Path) -> Callable[..., LiveRegistry]:
    def start(**options: Any) -> LiveRegistry:
        return LiveRegistry(folder=tmp_path / "registry", **options)

    return start


@pytest.fixture
def http(live: LiveRegistry) -> Iterator[httpx.Client]:
    with live.client() as client:
        yield client
