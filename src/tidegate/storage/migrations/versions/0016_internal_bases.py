# SPDX-License-Identifier: Apache-2.0
"""Internal bases and their versions; which images have which layers lowest."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0016"
down_revision: Final = "0015"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "base_version",
        sa.Column("base", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("tag", sa.String(length=128), nullable=False),
        sa.Column("upstream_digest", sa.String(length=135), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("base", "number", name=op.f("pk_base_version")),
    )
    for column in ("digest", "upstream_digest"):
        op.create_index(op.f(f"ix_base_version_{column}"), "base_version", [column], unique=False)
    op.create_table(
        "image_chain",
        sa.Column("chain", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("layers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "digest", name=op.f("pk_image_chain")),
    )
    op.create_index(op.f("ix_image_chain_digest"), "image_chain", ["digest"], unique=False)


def downgrade() -> None:
    """Drops them."""
    for table in ("image_chain", "base_version"):
        op.drop_table(table)
