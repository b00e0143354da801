# SPDX-License-Identifier: Apache-2.0
"""Who had a workload placed."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0037"
down_revision: Final = "0036"


def upgrade() -> None:
    """Adds it."""
    op.add_column("placement", sa.Column("placed_by", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Takes it away."""
    with op.batch_alter_table("placement") as table:
        table.drop_column("placed_by")
