# SPDX-License-Identifier: Apache-2.0
"""The work list of garbage collection, begun with what earlier versions left behind; runs of upkeep."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"
_TABLES: Final = ("gc_look", "gc_removal", "upkeep_turn", "upkeep_run")


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "gc_look",
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("due_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("repository", "digest", name=op.f("pk_gc_look")),
    )
    op.create_index(op.f("ix_gc_look_due_at"), "gc_look", ["due_at"], unique=False)
    op.create_table(
        "gc_removal",
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("asked_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_gc_removal")),
    )
    op.create_table(
        "upkeep_turn",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("taken_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_upkeep_turn")),
    )
    op.create_table(
        "upkeep_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("began_at", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.String(length=32), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("told", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upkeep_run")),
    )
    op.create_index("ix_upkeep_run_kind", "upkeep_run", ["kind", "id"], unique=False)
    op.execute(
        "INSERT INTO gc_look (repository, digest, due_at) "
        "SELECT repository, digest, '1970-01-01T00:00:00Z' FROM repository_blob AS held WHERE NOT EXISTS ("
        "SELECT 1 FROM manifest_blob JOIN repository_manifest ON repository_manifest.digest = manifest_blob.manifest "
        "WHERE manifest_blob.blob = held.digest AND repository_manifest.repository = held.repository)"
    )


def downgrade() -> None:
    """Drops them."""
    for name in _TABLES:
        op.drop_table(name)
