# SPDX-License-Identifier: Apache-2.0
"""Who was refused an image, or would have been."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """Makes the table of refusals."""
    op.create_table(
        "refusal",
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("consumer", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("enforced", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("pulls", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.String(length=32), nullable=False),
        sa.Column("last_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("repository", "digest", "consumer", "state", "enforced", name=op.f("pk_refusal")),
    )
    op.create_index(op.f("ix_refusal_last_at"), "refusal", ["last_at"])


def downgrade() -> None:
    """Drops it."""
    op.drop_table("refusal")
