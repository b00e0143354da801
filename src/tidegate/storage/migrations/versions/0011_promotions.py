# SPDX-License-Identifier: Apache-2.0
"""What was promoted where."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0011"
down_revision: Final = "0010"


def upgrade() -> None:
    """Makes the table of promotions."""
    op.create_table(
        "promotion",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("tag", sa.String(length=128), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("manifests", sa.Integer(), nullable=False),
        sa.Column("statement", sa.String(length=135), nullable=False),
        sa.Column("asked_at", sa.String(length=32), nullable=False),
        sa.Column("done_at", sa.String(length=32), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotion")),
    )
    op.create_index(op.f("ix_promotion_digest"), "promotion", ["digest"])
    op.create_index(op.f("ix_promotion_asked_at"), "promotion", ["asked_at"])


def downgrade() -> None:
    """Drops it."""
    op.drop_table("promotion")
