# SPDX-License-Identifier: Apache-2.0
"""Tables that say how long something is kept, beside those of `tidegate.storage.schema` and in the same metadata."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from tidegate.storage.schema import metadata

Serial = BigInteger().with_variant(Integer, "sqlite")

tag_history = Table(
    "tag_history",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("repository", String(255), nullable=False),
    Column("name", String(128), nullable=False),
    Column("before", String(135), nullable=False, index=True),  # "": the tag was new
    Column("after", String(135), nullable=False),  # "": it was removed
    Column("at", String(32), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("ix_tag_history_tag", "repository", "name", "id"),
)

tag_freeze = Table(
    "tag_freeze",
    metadata,
    Column("repository", String(255), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("at", String(32), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
)

tag_override = Table(
    "tag_override",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("repository", String(255), nullable=False),
    Column("name", String(128), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("for_whom", Text, nullable=False),  # "": anybody who may push
    Column("granted_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
    Column("used_at", String(32), nullable=False),  # "": not yet
    Index("ix_tag_override_tag", "repository", "name", "used_at"),
)

gc_look = Table(
    "gc_look",  # blobs a repository may hold without need, and when to look
    metadata,
    Column("repository", String(255), primary_key=True),
    Column("digest", String(135), primary_key=True),
    Column("due_at", String(32), nullable=False, index=True),
)

gc_removal = Table(
    "gc_removal",  # blobs no row speaks of any more; their bytes go next
    metadata,
    Column("digest", String(135), primary_key=True),
    Column("asked_at", String(32), nullable=False),
)

upkeep_turn = Table(
    "upkeep_turn",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("taken_at", String(32), nullable=False),
)

upkeep_run = Table(
    "upkeep_run",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),  # gc, retention, scrub
    Column("began_at", String(32), nullable=False),
    Column("ended_at", String(32), nullable=False),
    Column("who", Text, nullable=False),
    Column("told", LargeBinary, nullable=False),  # JSON
    Index("ix_upkeep_run_kind", "kind", "id"),
)

upkeep_order = Table(
    "upkeep_order",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("argument", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("asked_at", String(32), nullable=False, index=True),
    Column("beat_at", String(32), nullable=False),
    Column("progress", Text, nullable=False),
    Column("told", LargeBinary, nullable=False),  # JSON; empty until it is done
    Column("problem", Text, nullable=False),
)

pull = Table(
    "pull",
    metadata,
    Column("repository", String(255), primary_key=True),
    Column("digest", String(135), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("last_at", String(32), nullable=False),
)

image_scan = Table(
    "image_scan",  # the newest scan of an image in two words
    metadata,
    Column("digest", String(135), primary_key=True),
    Column("base", String(135), nullable=False, index=True),  # "": none is known
    Column("worst", String(16), nullable=False),
    Column("scanned_at", String(32), nullable=False),
)

scrub_position = Table(
    "scrub_position",  # one row
    metadata,
    Column("id", Integer, primary_key=True),
    Column("part", String(16), nullable=False),
    Column("last", String(135), nullable=False),
    Column("began_at", String(32), nullable=False),
    Column("ended_at", String(32), nullable=False),  # "": it goes on
)

blob_damage = Table(
    "blob_damage",
    metadata,
    Column("digest", String(135), primary_key=True),
    Column("defect", String(16), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("found_at", String(32), nullable=False),
    Column("holders", LargeBinary, nullable=False),  # JSON: repositories, and who uploaded it there
    Column("repaired_at", String(32), nullable=False, index=True),  # "": it is lost
    Column("repaired_from", Text, nullable=False),
    Column("let_go_at", String(32), nullable=False, default="", server_default="", index=True),  # "": they are kept
)
