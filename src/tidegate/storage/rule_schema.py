# SPDX-License-Identifier: Apache-2.0
"""Tables of rules that are managed here, beside those of `tidegate.storage.schema` and in the same metadata."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from tidegate.storage.schema import metadata

rule_set = Table(
    "rule_set",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("version", BigInteger, nullable=False),  # the revision that set it: never used twice, also after a removal
    Column("document", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", String(32), nullable=False),
)

rule_revision = Table(
    "rule_revision",  # grows with every change, so that replicas see when to read again
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)
