# SPDX-License-Identifier: Apache-2.0
"""Subscriptions say how many events one message may hold."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0044"
down_revision: Final = "0043"


def upgrade() -> None:
    """Adds the column: one, as it was."""
    op.add_column("subscription", sa.Column("batch", sa.Integer, nullable=False, server_default="1"))


def downgrade() -> None:
    """Drops it: each event is a message again."""
    with op.batch_alter_table("subscription") as table:
        table.drop_column("batch")
