# SPDX-License-Identifier: Apache-2.0
"""What holds a tag where it is, and what became of every tag."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"
_TABLES: Final = ("tag_history", "tag_freeze", "tag_override")


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "tag_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("before", sa.String(length=135), nullable=False),
        sa.Column("after", sa.String(length=135), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_history")),
    )
    op.create_index(op.f("ix_tag_history_before"), "tag_history", ["before"], unique=False)
    op.create_index("ix_tag_history_tag", "tag_history", ["repository", "name", "id"], unique=False)
    op.create_table(
        "tag_freeze",
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("repository", "name", name=op.f("pk_tag_freeze")),
    )
    op.create_table(
        "tag_override",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("for_whom", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.String(length=32), nullable=False),
        sa.Column("used_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_override")),
    )
    op.create_index("ix_tag_override_tag", "tag_override", ["repository", "name", "used_at"], unique=False)


def downgrade() -> None:
    """Drops them."""
    for name in _TABLES:
        op.drop_table(name)
