# SPDX-License-Identifier: Apache-2.0
"""What people say of an artifact, whom it is kept for, and who uploaded a blob."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0008"
down_revision: Final = "0007"


def upgrade() -> None:
    """Makes the tables and the columns."""
    op.create_table(
        "standing",
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.Column("statement", sa.String(length=135), nullable=False),
        sa.Column("sunset", sa.String(length=32), nullable=False),
        sa.Column("replacement", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["manifest.digest"], name=op.f("fk_standing_digest")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_standing")),
    )
    op.create_table(
        "restriction",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("imposed_by", sa.Text(), nullable=False),
        sa.Column("imposed_at", sa.String(length=32), nullable=False),
        sa.Column("statement", sa.String(length=135), nullable=False),
        sa.Column("lifted_at", sa.String(length=32), nullable=False, server_default=""),
        sa.Column("lifted_by", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restriction")),
    )
    op.create_index("ix_restriction_in_force", "restriction", ["lifted_at", "digest"])
    op.add_column("repository_blob", sa.Column("uploaded_by", sa.String(length=255), nullable=False, server_default=""))
    op.add_column("state_change", sa.Column("evidence", sa.String(length=135), nullable=False, server_default=""))


def downgrade() -> None:
    """Drops them."""
    op.drop_column("state_change", "evidence")
    op.drop_column("repository_blob", "uploaded_by")
    op.drop_table("restriction")
    op.drop_table("standing")
