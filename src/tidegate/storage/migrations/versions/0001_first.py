# SPDX-License-Identifier: Apache-2.0
"""The first tables."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None
_TABLES: Final = (
    "tag",
    "state",
    "repository_manifest",
    "repository_blob",
    "manifest_child",
    "manifest_blob",
    "statement",
    "state_change",
    "placement",
    "outbox",
    "manifest",
    "ledger_node",
    "ledger_entry",
    "knowledge_seen",
    "cursor",
    "component",
    "blob",
)


def upgrade() -> None:
    """Makes every table."""
    op.create_table(
        "blob",
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("stored_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_blob")),
    )
    op.create_table(
        "component",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("ecosystem", sa.String(length=64), nullable=False),
        sa.Column("match_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("version_key", sa.LargeBinary(), nullable=False),
        sa.Column("purl", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component")),
    )
    op.create_index(op.f("ix_component_digest"), "component", ["digest"], unique=False)
    op.create_index("ix_component_match", "component", ["ecosystem", "match_name", "version_key"], unique=False)
    op.create_table(
        "cursor",
        sa.Column("consumer", sa.String(length=128), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", name=op.f("pk_cursor")),
    )
    op.create_table(
        "knowledge_seen",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("joined_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_seen")),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_ledger_entry")),
    )
    op.create_table(
        "ledger_node",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("pk_ledger_node")),
    )
    op.create_table(
        "manifest",
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("artifact_type", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=135), nullable=True),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_manifest")),
    )
    op.create_index(op.f("ix_manifest_subject"), "manifest", ["subject"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("time", sa.String(length=32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("offset", name=op.f("pk_outbox")),
        sa.UniqueConstraint("id", name=op.f("uq_outbox_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_subject"), "outbox", ["subject"], unique=False)
    op.create_table(
        "placement",
        sa.Column("cluster", sa.String(length=255), nullable=False),
        sa.Column("namespace", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("container", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("cluster", "namespace", "kind", "name", "container", name=op.f("pk_placement")),
    )
    op.create_index(op.f("ix_placement_digest"), "placement", ["digest"], unique=False)
    op.create_table(
        "state_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("before", sa.String(length=16), nullable=False),
        sa.Column("after", sa.String(length=16), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_change")),
    )
    op.create_index(op.f("ix_state_change_digest"), "state_change", ["digest"], unique=False)
    op.create_table(
        "statement",
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("subject", sa.String(length=135), nullable=False),
        sa.Column("predicate_type", sa.Text(), nullable=False),
        sa.Column("payload", sa.String(length=135), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", sa.String(length=32), nullable=False),
        sa.Column("ledger_index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_statement")),
        sa.UniqueConstraint("ledger_index", name=op.f("uq_statement_ledger_index")),
    )
    op.create_index(op.f("ix_statement_payload"), "statement", ["payload"], unique=False)
    op.create_index(op.f("ix_statement_subject"), "statement", ["subject"], unique=False)
    op.create_table(
        "manifest_blob",
        sa.Column("manifest", sa.String(length=135), nullable=False),
        sa.Column("blob", sa.String(length=135), nullable=False),
        sa.ForeignKeyConstraint(["manifest"], ["manifest.digest"], name=op.f("fk_manifest_blob_manifest")),
        sa.PrimaryKeyConstraint("manifest", "blob", name=op.f("pk_manifest_blob")),
    )
    op.create_index(op.f("ix_manifest_blob_blob"), "manifest_blob", ["blob"], unique=False)
    op.create_table(
        "manifest_child",
        sa.Column("parent", sa.String(length=135), nullable=False),
        sa.Column("child", sa.String(length=135), nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["manifest.digest"], name=op.f("fk_manifest_child_parent")),
        sa.PrimaryKeyConstraint("parent", "child", name=op.f("pk_manifest_child")),
    )
    op.create_index(op.f("ix_manifest_child_child"), "manifest_child", ["child"], unique=False)
    op.create_table(
        "repository_blob",
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["blob.digest"], name=op.f("fk_repository_blob_digest")),
        sa.PrimaryKeyConstraint("repository", "digest", name=op.f("pk_repository_blob")),
    )
    op.create_table(
        "repository_manifest",
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("pushed_at", sa.String(length=32), nullable=False),
        sa.Column("pushed_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["manifest.digest"], name=op.f("fk_repository_manifest_digest")),
        sa.PrimaryKeyConstraint("repository", "digest", name=op.f("pk_repository_manifest")),
    )
    op.create_table(
        "state",
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.Column("decision", sa.String(length=135), nullable=False),
        sa.Column("expires_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["manifest.digest"], name=op.f("fk_state_digest")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_state")),
    )
    op.create_index(op.f("ix_state_state"), "state", ["state"], unique=False)
    op.create_table(
        "tag",
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("moved_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["manifest.digest"], name=op.f("fk_tag_digest")),
        sa.PrimaryKeyConstraint("repository", "name", name=op.f("pk_tag")),
    )
    op.create_index(op.f("ix_tag_digest"), "tag", ["digest"], unique=False)


def downgrade() -> None:
    """Drops every table."""
    for name in _TABLES:
        op.drop_table(name)
