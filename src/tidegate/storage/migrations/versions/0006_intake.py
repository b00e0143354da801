# SPDX-License-Identifier: Apache-2.0
"""What comes from outside: names of upstreams, digests first seen there, blobs under way."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "intake",
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("locator", sa.String(length=135), nullable=False),
        sa.Column("upstream", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("asked_at", sa.String(length=32), nullable=False),
        sa.Column("checked_at", sa.String(length=32), nullable=False),
        sa.Column("moved_at", sa.String(length=32), nullable=False),
        sa.Column("again_at", sa.String(length=32), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("watched", sa.Integer(), nullable=False),
        sa.Column("look_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("repository", "locator", name=op.f("pk_intake")),
    )
    for column in ("digest", "look_at", "outcome"):
        op.create_index(op.f(f"ix_intake_{column}"), "intake", [column], unique=False)
    op.create_table(
        "first_seen",
        sa.Column("source", sa.String(length=512), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("source", "digest", name=op.f("pk_first_seen")),
    )
    op.create_table(
        "fetch_part",
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("upload", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("repository", "digest", name=op.f("pk_fetch_part")),
    )


def downgrade() -> None:
    """Drops them."""
    for table in ("fetch_part", "first_seen", "intake"):
        op.drop_table(table)
