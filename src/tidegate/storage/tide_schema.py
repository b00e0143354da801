# SPDX-License-Identifier: Apache-2.0
"""Tables of tides: what one change moved, from its cause on; in the metadata of `tidegate.storage.schema`."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from tidegate.storage.schema import metadata

tide = Table(
    "tide",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("cause", String(16), nullable=False),  # knowledge, recall, key
    Column("subject", Text, nullable=False),  # what changed: the knowledge file, the image, the key
    Column("event", String(255), nullable=False),  # it began with; "" where that has no id of its own ahead of time
    Column("why", Text, nullable=False),
    Column("began_at", String(32), nullable=False),
    Column("began_ms", BigInteger, nullable=False),  # since 1970, as what follows is counted from it
    Column("ended_at", String(32), nullable=False, default="", server_default=""),  # "" while something is open
    Index("ix_tide_began_at", "began_at", "id"),
    Index("ix_tide_ended_at", "ended_at", "began_at"),
)

tide_digest = Table(
    "tide_digest",  # what it touches
    metadata,
    Column("tide", String(32), primary_key=True),
    Column("digest", String(135), primary_key=True, index=True),
    Column("found_at", String(32), nullable=False),
    Column("found_ms", BigInteger, nullable=False),
    Column("judged_ms", BigInteger, nullable=False, default=0, server_default="0"),
    Column("judged_at", String(32), nullable=False, default="", server_default=""),  # "" until its decision is remade
    Column("state", String(16), nullable=False, default="", server_default=""),  # it had after that
    Index("ix_tide_digest_judged_at", "tide", "judged_at"),
)
