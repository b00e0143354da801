# SPDX-License-Identifier: Apache-2.0
"""What a catalogue says of images."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0017"
down_revision: Final = "0016"
_TEXTS: Final = ("title", "description", "source", "version", "owner", "base", "system")
_COUNTS: Final = ("components", "critical", "high", "medium", "low", "exploited", "fixable", "is_known")


def upgrade() -> None:
    """Makes the table of summaries; images seen before are in it from their next judgement on."""
    op.create_table(
        "image_summary",
        sa.Column("digest", sa.String(length=135), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.Column("platform", sa.String(length=64), nullable=False),
        sa.Column("licence", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.Column("support_ends", sa.String(length=10), nullable=False),
        sa.Column("support_of", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("made_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_image_summary")),
    )


def downgrade() -> None:
    """Drops it."""
    op.drop_table("image_summary")
