# SPDX-License-Identifier: Apache-2.0
"""The ledger's tree is kept as the tiles it is served as. Full ones are made of the nodes that are there, and checked.

Before, each complete subtree was a row: two a entry. Now 256 entries are one row, and one more for 65,536.
"""

import hashlib
from typing import Final

import sqlalchemy as sa
from alembic import op
from alembic.util.exc import CommandError

revision: Final = "0023"
down_revision: Final = "0022"
_WIDTH: Final = 256
_LEVEL: Final = 8  # levels of the tree that a tile spans
_Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ENTRY: Final = sa.table("ledger_entry", sa.column("index", _Serial), sa.column("entry", sa.LargeBinary()))
_NODE: Final = sa.table(
    "ledger_node", sa.column("level", sa.Integer()), sa.column("index", _Serial), sa.column("hash", sa.LargeBinary())
)
_TILE: Final = sa.table(
    "ledger_tile",
    sa.column("level", sa.Integer()),
    sa.column("index", _Serial),
    sa.column("root", sa.LargeBinary()),
    sa.column("hashes", sa.LargeBinary()),
)


def upgrade() -> None:
    """Makes the tables, fills the tiles, and drops the nodes."""
    op.create_table(
        "ledger_tile",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("index", _Serial, autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("pk_ledger_tile")),
    )
    op.create_table(
        "ledger_checkpoint",
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("published_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_ledger_checkpoint")),
    )
    op.create_table(
        "ledger_witnessed",
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("cosigned_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_ledger_witnessed")),
    )
    connection = op.get_bind()
    level = 0
    while _fill(connection, level):
        level += 1
    op.drop_table("ledger_node")


def downgrade() -> None:
    """Makes the nodes again, of the entries."""
    op.create_table(
        "ledger_node",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("index", _Serial, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("pk_ledger_node")),
    )
    connection = op.get_bind()
    size = connection.scalar(sa.select(sa.func.count()).select_from(_ENTRY)) or 0
    open_nodes: list[bytes] = []  # the complete subtrees of what was seen, largest first
    for first in range(0, size, _WIDTH):
        query = sa.select(_ENTRY).where(_ENTRY.c.index.between(first, first + _WIDTH - 1)).order_by(_ENTRY.c.index)
        rows = []
        for index, entry in connection.execute(query):
            node, level = hashlib.sha256(b"\x00" + entry).digest(), 0
            rows.append({"level": 0, "index": index, "hash": node})
            while index >> level & 1:
                node, level = _over(open_nodes.pop(), node), level + 1
                rows.append({"level": level, "index": index >> level, "hash": node})
            open_nodes.append(node)
        connection.execute(sa.insert(_NODE), rows)
    for name in ("ledger_witnessed", "ledger_checkpoint", "ledger_tile"):
        op.drop_table(name)


def _fill(connection: sa.Connection, level: int) -> int:
    """Makes the full tiles of a level; returns how many."""
    at = level * _LEVEL
    last = connection.scalar(sa.select(sa.func.max(_NODE.c.index)).where(_NODE.c.level == at + _LEVEL))
    full = 0 if last is None else int(last) + 1
    for index in range(full):
        first = index * _WIDTH
        query = (
            sa.select(_NODE.c.hash)
            .where(_NODE.c.level == at, _NODE.c.index.between(first, first + _WIDTH - 1))
            .order_by(_NODE.c.index)
        )
        hashes = [bytes(found) for found in connection.scalars(query)]
        above = sa.select(_NODE.c.hash).where(_NODE.c.level == at + _LEVEL, _NODE.c.index == index)
        root = bytes(connection.scalar(above) or b"")
        if len(hashes) != _WIDTH or _folded(hashes) != root:
            raise CommandError(f"the ledger's tree is damaged at level {at}, from node {first} on")
        row = {"level": level, "index": index, "root": root, "hashes": b"".join(hashes)}
        connection.execute(sa.insert(_TILE), row)
    return full


def _folded(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [_over(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def _over(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
