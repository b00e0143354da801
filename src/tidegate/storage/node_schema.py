# SPDX-License-Identifier: Apache-2.0
"""Tables of nodes, what runs there, incidents and responses; in the metadata of `tidegate.storage.schema`."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from tidegate.storage.schema import metadata

node = Table(
    "node",
    metadata,
    Column("name", String(253), primary_key=True),
    Column("principal", String(255), nullable=False),  # who first spoke for it: nobody else may
    Column("run", String(32), nullable=False),
    Column("version", String(100), nullable=False),
    Column("state", String(16), nullable=False),  # watched, silent, ended
    Column("since", String(32), nullable=False),
    Column("seen_at", String(32), nullable=False),
    Column("lost", BigInteger, nullable=False),
    Column("containers", Integer, nullable=False),  # -1: not told yet in this run
    Index("ix_node_state", "state", "seen_at"),
)

node_container = Table(
    "node_container",
    metadata,
    Column("node", String(253), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("pod", Text, nullable=False),
    Column("image", Text, nullable=False),
    Column("digest", String(135), nullable=False, index=True),
    Column("config", String(135), nullable=False, index=True),
    Column("since", String(32), nullable=False),
)

incident = Table(
    "incident",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("node", String(253), nullable=False),
    Column("container", String(64), nullable=False),
    Column("workload", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("state", String(16), nullable=False),  # open, closed
    Column("opened_at", String(32), nullable=False),
    Column("last_at", String(32), nullable=False),
    Column("observations", BigInteger, nullable=False),
    Column("first", Text, nullable=False),  # the event it began with
    Column("document", Text, nullable=False),  # that observation
    Column("closed_by", Text, nullable=False, default="", server_default=""),
    Column("why", Text, nullable=False, default="", server_default=""),
    Index("ix_incident_state", "state", "opened_at"),
    Index("ix_incident_place", "node", "container", "state"),
)

response = Table(
    "response",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("node", String(253), nullable=False),
    Column("container", String(64), nullable=False),
    Column("workload", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("step", String(16), nullable=False),
    Column("undoes", String(32), nullable=False, default="", server_default=""),
    Column("incident", String(64), nullable=False, default="", server_default=""),
    Column("why", Text, nullable=False),
    Column("state", String(16), nullable=False),  # asked, ordered, done, failed, refused, expired
    Column("asked_by", Text, nullable=False),
    Column("asked_identity", Text, nullable=False, default="", server_default=""),
    Column("approved_by", Text, nullable=False, default="", server_default=""),
    Column("asked_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
    Column("statement", String(135), nullable=False, default="", server_default=""),  # the envelope of the order
    Column("outcome", Text, nullable=False, default="", server_default=""),
    Column("ended_at", String(32), nullable=False, default="", server_default=""),
    Index("ix_response_node", "node", "state"),
    Index("ix_response_state", "state", "asked_at"),
)
