# SPDX-License-Identifier: Apache-2.0
"""Forensic captures."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0032"
down_revision: Final = "0031"


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "capture",
        sa.Column("digest", sa.String(135), primary_key=True),
        sa.Column("archive", sa.String(135), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("container", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("image", sa.Text, nullable=False),
        sa.Column("image_digest", sa.String(135), nullable=False),
        sa.Column("incident", sa.Text, nullable=False),
        sa.Column("taken_at", sa.String(32), nullable=False),
        sa.Column("kept_at", sa.String(32), nullable=False),
        sa.Column("kept_by", sa.Text, nullable=False),
        sa.Column("keep_until", sa.String(32), nullable=False),
        sa.Column("gone_at", sa.String(32), nullable=False, server_default=""),
        sa.Column("gone_why", sa.Text, nullable=False, server_default=""),
        sa.Column("statement", sa.String(135), nullable=False),
        sa.Column("overview", sa.Text, nullable=False),
    )
    op.create_index("ix_capture_kept_at", "capture", ["kept_at"])
    op.create_index("ix_capture_until", "capture", ["gone_at", "keep_until"])
    op.create_index("ix_capture_archive", "capture", ["archive"])


def downgrade() -> None:
    """Drops it."""
    op.drop_table("capture")
