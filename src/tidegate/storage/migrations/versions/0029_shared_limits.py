# SPDX-License-Identifier: Apache-2.0
"""Limits that replicas keep together: the pace of upstreams, open uploads, the watch on those who look around."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0029"
down_revision: Final = "0028"


def upgrade() -> None:
    """Adds the tables."""
    op.create_table(
        "rate_bucket",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("filled_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rate_bucket")),
    )
    op.create_table(
        "limit_share",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("holder", sa.String(length=128), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "holder", name=op.f("pk_limit_share")),
    )
    op.create_table(
        "recon_lot",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("holder", sa.String(length=128), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("signs", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recon_lot")),
    )
    op.create_index(op.f("ix_recon_lot_at_ms"), "recon_lot", ["at_ms"])


def downgrade() -> None:
    """Drops them."""
    op.drop_index(op.f("ix_recon_lot_at_ms"), "recon_lot")
    op.drop_table("recon_lot")
    op.drop_table("limit_share")
    op.drop_table("rate_bucket")
