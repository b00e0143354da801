# SPDX-License-Identifier: Apache-2.0
"""Encrypted copies as work that goes on after a kill: how far each is, and the layers that are encrypted already."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0024"
down_revision: Final = "0023"


def upgrade() -> None:
    """Adds the tables."""
    op.create_table(
        "encryption_job",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("plain", sa.String(135), nullable=False),
        sa.Column("encrypted", sa.String(135), nullable=False),
        sa.Column("wanted", sa.Text, nullable=False),
        sa.Column("withheld", sa.Text, nullable=False),
        sa.Column("done_bytes", sa.BigInteger, nullable=False),
        sa.Column("total_bytes", sa.BigInteger, nullable=False),
        sa.Column("asked_at", sa.String(32), nullable=False),
        sa.Column("done_at", sa.String(32), nullable=False),
    )
    for column in ("state", "plain", "asked_at"):
        op.create_index(f"ix_encryption_job_{column}", "encryption_job", [column])
    op.create_table(
        "encrypted_layer",
        sa.Column("job", sa.String(32), primary_key=True),
        sa.Column("layer", sa.String(64), primary_key=True),
        sa.Column("made", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drops them."""
    op.drop_table("encrypted_layer")
    op.drop_table("encryption_job")
