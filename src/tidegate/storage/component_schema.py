# SPDX-License-Identifier: Apache-2.0
"""Which images have which components: each component once, and for each the numbers of the images that have it.

Sets of numbers are roaring bitmaps in their portable form, so a component that a hundred thousand images have costs as
much as one that a thousand have, and the union of many sets is one pass.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from tidegate.storage.schema import metadata

_Serial = BigInteger().with_variant(Integer, "sqlite")

component_version = Table(
    "component_version",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("identity", String(64), nullable=False, unique=True),  # SHA-256 over what follows
    Column("ecosystem", String(64), nullable=False),
    Column("match_name", Text, nullable=False),
    Column("version", Text, nullable=False),  # that advisories speak of
    Column("version_key", LargeBinary, nullable=False),
    Column("matched", Integer, nullable=False),  # 0: no advisory is asked about it
    Column("purl", Text, nullable=False),
    Column("package", String(512), nullable=False),  # the same without version and qualifiers, cut
    Index("ix_component_version_match", "ecosystem", "match_name", "version_key"),
    Index("ix_component_version_name", "match_name"),
    Index("ix_component_version_package", "package"),
)

component_holder = Table(
    "component_holder",  # an image by its number
    metadata,
    Column("number", _Serial, primary_key=True, autoincrement=True),
    Column("digest", String(135), nullable=False, unique=True),
    Column("components", LargeBinary, nullable=False),  # ids
    Column("doubtful", LargeBinary, nullable=False),  # ids whose blocks may say that it has them, while not folded
    Column("folded", Integer, nullable=False),  # 1: the blocks say what `components` says
    Column("revision", Integer, nullable=False),
    Index("ix_component_holder_folded", "folded", "number"),
)

component_block = Table(
    "component_block",  # the images of 65,536 numbers that have a component
    metadata,
    Column("component", BigInteger, primary_key=True),
    Column("block", Integer, primary_key=True),
    Column("holders", LargeBinary, nullable=False),  # numbers
)
