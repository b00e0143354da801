# SPDX-License-Identifier: Apache-2.0
"""Release lines that images stand on, and commits they were made from."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0042"
down_revision: Final = "0041"
_SUMMARY: Final = sa.table("image_summary", sa.column("digest"), sa.column("support_of"))
_LINE: Final = sa.table("image_line", *(sa.column(name) for name in ("product", "cycle", "digest", "subject", "purl")))


def upgrade() -> None:
    """Makes the tables; of images that are there, the line that ends first is known already."""
    op.create_table(
        "image_line",
        sa.Column("product", sa.String(128), nullable=False),
        sa.Column("cycle", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(135), nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("purl", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("product", "cycle", "digest", "subject", name="pk_image_line"),
    )
    op.create_index("ix_image_line_digest", "image_line", ["digest"])
    op.create_table(
        "image_commit",
        sa.Column("commit", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(135), nullable=False),
        sa.Column("said_by", sa.String(16), nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("commit", "digest", "said_by", name="pk_image_commit"),
    )
    op.create_index("ix_image_commit_digest", "image_commit", ["digest"])
    connection = op.get_bind()
    known = connection.execute(sa.select(_SUMMARY).where(_SUMMARY.c.support_of != "")).all()
    rows = [
        {"product": product, "cycle": cycle, "digest": digest, "subject": "", "purl": ""}
        for digest, text in known
        for product, _, cycle in [text.partition(" ")]
        if len(product) <= 128 and len(cycle) <= 64  # noqa: PLR2004 - the columns'
    ]
    if rows:
        connection.execute(_LINE.insert(), rows)


def downgrade() -> None:
    """Drops them."""
    op.drop_table("image_commit")
    op.drop_table("image_line")
