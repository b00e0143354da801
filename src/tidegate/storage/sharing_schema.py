# SPDX-License-Identifier: Apache-2.0
"""Tables of limits that replicas keep together, beside those of `tidegate.storage.schema` and in the same metadata.

All moments are milliseconds since 1970 by the database's clock.
"""

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, String, Table

from tidegate.storage.schema import metadata

_Serial = BigInteger().with_variant(Integer, "sqlite")

rate_bucket = Table(
    "rate_bucket",  # a token bucket; below zero, so many wait already
    metadata,
    Column("name", String(128), primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("filled_ms", BigInteger, nullable=False),
    Column("closed_until_ms", BigInteger, nullable=False),
)

limit_share = Table(
    "limit_share",  # what a replica may use of a limit; the row of holder "" is locked by who changes one
    metadata,
    Column("name", String(255), primary_key=True),
    Column("holder", String(128), primary_key=True),
    Column("amount", Integer, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
)

recon_lot = Table(
    "recon_lot",  # what one replica saw within a second of those who look around
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("holder", String(128), nullable=False),
    Column("at_ms", BigInteger, nullable=False, index=True),
    Column("signs", LargeBinary, nullable=False),  # JSON
)
