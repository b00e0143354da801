# SPDX-License-Identifier: Apache-2.0
"""Tables of internal bases, beside those of `tidegate.storage.schema` and in the same metadata."""

from sqlalchemy import Column, Integer, String, Table, Text

from tidegate.storage.schema import metadata

base_version = Table(
    "base_version",  # what an internal base was, and what it is now
    metadata,
    Column("base", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(16), nullable=False),  # building, current, replaced
    Column("repository", String(255), nullable=False),
    Column("tag", String(128), nullable=False),  # its own, which no later version gets
    Column("upstream_digest", String(135), nullable=False, index=True),
    Column("digest", String(135), nullable=False, index=True),  # "" while it is being built
    Column("since", String(32), nullable=False),
    Column("why", Text, nullable=False),
)

image_chain = Table(
    "image_chain",  # which images have which layers lowest (ChainID of OCI image-spec 1.1)
    metadata,
    Column("chain", String(128), primary_key=True),
    Column("digest", String(135), primary_key=True, index=True),
    Column("layers", Integer, nullable=False),
)
