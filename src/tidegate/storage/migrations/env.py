# SPDX-License-Identifier: Apache-2.0
"""What Alembic runs: all revisions on the connection handed in, inside the transaction it already is in."""

from alembic import context

from tidegate.storage import (
    capture_schema,
    component_schema,
    encryption_schema,
    identity_schema,
    intake_schema,
    keeping_schema,
    ledger_schema,
    node_schema,
    replica_schema,
    rule_schema,
    sharing_schema,
    trust_schema,
    update_schema,
    vending_schema,
)

# One metadata, complete once every file of tables was imported.
_METADATA = {
    capture_schema.capture.metadata,
    component_schema.component_version.metadata,
    encryption_schema.recipient.metadata,
    identity_schema.principal.metadata,
    intake_schema.base_version.metadata,
    keeping_schema.gc_look.metadata,
    replica_schema.shared_key.metadata,
    rule_schema.rule_set.metadata,
    sharing_schema.rate_bucket.metadata,
    ledger_schema.ledger_entry.metadata,
    node_schema.node.metadata,
    trust_schema.trusted_key.metadata,
    update_schema.update_proposal.metadata,
    vending_schema.refusal.metadata,
}.pop()

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=_METADATA,
    render_as_batch=True,  # SQLite alters a table by making a new one
    compare_type=True,
)
context.run_migrations()
