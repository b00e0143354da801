# SPDX-License-Identifier: Apache-2.0
"""Tables of the server's state, the same on SQLite and PostgreSQL. Migrations: `tidegate.storage.migrations`.

Moments are RFC 3339 text in UTC (they sort), documents are bytes kept verbatim, digests are text. Names are listed in
the order of their bytes, for which PostgreSQL has indexes besides these (revision `replicas`): its own order is a
language's.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_Serial = BigInteger().with_variant(Integer, "sqlite")

# What the registry holds -------------------------------------------------------------------------------------------

blob = Table(
    "blob",
    metadata,
    Column("digest", String(135), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("stored_at", String(32), nullable=False),
)

repository_blob = Table(
    "repository_blob",
    metadata,
    Column("repository", String(255), primary_key=True),
    Column("digest", String(135), ForeignKey("blob.digest"), primary_key=True, index=True),
    Column("uploaded_by", String(255), nullable=False, default="", server_default=""),
)

blob_uploader = Table(
    "blob_uploader",  # who had the bytes too, beside the first
    metadata,
    Column("repository", String(255), primary_key=True),
    Column("digest", String(135), primary_key=True),
    Column("who", String(255), primary_key=True),
)

manifest = Table(
    "manifest",
    metadata,
    Column("digest", String(135), primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("artifact_type", Text, nullable=False, default=""),
    Column("kind", String(16), nullable=False),  # image, index, attachment, artifact
    Column("subject", String(135), nullable=True, index=True),
    Column("document", LargeBinary, nullable=False),
    Column("stored_at", String(32), nullable=False),
)

repository_manifest = Table(
    "repository_manifest",
    metadata,
    Column("repository", String(255), primary_key=True),
    Column("digest", String(135), ForeignKey("manifest.digest"), primary_key=True, index=True),
    Column("pushed_at", String(32), nullable=False),
    Column("pushed_by", Text, nullable=False),
)

manifest_child = Table(
    "manifest_child",
    metadata,
    Column("parent", String(135), ForeignKey("manifest.digest"), primary_key=True),
    Column("child", String(135), primary_key=True, index=True),
)

manifest_blob = Table(
    "manifest_blob",  # configuration and layers
    metadata,
    Column("manifest", String(135), ForeignKey("manifest.digest"), primary_key=True),
    Column("blob", String(135), primary_key=True, index=True),
)

tag = Table(
    "tag",
    metadata,
    Column("repository", String(255), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("digest", String(135), ForeignKey("manifest.digest"), nullable=False, index=True),
    Column("moved_at", String(32), nullable=False),
)

# What is thought of it ---------------------------------------------------------------------------------------------

state = Table(
    "state",
    metadata,
    Column("digest", String(135), ForeignKey("manifest.digest"), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("since", String(32), nullable=False),
    Column("decision", String(135), nullable=False, default=""),  # digest of the envelope that justifies it
    Column("expires_at", String(32), nullable=False, default=""),
    Index("ix_state_state", "state", "since"),
    Index("ix_state_expires_at", "state", "expires_at"),
    Index("ix_state_since", "since", "digest"),
)

state_change = Table(
    "state_change",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("digest", String(135), nullable=False, index=True),
    Column("before", String(16), nullable=False),
    Column("after", String(16), nullable=False),
    Column("at", String(32), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("evidence", String(135), nullable=False, default="", server_default=""),  # the envelope it rests on
)

statement = Table(
    "statement",
    metadata,
    Column("digest", String(135), primary_key=True),  # of the envelope
    Column("subject", String(135), nullable=False, index=True),
    Column("predicate_type", Text, nullable=False),
    Column("payload", String(135), nullable=False, index=True),  # what was signed: the same claim is recorded once
    Column("envelope", LargeBinary, nullable=False),
    Column("recorded_at", String(32), nullable=False),
    Column("ledger_index", _Serial, nullable=False, unique=True),
)

# What comes from outside -------------------------------------------------------------------------------------------

intake = Table(
    "intake",  # one row for each name of an upstream that was asked for
    metadata,
    Column("repository", String(255), primary_key=True),
    Column("locator", String(135), primary_key=True),  # tag or digest
    Column("upstream", Text, nullable=False),
    Column("source", Text, nullable=False),  # docker.io/library/alpine:3
    Column("who", Text, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("outcome", String(16), nullable=False, index=True),  # under way, arrived, refused, failed, absent
    Column("reason", Text, nullable=False),
    Column("digest", String(135), nullable=False, index=True),  # what the name meant when it was last looked at
    Column("asked_at", String(32), nullable=False),
    Column("checked_at", String(32), nullable=False),  # when the upstream last answered
    Column("moved_at", String(32), nullable=False),
    Column("again_at", String(32), nullable=False),  # not before, after a refusal or failure
    Column("failures", Integer, nullable=False),  # in a row
    Column("watched", Integer, nullable=False),
    Column("look_at", String(32), nullable=False, index=True),  # the next look, when it is watched
)

first_seen = Table(
    "first_seen",  # when a digest was first heard of at an upstream
    metadata,
    Column("source", String(512), primary_key=True),  # docker.io/library/alpine
    Column("digest", String(135), primary_key=True),
    Column("at", String(32), nullable=False),
)

intake_list = Table(
    "intake_list",  # lists of images that are to be taken in
    metadata,
    Column("id", String(32), primary_key=True),
    Column("at", String(32), nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("name", Text, nullable=False),
)

intake_wanted = Table(
    "intake_wanted",  # their lines
    metadata,
    Column("list", String(32), ForeignKey("intake_list.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("written", Text, nullable=False),
    Column("upstream", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("repository", String(255), nullable=False),
    Column("locator", String(135), nullable=False),
    Column("problem", Text, nullable=False),  # why it is not asked for; "" when it is
    Column("asked", Integer, nullable=False, index=True),  # how often
)

fetch_part = Table(
    "fetch_part",  # blobs that are under way, to go on with after a kill
    metadata,
    Column("repository", String(255), primary_key=True),
    Column("digest", String(135), primary_key=True),
    Column("upload", String(255), nullable=False),
)

# Where it runs -----------------------------------------------------------------------------------------------------

placement = Table(
    "placement",
    metadata,
    Column("cluster", String(255), primary_key=True),
    Column("namespace", String(255), primary_key=True),
    Column("kind", String(64), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("container", String(255), primary_key=True),
    Column("digest", String(135), nullable=False, index=True),
    Column("reference", Text, nullable=False),
    Column("owner", Text, nullable=False, default=""),
    Column("since", String(32), nullable=False),
    Column("placed_by", Text, nullable=False, default="", server_default=""),  # a user of the cluster
)

# What happened -----------------------------------------------------------------------------------------------------

outbox = Table(
    "outbox",
    metadata,
    Column("offset", _Serial, primary_key=True, autoincrement=True),
    Column("id", String(255), nullable=False, unique=True),
    Column("kind", String(64), nullable=False),
    Column("subject", Text, nullable=False, index=True),
    Column("time", String(32), nullable=False),
    Column("data", LargeBinary, nullable=False),  # JSON
    Column("tide", String(32), nullable=False, default="", server_default=""),  # it is part of
    Column("written_ms", BigInteger, nullable=False, default=0, server_default="0"),  # since 1970; 0: not noted then
    Index("ix_outbox_tide", "tide", "offset", sqlite_where=text("tide <> ''"), postgresql_where=text("tide <> ''")),
    sqlite_autoincrement=True,
)

cursor = Table(
    "cursor",
    metadata,
    Column("consumer", String(128), primary_key=True),
    Column("offset", BigInteger, nullable=False),
)

# What replicas share ------------------------------------------------------------------------------------------------

lease = Table(
    "lease",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("holder", String(128), nullable=False),
    Column("until_ms", BigInteger, nullable=False),  # by the database's clock, since 1970
)

upload = Table(
    "upload",  # into an object store; a folder keeps its own
    metadata,
    Column("id", String(128), primary_key=True),
    Column("algorithm", String(8), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("hashed", String(135), nullable=False),  # digest of all bytes before the offset; "" when nobody saw them all
    Column("sealed", String(135), nullable=False),  # digest that was proved; "" before
    Column("touched_at", BigInteger, nullable=False),  # seconds since 1970
)

upload_segment = Table(
    "upload_segment",
    metadata,
    Column("upload", String(128), ForeignKey("upload.id"), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("length", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
)

# Knowledge the stored components were last joined with -------------------------------------------------------------

knowledge_seen = Table(
    "knowledge_seen",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", String(135), nullable=False),
    Column("joined_at", String(32), nullable=False),
)
