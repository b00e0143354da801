# SPDX-License-Identifier: Apache-2.0
"""Components once each, and the images that have them as blocks of bitmaps."""

import hashlib
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from pyroaring import BitMap

revision: Final = "0040"
down_revision: Final = "0039"
_SERIAL: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_COLUMNS: Final = ("ecosystem", "match_name", "version", "version_key", "purl")
_OLD: Final = sa.table("component", sa.column("digest"), *(sa.column(name) for name in _COLUMNS))
_NEW: Final = sa.table(
    "component_version", *(sa.column(name) for name in ("id", "identity", *_COLUMNS, "matched", "package"))
)
_HOLDER: Final = sa.table(
    "component_holder",
    *(sa.column(name) for name in ("digest", "components", "doubtful", "folded", "revision")),
)


def upgrade() -> None:
    """Makes the tables, and carries over what is stored; a server that runs puts it into blocks."""
    op.create_table(
        "component_version",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("ecosystem", sa.String(64), nullable=False),
        sa.Column("match_name", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("version_key", sa.LargeBinary, nullable=False),
        sa.Column("matched", sa.Integer, nullable=False),
        sa.Column("purl", sa.Text, nullable=False),
        sa.Column("package", sa.String(512), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_component_version"),
        sa.UniqueConstraint("identity", name="uq_component_version_identity"),
    )
    columns = ["ecosystem", "match_name", "version_key"]
    op.create_index("ix_component_version_match", "component_version", columns)
    op.create_index("ix_component_version_name", "component_version", ["match_name"])
    op.create_index("ix_component_version_package", "component_version", ["package"])
    op.create_table(
        "component_holder",
        sa.Column("number", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(135), nullable=False),
        sa.Column("components", sa.LargeBinary, nullable=False),
        sa.Column("doubtful", sa.LargeBinary, nullable=False),
        sa.Column("folded", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_component_holder"),
        sa.UniqueConstraint("digest", name="uq_component_holder_digest"),
    )
    op.create_index("ix_component_holder_folded", "component_holder", ["folded", "number"])
    op.create_table(
        "component_block",
        sa.Column("component", sa.BigInteger, nullable=False),
        sa.Column("block", sa.Integer, nullable=False),
        sa.Column("holders", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("component", "block", name="pk_component_block"),
    )
    _carry_over()
    op.drop_table("component")


def _carry_over() -> None:
    connection = op.get_bind()
    ids: dict[str, int] = {}
    for digest in connection.scalars(sa.select(_OLD.c.digest).distinct().order_by(_OLD.c.digest)).all():
        found = connection.execute(sa.select(_OLD).where(_OLD.c.digest == digest)).mappings()
        own = BitMap(_id(connection, ids, dict(row)) for row in found.all())
        none = BitMap().serialize()
        values = {"digest": digest, "components": own.serialize(), "doubtful": none, "folded": 0, "revision": 1}
        connection.execute(sa.insert(_HOLDER).values(values))


def _id(connection: sa.Connection, ids: dict[str, int], row: dict[str, Any]) -> int:
    told = "\0".join((row["ecosystem"], row["match_name"], row["version"], "1", row["purl"]))
    identity = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()
    if identity not in ids:
        package = row["purl"].partition("#")[0].partition("?")[0].partition("@")[0][:512]
        values = {name: row[name] for name in _COLUMNS}
        connection.execute(sa.insert(_NEW).values(identity=identity, matched=1, package=package, **values))
        ids[identity] = connection.scalar(sa.select(_NEW.c.id).where(_NEW.c.identity == identity)) or 0
    return ids[identity]


def downgrade() -> None:
    """Drops them; what an image is made of is stored anew when it is examined next."""
    for table in ("component_block", "component_holder", "component_version"):
        op.drop_table(table)
    op.create_table(
        "component",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(135), nullable=False),
        sa.Column("ecosystem", sa.String(64), nullable=False),
        sa.Column("match_name", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("version_key", sa.LargeBinary, nullable=False),
        sa.Column("purl", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_component"),
    )
    op.create_index("ix_component_digest", "component", ["digest"])
    op.create_index("ix_component_match", "component", ["ecosystem", "match_name", "version_key"])
