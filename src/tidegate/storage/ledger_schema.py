# SPDX-License-Identifier: Apache-2.0
"""Tables of the ledger, beside those of `tidegate.storage.schema` and in the same metadata.

Entries and full tiles are written once and never changed. What is not full yet is made of them when it is asked for.
"""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text

from tidegate.storage.schema import metadata

_Serial = BigInteger().with_variant(Integer, "sqlite")

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("index", _Serial, primary_key=True, autoincrement=False),
    Column("entry", LargeBinary, nullable=False),
    Column("recorded_at", String(32), nullable=False),
)

ledger_tile = Table(
    "ledger_tile",  # full ones of C2SP tlog-tiles: 256 hashes of 32 bytes
    metadata,
    Column("level", Integer, primary_key=True),
    Column("index", _Serial, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),  # over the hashes; before them, so that it is read without them
    Column("hashes", LargeBinary, nullable=False),
)

ledger_checkpoint = Table(
    "ledger_checkpoint",  # the newest that was published, with its cosignatures
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("published_at", String(32), nullable=False),
)

ledger_witnessed = Table(
    "ledger_witnessed",  # the newest checkpoint of each log that we are witness of
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("cosigned_at", String(32), nullable=False),
)
