# SPDX-License-Identifier: Apache-2.0
"""Trust in keys on record, and who signed which statement: what a revocation makes void is found by that."""

import json
from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0025"
down_revision: Final = "0024"
_TABLES: Final = ("trusted_key", "trust_revision", "statement_signer")
_BATCH: Final = 200
_MAX_KEY_ID_CHARS: Final = 64


def upgrade() -> None:
    """Makes the tables, and reads once who signed what is there."""
    count = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "trusted_key",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("not_before", sa.String(length=32), nullable=False),
        sa.Column("not_after", sa.String(length=32), nullable=False),
        sa.Column("revoked_from", count, nullable=False),
        sa.Column("revoked_at", sa.String(length=32), nullable=False),
        sa.Column("revoked_by", sa.Text(), nullable=False),
        sa.Column("revoked_why", sa.Text(), nullable=False),
        sa.Column("added_at", sa.String(length=32), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_identity", sa.Text(), nullable=False),
        sa.Column("added_why", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.Column("statement", sa.String(length=135), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_trusted_key")),
    )
    op.create_index(op.f("ix_trusted_key_name"), "trusted_key", ["name"], unique=False)
    op.create_table(
        "trust_revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trust_revision")),
    )
    signer = op.create_table(
        "statement_signer",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("ledger_index", count, autoincrement=False, nullable=False),
        sa.Column("subject", sa.String(length=135), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "ledger_index", name=op.f("pk_statement_signer")),
    )
    op.create_index("ix_statement_signer_ledger_index", "statement_signer", ["ledger_index"], unique=False)
    _read_signers(op.get_bind(), signer)


def downgrade() -> None:
    """Drops them."""
    for name in _TABLES:
        op.drop_table(name)


def _read_signers(connection: sa.Connection, signer: sa.Table) -> None:
    statement = sa.table("statement", sa.column("ledger_index"), sa.column("subject"), sa.column("envelope"))
    last = -1
    while True:
        query = sa.select(statement).where(statement.c.ledger_index > last).order_by(statement.c.ledger_index)
        rows = connection.execute(query.limit(_BATCH)).all()
        named = [
            {"key_id": name, "ledger_index": row.ledger_index, "subject": row.subject}
            for row in rows
            for name in _names(bytes(row.envelope))
        ]
        if named:
            connection.execute(sa.insert(signer), named)
        if len(rows) < _BATCH:
            return
        last = rows[-1].ledger_index


def _names(envelope: bytes) -> set[str]:
    try:
        signatures = json.loads(envelope)["signatures"]
        return {str(item.get("keyid") or "")[:_MAX_KEY_ID_CHARS] for item in signatures}
    except (ValueError, KeyError, TypeError, AttributeError):
        return set()  # whatever that is, nobody signed it
