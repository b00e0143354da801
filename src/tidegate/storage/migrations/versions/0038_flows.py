# SPDX-License-Identifier: Apache-2.0
"""Observed flows, and whose addresses are."""

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0038"
down_revision: Final = "0037"


def _side(name: str) -> Iterator[sa.Column[Any]]:
    yield sa.Column(f"{name}_namespace", sa.String(253), nullable=False)
    yield sa.Column(f"{name}_workload", sa.Text, nullable=False)
    yield sa.Column(f"{name}_labels", sa.Text, nullable=False)
    yield sa.Column(f"{name}_address", sa.String(45), nullable=False)


def upgrade() -> None:
    """Adds them."""
    op.create_table(
        "flow",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("cluster", sa.String(253), nullable=False),
        *_side("source"),
        *_side("target"),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("protocol", sa.String(8), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("first_at", sa.String(32), nullable=False),
        sa.Column("last_at", sa.String(32), nullable=False),
    )
    op.create_index("ix_flow_cluster", "flow", ["cluster", "id"])
    op.create_index("ix_flow_last", "flow", ["last_at"])
    op.create_table(
        "pod_address",
        sa.Column("cluster", sa.String(253), primary_key=True),
        sa.Column("address", sa.String(45), primary_key=True),
        sa.Column("namespace", sa.String(253), nullable=False),
        sa.Column("workload", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("seen_at", sa.String(32), nullable=False),
    )
    op.create_index("ix_pod_address_seen", "pod_address", ["seen_at"])
    op.create_table(
        "flow_report",
        sa.Column("node", sa.String(253), primary_key=True),
        sa.Column("id", sa.String(32), nullable=False),
    )


def downgrade() -> None:
    """Takes them away."""
    op.drop_table("flow_report")
    op.drop_index("ix_pod_address_seen", "pod_address")
    op.drop_table("pod_address")
    for name in ("last", "cluster"):
        op.drop_index(f"ix_flow_{name}", "flow")
    op.drop_table("flow")
