# SPDX-License-Identifier: Apache-2.0
"""The tables of forensic captures and of those ordered by time; in the metadata of `tidegate.storage.schema`."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

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
    Column("differs", Integer, nullable=False, default=0, server_default="0"),  # programs not of the image
    Index("ix_capture_kept_at", "kept_at"),
    Index("ix_capture_until", "gone_at", "keep_until"),
    Index("ix_capture_archive", "archive"),
)

capture_order = Table(
    "capture_order",
    metadata,
    Column("id", String(32), primary_key=True),  # of the response that orders it
    Column("schedule", Text, nullable=False),
    Column("node", String(253), nullable=False),
    Column("container", String(64), nullable=False),
    Column("due_at", String(32), nullable=False),
    Column("ordered_at", String(32), nullable=False),
    Column("keep_seconds", BigInteger, nullable=False),  # 0: as long as the settings say
    Column("capture", String(135), nullable=False, default="", server_default=""),  # "" until it is here
    Index("ix_capture_order_at", "ordered_at"),
    Index("ix_capture_order_container", "container", "due_at"),
)
