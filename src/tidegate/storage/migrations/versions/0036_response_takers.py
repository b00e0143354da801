# SPDX-License-Identifier: Apache-2.0
"""Which pod a response is of where a cluster takes it, and whether a sensor is ordered at all."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0036"
down_revision: Final = "0035"


def upgrade() -> None:
    """Adds the columns."""
    op.add_column("response", sa.Column("pod", sa.Text, nullable=False, server_default=""))
    op.add_column("response", sa.Column("by_order", sa.Integer, nullable=False, server_default="1"))


def downgrade() -> None:
    """Drops the columns."""
    op.drop_column("response", "by_order")
    op.drop_column("response", "pod")
