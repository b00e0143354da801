# SPDX-License-Identifier: Apache-2.0
"""What Alembic runs: all revisions on the connection handed in, inside the transaction it already is in."""

from alembic import context

from tidegate.storage.migrations import every_table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=every_table(),
    render_as_batch=True,  # SQLite alters a table by making a new one
    compare_type=True,
)
context.run_migrations()
