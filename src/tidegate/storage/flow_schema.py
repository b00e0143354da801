# SPDX-License-Identifier: Apache-2.0
"""Tables of observed flows; in the metadata of `tidegate.storage.schema`."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from tidegate.storage.schema import metadata


def _side(name: str) -> tuple[Column[Any], ...]:
    return (
        Column(f"{name}_namespace", String(253), nullable=False),
        Column(f"{name}_workload", Text, nullable=False),
        Column(f"{name}_labels", Text, nullable=False),
        Column(f"{name}_address", String(45), nullable=False),  # "" for a pod that is known
    )


flow = Table(
    "flow",  # who talked to whom, counted
    metadata,
    Column("id", String(64), primary_key=True),  # of cluster, both sides, port and protocol
    Column("cluster", String(253), nullable=False),
    *_side("source"),
    *_side("target"),
    Column("port", Integer, nullable=False),
    Column("protocol", String(8), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_at", String(32), nullable=False),
    Column("last_at", String(32), nullable=False),
    Index("ix_flow_cluster", "cluster", "id"),
    Index("ix_flow_last", "last_at"),
)

pod_address = Table(
    "pod_address",  # whose an address is, as sensors tell it
    metadata,
    Column("cluster", String(253), primary_key=True),
    Column("address", String(45), primary_key=True),
    Column("namespace", String(253), nullable=False),
    Column("workload", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("since", String(32), nullable=False),
    Column("seen_at", String(32), nullable=False),
    Index("ix_pod_address_seen", "seen_at"),
)

flow_report = Table(
    "flow_report",  # the newest that was taken of each node, so that none counts twice
    metadata,
    Column("node", String(253), primary_key=True),
    Column("id", String(32), nullable=False),
)
