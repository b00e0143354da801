# SPDX-License-Identifier: Apache-2.0
"""The table of forensic captures; in the metadata of `tidegate.storage.schema`."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from tidegate.storage.schema import metadata

capture = Table(
    "capture",
    metadata,
    Column("digest", String(135), primary_key=True),  # of its manifest
    Column("archive", String(135), nullable=False),  # of the file it lies in, among the captures' own blobs
    Column("size", BigInteger, nullable=False),
    Column("node", Text, nullable=False),
    Column("container", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("image", Text, nullable=False),
    Column("image_digest", String(135), nullable=False),
    Column("incident", Text, nullable=False),
    Column("taken_at", String(32), nullable=False),
    Column("kept_at", String(32), nullable=False),
    Column("kept_by", Text, nullable=False),
    Column("keep_until", String(32), nullable=False),
    Column("gone_at", String(32), nullable=False, default="", server_default=""),
    Column("gone_why", Text, nullable=False, default="", server_default=""),
    Column("statement", String(135), nullable=False),
    Column("overview", Text, nullable=False),  # the capture's own words
    Index("ix_capture_kept_at", "kept_at"),
    Index("ix_capture_until", "gone_at", "keep_until"),
    Index("ix_capture_archive", "archive"),
)
