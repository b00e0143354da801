# SPDX-License-Identifier: Apache-2.0
"""Pulls, noted from this day on, and what the newest scan of an image says in two words."""

from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0010"
down_revision: Final = "0009"
_TABLES: Final = ("pull", "image_scan")


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "pull",
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("repository", "digest", name=op.f("pk_pull")),
    )
    op.create_table(
        "image_scan",
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("base", sa.String(length=135), nullable=False),
        sa.Column("worst", sa.String(length=16), nullable=False),
        sa.Column("scanned_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_image_scan")),
    )
    op.create_index(op.f("ix_image_scan_base"), "image_scan", ["base"], unique=False)
    turn = sa.table("upkeep_turn", sa.column("kind"), sa.column("taken_at"))
    now = datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    op.execute(turn.insert().values(kind="pulls", taken_at=now))


def downgrade() -> None:
    """Drops them."""
    op.execute("DELETE FROM upkeep_turn WHERE kind = 'pulls'")
    for name in _TABLES:
        op.drop_table(name)
