# SPDX-License-Identifier: Apache-2.0
"""What questions on the whole fleet look up: release lines that images stand on, commits they were made from."""

from sqlalchemy import Column, Index, String, Table, Text

from tidegate.storage.schema import metadata

image_line = Table(
    "image_line",  # until when somebody cares for it is knowledge, and looked up when it is asked
    metadata,
    Column("product", String(128), primary_key=True),  # of endoflife.date, as is the cycle
    Column("cycle", String(64), primary_key=True),
    Column("digest", String(135), primary_key=True),
    Column("subject", String(32), primary_key=True),  # distribution, runtime, ...
    Column("purl", Text, nullable=False),  # "" for the distribution
    Index("ix_image_line_digest", "digest"),
)

image_commit = Table(
    "image_commit",
    metadata,
    Column("commit", String(64), primary_key=True),
    Column("digest", String(135), primary_key=True),
    Column("said_by", String(16), primary_key=True),  # provenance: signed; label: what the image says of itself
    Column("repository", Text, nullable=False),  # of the source; "" when it is not told
    Index("ix_image_commit_digest", "digest"),
)
