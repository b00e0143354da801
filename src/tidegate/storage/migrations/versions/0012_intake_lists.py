# SPDX-License-Identifier: Apache-2.0
"""Lists of images that are to be taken in."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0012"
down_revision: Final = "0011"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "intake_list",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_list")),
    )
    op.create_index(op.f("ix_intake_list_at"), "intake_list", ["at"], unique=False)
    op.create_table(
        "intake_wanted",
        sa.Column("list", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("upstream", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("locator", sa.String(length=135), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["list"], ["intake_list.id"], name=op.f("fk_intake_wanted_list_intake_list")),
        sa.PrimaryKeyConstraint("list", "number", name=op.f("pk_intake_wanted")),
    )
    op.create_index(op.f("ix_intake_wanted_asked"), "intake_wanted", ["asked"], unique=False)


def downgrade() -> None:
    """Drops them."""
    for table in ("intake_wanted", "intake_list"):
        op.drop_table(table)
