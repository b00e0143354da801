# SPDX-License-Identifier: Apache-2.0
"""Proposed updates of what runs."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0035"
down_revision: Final = "0034"


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "update_proposal",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("cluster", sa.String(255), nullable=False),
        sa.Column("namespace", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("container", sa.String(255), nullable=False),
        sa.Column("repository", sa.String(255), nullable=False),
        sa.Column("to_digest", sa.String(135), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("changed_at", sa.String(32), nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False, server_default=""),
        sa.Column("asked_identity", sa.Text, nullable=False, server_default=""),
        sa.Column("approved_by", sa.Text, nullable=False, server_default=""),
        sa.Column("outcome", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("ix_update_proposal_repository", "update_proposal", ["repository"])
    op.create_index("ix_update_proposal_state", "update_proposal", ["state", "changed_at"])
    op.create_index("ix_update_proposal_place", "update_proposal", ["cluster", "namespace", "kind", "name"])


def downgrade() -> None:
    """Drops it."""
    op.drop_table("update_proposal")
