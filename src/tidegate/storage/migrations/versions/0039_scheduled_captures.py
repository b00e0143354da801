# SPDX-License-Identifier: Apache-2.0
"""Captures that are ordered by time, and whether a capture holds programs that are not of the image."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0039"
down_revision: Final = "0038"


def upgrade() -> None:
    """Adds the table and the column."""
    op.add_column("capture", sa.Column("differs", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "capture_order",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("schedule", sa.Text, nullable=False),
        sa.Column("node", sa.String(253), nullable=False),
        sa.Column("container", sa.String(64), nullable=False),
        sa.Column("due_at", sa.String(32), nullable=False),
        sa.Column("ordered_at", sa.String(32), nullable=False),
        sa.Column("keep_seconds", sa.BigInteger, nullable=False),
        sa.Column("capture", sa.String(135), nullable=False, server_default=""),
    )
    op.create_index("ix_capture_order_at", "capture_order", ["ordered_at"])
    op.create_index("ix_capture_order_container", "capture_order", ["container", "due_at"])


def downgrade() -> None:
    """Takes them away."""
    op.drop_table("capture_order")
    with op.batch_alter_table("capture") as table:
        table.drop_column("differs")
