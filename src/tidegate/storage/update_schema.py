# SPDX-License-Identifier: Apache-2.0
"""The table of proposed updates; in the metadata of `tidegate.storage.schema`."""

from sqlalchemy import Column, Index, String, Table, Text

from tidegate.storage.schema import metadata

update_proposal = Table(
    "update_proposal",
    metadata,
    Column("id", String(32), primary_key=True),  # of the place and both images
    Column("cluster", String(255), nullable=False),
    Column("namespace", String(255), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("container", String(255), nullable=False),
    Column("repository", String(255), nullable=False, index=True),  # what runs
    Column("to_digest", String(135), nullable=False),
    Column("state", String(16), nullable=False),  # proposed, asked, rolling, done, failed, refused, superseded, closed
    Column("document", Text, nullable=False),  # JSON: the proposal
    Column("made_at", String(32), nullable=False),
    Column("changed_at", String(32), nullable=False),
    Column("asked_by", Text, nullable=False, default="", server_default=""),
    Column("asked_identity", Text, nullable=False, default="", server_default=""),
    Column("approved_by", Text, nullable=False, default="", server_default=""),
    Column("outcome", Text, nullable=False, default="", server_default=""),
    Index("ix_update_proposal_state", "state", "changed_at"),
    Index("ix_update_proposal_place", "cluster", "namespace", "kind", "name"),
)
