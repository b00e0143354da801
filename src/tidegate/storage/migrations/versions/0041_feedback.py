# SPDX-License-Identifier: Apache-2.0
"""Owners, channels to them, and what they are told."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0041"
down_revision: Final = "0040"


def upgrade() -> None:
    """Adds the tables."""
    op.create_table(
        "owner",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("set_by", sa.Text, nullable=False),
        sa.Column("set_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "feedback_channel",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("sealed_secret", sa.Text, nullable=False),
        sa.Column("set_by", sa.Text, nullable=False),
        sa.Column("set_at", sa.String(32), nullable=False),
    )
    _cases()
    _messages()


def _cases() -> None:
    op.create_table(
        "feedback_case",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("owner_by", sa.Text, nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("tide", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("told", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Float, nullable=False),
        sa.Column("told_at", sa.Float, nullable=False),
        sa.Column("opened_at", sa.String(32), nullable=False),
        sa.Column("closed_at", sa.String(32), nullable=False),
        sa.Column("notice", sa.Text, nullable=False),
    )
    op.create_index("ix_feedback_case_open", "feedback_case", ["state", "owner", "key"])
    op.create_index("ix_feedback_case_due", "feedback_case", ["due_at"])
    op.create_index("ix_feedback_case_opened", "feedback_case", ["opened_at"])
    op.create_table(
        "feedback_item",
        sa.Column("case_id", sa.String(32), sa.ForeignKey("feedback_case.id"), primary_key=True),
        sa.Column("subject", sa.String(255), primary_key=True),
        sa.Column("repository", sa.String(255), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("opened_at", sa.String(32), nullable=False),
        sa.Column("mended_at", sa.String(32), nullable=False),
        sa.Column("how", sa.Text, nullable=False),
    )
    op.create_index("ix_feedback_item_subject", "feedback_item", ["subject", "mended_at"])
    op.create_index("ix_feedback_item_repository", "feedback_item", ["repository", "mended_at"])


def _messages() -> None:
    op.create_table(
        "feedback_message",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("turn", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("held", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.Float, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.String(32), nullable=False),
        sa.Column("ended", sa.Float, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_feedback_message_due", "feedback_message", ["state", "channel", "next_at"])
    op.create_index("ix_feedback_message_case", "feedback_message", ["case_id", "channel", "number"])
    op.create_index("ix_feedback_message_rate", "feedback_message", ["channel", "ended"])


def downgrade() -> None:
    """Drops them."""
    for name in ("feedback_message", "feedback_item", "feedback_case", "feedback_channel", "owner"):
        op.drop_table(name)
