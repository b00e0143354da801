# SPDX-License-Identifier: Apache-2.0
"""What is told is judged when it is told: who subscribed, why a subscription is paused, and whose deliveries wait.

Of those who subscribed before only the name is known. Nobody who was removed has a subscription, so what is the name of
no principal kept here, no robot's and no issuer's, is that of an administrator.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0026"
down_revision: Final = "0025"

_COLUMNS: Final = {"owner_kind": "", "owner_groups": "[]", "owner_claims": "{}", "asked_from": "", "paused": ""}
_KIND: Final = """
UPDATE subscription SET owner_kind = CASE
    WHEN owner IN (SELECT name FROM principal WHERE kind = 'user') THEN 'user'
    WHEN owner LIKE 'robot$%' THEN 'robot'
    WHEN owner LIKE '%:%' THEN 'federated'
    WHEN owner = 'anonymous' THEN 'anonymous'
    ELSE 'administrator' END
"""


def upgrade() -> None:
    """Adds the columns and the index."""
    for name, default in _COLUMNS.items():
        op.add_column("subscription", sa.Column(name, sa.Text(), nullable=False, server_default=default))
    op.execute(_KIND)
    op.create_index("ix_delivery_waiting", "delivery", ["state", "subscription", "next_at"], unique=False)


def downgrade() -> None:
    """Drops them."""
    op.drop_index("ix_delivery_waiting", table_name="delivery")
    for name in _COLUMNS:
        op.drop_column("subscription", name)
