# SPDX-License-Identifier: Apache-2.0
"""One whole server for the tests that need nothing special of it."""

from collections.abc import Iterator

import pytest
from whole_server import WholeServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeServer]:
    with WholeServer(tmp_path_factory.mktemp("whole") / "home") as running:
        yield running
