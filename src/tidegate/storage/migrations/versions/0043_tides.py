# SPDX-License-Identifier: Apache-2.0
"""Tides, what they touch, and the tide an event is part of."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0043"
down_revision: Final = "0042"
_IN_A_TIDE: Final = sa.text("tide <> ''")


def upgrade() -> None:
    """Makes the tables, and adds the column."""
    op.create_table(
        "tide",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("event", sa.String(255), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("began_at", sa.String(32), nullable=False),
        sa.Column("began_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.String(32), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_tide"),
    )
    op.create_index("ix_tide_began_at", "tide", ["began_at", "id"])
    op.create_index("ix_tide_ended_at", "tide", ["ended_at", "began_at"])
    op.create_table(
        "tide_digest",
        sa.Column("tide", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(135), nullable=False),
        sa.Column("found_at", sa.String(32), nullable=False),
        sa.Column("found_ms", sa.BigInteger, nullable=False),
        sa.Column("judged_ms", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("judged_at", sa.String(32), nullable=False, server_default=""),
        sa.Column("state", sa.String(16), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("tide", "digest", name="pk_tide_digest"),
    )
    op.create_index("ix_tide_digest_digest", "tide_digest", ["digest"])
    op.create_index("ix_tide_digest_judged_at", "tide_digest", ["tide", "judged_at"])
    op.add_column("outbox", sa.Column("tide", sa.String(32), nullable=False, server_default=""))
    op.add_column("outbox", sa.Column("written_ms", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index(
        "ix_outbox_tide", "outbox", ["tide", "offset"], sqlite_where=_IN_A_TIDE, postgresql_where=_IN_A_TIDE
    )


def downgrade() -> None:
    """Drops them."""
    op.drop_index("ix_outbox_tide", "outbox")
    op.drop_column("outbox", "written_ms")
    op.drop_column("outbox", "tide")
    op.drop_table("tide_digest")
    op.drop_table("tide")
