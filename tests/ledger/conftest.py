# SPDX-License-Identifier: Apache-2.0
"""A log in memory."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from tidegate.storage.schema import metadata


@pytest.fixture
def log() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()
