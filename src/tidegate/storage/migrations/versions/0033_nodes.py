# SPDX-License-Identifier: Apache-2.0
"""Nodes and what runs there, incidents, and responses to them."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0033"
down_revision: Final = "0032"


def upgrade() -> None:
    """Adds the tables."""
    op.create_table(
        "node",
        sa.Column("name", sa.String(253), primary_key=True),
        sa.Column("principal", sa.String(255), nullable=False),
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("version", sa.String(100), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("seen_at", sa.String(32), nullable=False),
        sa.Column("lost", sa.BigInteger, nullable=False),
        sa.Column("containers", sa.Integer, nullable=False),
    )
    op.create_table(
        "node_container",
        sa.Column("node", sa.String(253), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("pod", sa.Text, nullable=False),
        sa.Column("image", sa.Text, nullable=False),
        sa.Column("digest", sa.String(135), nullable=False),
        sa.Column("config", sa.String(135), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("node", sa.String(253), nullable=False),
        sa.Column("container", sa.String(64), nullable=False),
        sa.Column("workload", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("opened_at", sa.String(32), nullable=False),
        sa.Column("last_at", sa.String(32), nullable=False),
        sa.Column("observations", sa.BigInteger, nullable=False),
        sa.Column("first", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("closed_by", sa.Text, nullable=False, server_default=""),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
    )
    op.create_table(
        "response",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("node", sa.String(253), nullable=False),
        sa.Column("container", sa.String(64), nullable=False),
        sa.Column("workload", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("undoes", sa.String(32), nullable=False, server_default=""),
        sa.Column("incident", sa.String(64), nullable=False, server_default=""),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_identity", sa.Text, nullable=False, server_default=""),
        sa.Column("approved_by", sa.Text, nullable=False, server_default=""),
        sa.Column("asked_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("statement", sa.String(135), nullable=False, server_default=""),
        sa.Column("outcome", sa.Text, nullable=False, server_default=""),
        sa.Column("ended_at", sa.String(32), nullable=False, server_default=""),
    )
    op.create_index("ix_node_state", "node", ["state", "seen_at"])
    op.create_index("ix_node_container_digest", "node_container", ["digest"])
    op.create_index("ix_node_container_config", "node_container", ["config"])
    op.create_index("ix_incident_state", "incident", ["state", "opened_at"])
    op.create_index("ix_incident_place", "incident", ["node", "container", "state"])
    op.create_index("ix_response_node", "response", ["node", "state"])
    op.create_index("ix_response_state", "response", ["state", "asked_at"])


def downgrade() -> None:
    """Drops them."""
    for table in ("response", "incident", "node_container", "node"):
        op.drop_table(table)
