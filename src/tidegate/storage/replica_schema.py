# SPDX-License-Identifier: Apache-2.0
"""Tables that say what replicas have in common, beside those of `tidegate.storage.schema` and in the same metadata."""

from sqlalchemy import Column, String, Table, Text

from tidegate.storage.schema import metadata

shared_key = Table(
    "shared_key",  # which keys the replicas of this database have; never the keys themselves
    metadata,
    Column("purpose", String(32), primary_key=True),
    Column("key_id", String(64), nullable=False),  # sha256 hex of something that tells nothing of a secret one
    Column("since", String(32), nullable=False),
    Column("told_by", Text, nullable=False),
)
