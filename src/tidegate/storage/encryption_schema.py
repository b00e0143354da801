# SPDX-License-Identifier: Apache-2.0
"""Tables that say who may decrypt what, beside those of `tidegate.storage.schema` and in the same metadata."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from tidegate.storage.schema import metadata

_Serial = BigInteger().with_variant(Integer, "sqlite")

recipient = Table(
    "recipient",
    metadata,
    Column("name", String(255), primary_key=True),  # of the principal
    Column("kid", String(64), primary_key=True),  # RFC 7638
    Column("public_key", Text, nullable=False),  # PEM
    Column("added_at", String(32), nullable=False),
    Column("added_by", Text, nullable=False),
)

encrypted_copy = Table(
    "encrypted_copy",
    metadata,
    Column("encrypted", String(135), primary_key=True),
    Column("plain", String(135), nullable=False, index=True),
    Column("consumers", Text, nullable=False),  # JSON, names; empty is whoever may pull it
    Column("made_at", String(32), nullable=False),
    Column("made_by", Text, nullable=False),
)

key_release = Table(
    "key_release",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("encrypted", String(135), nullable=False, index=True),
    Column("plain", String(135), nullable=False),
    Column("principal", String(255), nullable=False, index=True),
    Column("address", Text, nullable=False),
    Column("kid", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("granted", Integer, nullable=False),  # 0 or 1
    Column("why", Text, nullable=False),  # "" when granted
)

encryption_job = Table(
    "encryption_job",  # encrypted copies that were asked for
    metadata,
    Column("id", String(32), primary_key=True),  # of the image, places, consumers and their keys
    Column("attempt", Integer, nullable=False),
    Column("state", String(16), nullable=False, index=True),  # asked, done, failed
    Column("problem", Text, nullable=False),  # "" unless it failed
    Column("plain", String(135), nullable=False, index=True),
    Column("encrypted", String(135), nullable=False),  # "" before it is done
    Column("wanted", Text, nullable=False),  # JSON: what is wanted, and by whom
    Column("withheld", Text, nullable=False),  # JSON: for whom keys were not wrapped, and why
    Column("done_bytes", BigInteger, nullable=False),
    Column("total_bytes", BigInteger, nullable=False),
    Column("asked_at", String(32), nullable=False, index=True),
    Column("done_at", String(32), nullable=False),  # "" before
)

encrypted_layer = Table(
    "encrypted_layer",  # of jobs that are under way, to go on with after a kill
    metadata,
    Column("job", String(32), primary_key=True),
    Column("layer", String(64), primary_key=True),  # hash of the plain layer's descriptor
    Column("made", Text, nullable=False),  # JSON: the encrypted one's; its key is wrapped for the server alone
)
