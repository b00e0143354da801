# SPDX-License-Identifier: Apache-2.0
"""Who is told of what, what waits to be told, and who pulled."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0014"
down_revision: Final = "0013"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "subscription",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
    )
    op.create_index(op.f("ix_subscription_owner"), "subscription", ["owner"])
    op.create_table(
        "delivery",
        sa.Column("subscription", sa.String(length=32), nullable=False),
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["subscription"], ["subscription.id"], name=op.f("fk_delivery_subscription")),
        sa.PrimaryKeyConstraint("subscription", "offset", name=op.f("pk_delivery")),
    )
    op.create_index("ix_delivery_due", "delivery", ["state", "next_at"])
    op.create_index("ix_delivery_order", "delivery", ["subscription", "subject", "state", "offset"])
    op.create_table(
        "consumer_pull",
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("consumer", sa.String(length=255), nullable=False),
        sa.Column("pulls", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.String(length=32), nullable=False),
        sa.Column("last_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("digest", "repository", "consumer", name=op.f("pk_consumer_pull")),
    )
    op.create_index(op.f("ix_consumer_pull_last_at"), "consumer_pull", ["last_at"])


def downgrade() -> None:
    """Drops them."""
    for name in ("consumer_pull", "delivery", "subscription"):
        op.drop_table(name)
