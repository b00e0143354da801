# SPDX-License-Identifier: Apache-2.0
"""A number that grows with every change of what is kept for whom, so that those who remember it see when to look."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0022"
down_revision: Final = "0021"


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "restriction_revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restriction_revision")),
    )


def downgrade() -> None:
    """Drops it."""
    op.drop_table("restriction_revision")
