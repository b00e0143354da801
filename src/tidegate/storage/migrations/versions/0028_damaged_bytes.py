# SPDX-License-Identifier: Apache-2.0
"""When the damaged bytes of a blob, which were set aside, were let go."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0028"
down_revision: Final = "0027"


def upgrade() -> None:
    """Adds the column."""
    op.add_column("blob_damage", sa.Column("let_go_at", sa.String(32), nullable=False, server_default=""))
    op.create_index("ix_blob_damage_let_go_at", "blob_damage", ["let_go_at"])


def downgrade() -> None:
    """Drops it."""
    op.drop_index("ix_blob_damage_let_go_at", "blob_damage")
    op.drop_column("blob_damage", "let_go_at")
