# SPDX-License-Identifier: Apache-2.0
"""Who had the bytes of a blob too, beside the first: only they, and who may read it, build upon it."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0021"
down_revision: Final = "0020"


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "blob_uploader",
        sa.Column("repository", sa.String(255), primary_key=True),
        sa.Column("digest", sa.String(135), primary_key=True),
        sa.Column("who", sa.String(255), primary_key=True),
    )


def downgrade() -> None:
    """Drops it."""
    op.drop_table("blob_uploader")
