# SPDX-License-Identifier: Apache-2.0
"""Which keys the replicas of this database have: who comes with another one is refused."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0030"
down_revision: Final = "0029"


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "shared_key",
        sa.Column("purpose", sa.String(32), primary_key=True),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("told_by", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drops it."""
    op.drop_table("shared_key")
