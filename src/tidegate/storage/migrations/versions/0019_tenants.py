# SPDX-License-Identifier: Apache-2.0
"""Tenants and what they use."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_COUNTS = ("max_bytes", "max_repositories", "max_manifests", "used_bytes", "used_repositories", "used_manifests")


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "tenant",
        sa.Column("name", sa.String(length=64), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTS),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tenant")),
    )
    op.create_table(
        "tenant_prefix",
        sa.Column("prefix", sa.String(length=255), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_tenant_prefix")),
    )
    op.create_index(op.f("ix_tenant_prefix_tenant"), "tenant_prefix", ["tenant"], unique=False)
    op.create_table(
        "tenant_blob",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=135), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("holders", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "digest", name=op.f("pk_tenant_blob")),
    )
    op.create_table(
        "tenant_repository",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("manifests", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "repository", name=op.f("pk_tenant_repository")),
    )


def downgrade() -> None:
    """Drops them."""
    for name in ("tenant_repository", "tenant_blob", "tenant_prefix", "tenant"):
        op.drop_table(name)
