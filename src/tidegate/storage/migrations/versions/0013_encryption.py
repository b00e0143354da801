# SPDX-License-Identifier: Apache-2.0
"""Who may decrypt: recipients, encrypted copies, and who was given their keys."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0013"
down_revision: Final = "0012"
_TABLES: Final = ("recipient", "encrypted_copy", "key_release")


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "recipient",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("added_at", sa.String(length=32), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "kid", name=op.f("pk_recipient")),
    )
    op.create_table(
        "encrypted_copy",
        sa.Column("encrypted", sa.String(length=135), nullable=False),
        sa.Column("plain", sa.String(length=135), nullable=False),
        sa.Column("consumers", sa.Text(), nullable=False),
        sa.Column("made_at", sa.String(length=32), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("encrypted", name=op.f("pk_encrypted_copy")),
    )
    op.create_index(op.f("ix_encrypted_copy_plain"), "encrypted_copy", ["plain"], unique=False)
    op.create_table(
        "key_release",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("encrypted", sa.String(length=135), nullable=False),
        sa.Column("plain", sa.String(length=135), nullable=False),
        sa.Column("principal", sa.String(length=255), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_release")),
    )
    op.create_index(op.f("ix_key_release_encrypted"), "key_release", ["encrypted"], unique=False)
    op.create_index(op.f("ix_key_release_principal"), "key_release", ["principal"], unique=False)


def downgrade() -> None:
    """Drops them."""
    for name in _TABLES:
        op.drop_table(name)
