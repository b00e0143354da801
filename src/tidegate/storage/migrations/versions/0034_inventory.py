# SPDX-License-Identifier: Apache-2.0
"""Clusters beside nodes, more of each container, and what ran before."""

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0034"
down_revision: Final = "0033"
_WORDS: Final = ("pod_uid", "host", "started_at", "starter", "owner_kind", "owner")


def _new_columns() -> Iterator[sa.Column[Any]]:
    for name in _WORDS:
        yield sa.Column(name, sa.Text, nullable=False, server_default="")
    yield sa.Column("labels", sa.Text, nullable=False, server_default="{}")
    yield sa.Column("pinned", sa.String(135), nullable=False, server_default="")
    yield sa.Column("glass", sa.Integer, nullable=False, server_default="0")
    yield sa.Column("number", sa.BigInteger, nullable=False, server_default="0")


def upgrade() -> None:
    """Adds them."""
    op.add_column("node", sa.Column("kind", sa.String(16), nullable=False, server_default="node"))
    op.add_column("node", sa.Column("current_at", sa.String(32), nullable=False, server_default=""))
    for column in _new_columns():
        op.add_column("node_container", column)
    op.create_table(
        "container_past",
        sa.Column("node", sa.String(253), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("pod", sa.Text, nullable=False),
        sa.Column("image", sa.Text, nullable=False),
        sa.Column("digest", sa.String(135), nullable=False),
        sa.Column("config", sa.String(135), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        *_new_columns(),
        sa.Column("until", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("node", "id", "since"),
    )
    op.create_index("ix_node_container_number", "node_container", ["node", "number"])
    op.create_index("ix_node_container_id", "node_container", ["id"])
    for name in ("digest", "config", "until"):
        op.create_index(f"ix_container_past_{name}", "container_past", [name])


def downgrade() -> None:
    """Takes them away."""
    op.drop_table("container_past")
    for name in ("id", "number"):
        op.drop_index(f"ix_node_container_{name}", "node_container")
    with op.batch_alter_table("node_container") as table:
        for name in ("number", "glass", "pinned", "labels", *reversed(_WORDS)):
            table.drop_column(name)
    with op.batch_alter_table("node") as table:
        table.drop_column("current_at")
        table.drop_column("kind")
