# SPDX-License-Identifier: Apache-2.0
"""Tables of trust in keys, beside those of `tidegate.storage.schema` and in the same metadata."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from tidegate.storage.schema import metadata

_Count = BigInteger().with_variant(Integer, "sqlite")

trusted_key = Table(
    "trusted_key",
    metadata,
    Column("key_id", String(64), primary_key=True),  # sha256 of its SubjectPublicKeyInfo
    Column("name", String(128), nullable=False, index=True),
    Column("public_key", Text, nullable=False),  # PEM
    Column("origin", String(16), nullable=False),  # own, settings, added
    Column("roles", Text, nullable=False),  # with blanks between
    Column("state", String(16), nullable=False),  # proposed, trusted, refused
    Column("not_before", String(32), nullable=False),  # "" for always; of when a statement was recorded
    Column("not_after", String(32), nullable=False),  # "" for no end
    Column("revoked_from", _Count, nullable=False),  # ledger index; -1 while it is not revoked
    Column("revoked_at", String(32), nullable=False),
    Column("revoked_by", Text, nullable=False),
    Column("revoked_why", Text, nullable=False),
    Column("added_at", String(32), nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_identity", Text, nullable=False),  # what who confirms may not have in common with who proposed
    Column("added_why", Text, nullable=False),
    Column("confirmed_by", Text, nullable=False),
    Column("statement", String(135), nullable=False),  # the envelope of the last change; "" before the first
)

trust_revision = Table(
    "trust_revision",  # one row; grows with every change of the above, so that every replica sees it
    metadata,
    Column("id", Integer, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)

statement_signer = Table(
    "statement_signer",  # who signed what: the key ids an envelope names, or those that were found to hold
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("ledger_index", _Count, primary_key=True, autoincrement=False),
    Column("subject", String(135), nullable=False),
    Index("ix_statement_signer_ledger_index", "ledger_index"),
)
