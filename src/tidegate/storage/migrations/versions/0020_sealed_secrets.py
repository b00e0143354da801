# SPDX-License-Identifier: Apache-2.0
"""Secrets of webhooks are sealed. The key is not the database's to have: what lies there plain, the server seals.

The column has another name, so that a replica of before neither reads what it cannot open nor writes a plain one.
"""

from typing import Final

from alembic import op

revision: Final = "0020"
down_revision: Final = "0019"


def upgrade() -> None:
    """Renames the column."""
    op.execute("ALTER TABLE subscription RENAME COLUMN secret TO sealed_secret")


def downgrade() -> None:
    """Names it as before; what was sealed stays so, and its subscribers subscribe anew."""
    op.execute("ALTER TABLE subscription RENAME COLUMN sealed_secret TO secret")
