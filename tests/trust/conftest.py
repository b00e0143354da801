# SPDX-License-Identifier: Apache-2.0
"""One PostgreSQL for the tests of trust on both engines."""

from collections.abc import Iterator

import pytest

from postgres_server import start_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A server of this module; skips where PostgreSQL is not installed."""
    with start_postgres() as url:
        yield url
