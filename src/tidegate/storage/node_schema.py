# SPDX-License-Identifier: Apache-2.0
"""Tables of nodes, what runs there, incidents and responses; in the metadata of `tidegate.storage.schema`."""

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text

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
    Column("kind", String(16), nullable=False, default="node", server_default="node"),  # node, cluster
    Column("current_at", String(32), nullable=False, default="", server_default=""),  # a cluster's API server was heard
    Index("ix_node_state", "state", "seen_at"),
)


_WORDS: Final = ("pod_uid", "host", "started_at", "starter", "owner_kind", "owner")


def _of_a_container() -> tuple[Column[Any], ...]:
    """What is on record of a container, while it runs and afterwards."""
    return (
        Column("name", Text, nullable=False),
        Column("namespace", Text, nullable=False),
        Column("pod", Text, nullable=False),
        Column("image", Text, nullable=False),
        Column("digest", String(135), nullable=False, index=True),
        Column("config", String(135), nullable=False, index=True),
        Column("since", String(32), nullable=False),
        *(Column(name, Text, nullable=False, default="", server_default="") for name in _WORDS),
        Column("labels", Text, nullable=False, default="{}", server_default="{}"),
        Column("pinned", String(135), nullable=False, default="", server_default=""),  # by its pod's spec
        Column("glass", Integer, nullable=False, default=0, server_default="0"),  # broken for it, its pod says
        Column("number", BigInteger, nullable=False, default=0, server_default="0"),  # of a cluster's telling
    )


node_container = Table(
    "node_container",
    metadata,
    Column("node", String(253), primary_key=True),
    Column("id", String(64), primary_key=True),
    *_of_a_container(),
    Index("ix_node_container_id", "id"),
    Index("ix_node_container_number", "node", "number"),
)

container_past = Table(
    "container_past",  # what ran, and does not any more
    metadata,
    Column("node", String(253), nullable=False),
    Column("id", String(64), nullable=False),
    *_of_a_container(),
    Column("until", String(32), nullable=False, index=True),
    PrimaryKeyConstraint("node", "id", "since"),
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
    Column("pod", Text, nullable=False, default="", server_default=""),  # which one, where a cluster takes it
    Column("by_order", Integer, nullable=False, default=1, server_default="1"),  # 0: the server itself does it
    Index("ix_response_node", "node", "state"),
    Index("ix_response_state", "state", "asked_at"),
)
