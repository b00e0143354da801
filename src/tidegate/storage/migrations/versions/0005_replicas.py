# SPDX-License-Identifier: Apache-2.0
"""What replicas share, and the indexes that keep a large store as quick as a small one."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"
_BYTEWISE: Final = {
    "ix_repository_manifest_bytewise": ("repository_manifest", ['repository COLLATE "C"']),
    "ix_tag_bytewise": ("tag", ["repository", 'name COLLATE "C"']),
}


def upgrade() -> None:
    """Makes them."""
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("holder", sa.String(length=128), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "upload",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("algorithm", sa.String(length=8), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("hashed", sa.String(length=135), nullable=False),
        sa.Column("sealed", sa.String(length=135), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
    )
    op.create_table(
        "upload_segment",
        sa.Column("upload", sa.String(length=128), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["upload"], ["upload.id"], name=op.f("fk_upload_segment_upload")),
        sa.PrimaryKeyConstraint("upload", "start", name=op.f("pk_upload_segment")),
    )
    op.create_index(op.f("ix_repository_blob_digest"), "repository_blob", ["digest"])
    op.create_index(op.f("ix_repository_manifest_digest"), "repository_manifest", ["digest"])
    op.drop_index("ix_state_state", "state")
    op.create_index("ix_state_state", "state", ["state", "since"])
    op.create_index("ix_state_expires_at", "state", ["state", "expires_at"])
    op.create_index("ix_state_since", "state", ["since", "digest"])
    if op.get_bind().dialect.name == "postgresql":
        for name, (table, parts) in _BYTEWISE.items():
            op.create_index(name, table, [sa.text(part) for part in parts])


def downgrade() -> None:
    """Drops them."""
    if op.get_bind().dialect.name == "postgresql":
        for name, (table, _) in _BYTEWISE.items():
            op.drop_index(name, table)
    for name in ("ix_state_since", "ix_state_expires_at", "ix_state_state"):
        op.drop_index(name, "state")
    op.create_index("ix_state_state", "state", ["state"])
    op.drop_index("ix_repository_manifest_digest", "repository_manifest")
    op.drop_index("ix_repository_blob_digest", "repository_blob")
    for name in ("upload_segment", "upload", "lease"):
        op.drop_table(name)
