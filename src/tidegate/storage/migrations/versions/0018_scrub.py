# SPDX-License-Identifier: Apache-2.0
"""Where scrubbing stands, and what it found damaged."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0018"
down_revision: Final = "0017"
_TABLES: Final = ("scrub_position", "blob_damage")


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "scrub_position",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False),
        sa.Column("last", sa.String(length=135), nullable=False),
        sa.Column("began_at", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scrub_position")),
    )
    op.create_table(
        "blob_damage",
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("defect", sa.String(length=16), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.String(length=32), nullable=False),
        sa.Column("holders", sa.LargeBinary(), nullable=False),
        sa.Column("repaired_at", sa.String(length=32), nullable=False),
        sa.Column("repaired_from", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_blob_damage")),
    )
    op.create_index(op.f("ix_blob_damage_repaired_at"), "blob_damage", ["repaired_at"], unique=False)


def downgrade() -> None:
    """Drops them."""
    for name in _TABLES:
        op.drop_table(name)
