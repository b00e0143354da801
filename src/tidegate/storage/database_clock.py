# SPDX-License-Identifier: Apache-2.0
"""The database's clock: what replicas agree on, whatever their own clocks say."""

from sqlalchemy import ColumnElement, Connection, literal_column


def database_now(connection: Connection) -> ColumnElement[int]:
    """Milliseconds since 1970, at the moment the statement runs."""
    if connection.dialect.name == "postgresql":
        return literal_column("CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)")
    return literal_column("CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)")
