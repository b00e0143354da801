# SPDX-License-Identifier: Apache-2.0
"""Tables that say what is handed out to whom, beside those of `tidegate.storage.schema` and in the same metadata."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from tidegate.storage.schema import metadata

_Serial = BigInteger().with_variant(Integer, "sqlite")

refusal = Table(
    "refusal",
    metadata,
    Column("repository", String(255), primary_key=True),
    Column("digest", String(135), primary_key=True),
    Column("consumer", String(255), primary_key=True),
    Column("state", String(16), primary_key=True),
    Column("enforced", Integer, primary_key=True),  # 0: it was served, in observe mode
    Column("reason", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("pulls", BigInteger, nullable=False),
    Column("first_at", String(32), nullable=False),
    Column("last_at", String(32), nullable=False, index=True),
)

standing = Table(
    "standing",  # what a person said of an artifact last; gone when they take it back
    metadata,
    Column("digest", String(135), ForeignKey("manifest.digest"), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("since", String(32), nullable=False),
    Column("statement", String(135), nullable=False),
    Column("sunset", String(32), nullable=False, default=""),
    Column("replacement", Text, nullable=False, default=""),
)

restriction = Table(
    "restriction",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("digest", String(135), nullable=False),  # "" for a rule
    Column("pattern", Text, nullable=False),  # of repository names; "" for one artifact
    Column("document", Text, nullable=False),  # JSON
    Column("reason", Text, nullable=False),
    Column("imposed_by", Text, nullable=False),
    Column("imposed_at", String(32), nullable=False),
    Column("statement", String(135), nullable=False),
    Column("lifted_at", String(32), nullable=False, default="", server_default=""),
    Column("lifted_by", Text, nullable=False, default="", server_default=""),
    Index("ix_restriction_in_force", "lifted_at", "digest"),
)

restriction_revision = Table(
    "restriction_revision",  # one row; grows with every change of the table above
    metadata,
    Column("id", Integer, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)

promotion = Table(
    "promotion",
    metadata,
    Column("id", String(32), primary_key=True),  # of digest, places and tag
    Column("digest", String(135), nullable=False, index=True),
    Column("source", String(255), nullable=False),
    Column("target", Text, nullable=False),
    Column("tag", String(128), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("state", String(16), nullable=False),  # asked, done, failed
    Column("problem", Text, nullable=False),
    Column("manifests", Integer, nullable=False),
    Column("statement", String(135), nullable=False),
    Column("asked_at", String(32), nullable=False, index=True),
    Column("done_at", String(32), nullable=False),
    Column("document", Text, nullable=False),  # JSON: what was asked for
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", Text, nullable=False, index=True),
    Column("pattern", Text, nullable=False),
    Column("digest", String(135), nullable=False),
    Column("component", Text, nullable=False),
    Column("kinds", Text, nullable=False),  # separated by spaces
    Column("url", Text, nullable=False),
    Column("sealed_secret", Text, nullable=False),  # under a key that is not in the database
    Column("active", Integer, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("owner_kind", Text, nullable=False, server_default=""),
    Column("owner_groups", Text, nullable=False, server_default="[]"),  # JSON; of those an issuer vouched for
    Column("owner_claims", Text, nullable=False, server_default="{}"),  # likewise
    Column("asked_from", Text, nullable=False, server_default=""),  # address; "" for none known
    Column("paused", Text, nullable=False, server_default=""),  # why nothing is told now; "" when it is
    Column("batch", Integer, nullable=False, default=1, server_default="1"),  # events in one message at most
)

delivery = Table(
    "delivery",
    metadata,
    Column("subscription", String(32), ForeignKey("subscription.id"), primary_key=True),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", Text, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("state", String(16), nullable=False),  # waiting, done, dead
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, nullable=False),  # seconds since 1970
    Column("problem", Text, nullable=False),
    Column("ended_at", String(32), nullable=False),
    Index("ix_delivery_due", "state", "next_at"),
    Index("ix_delivery_waiting", "state", "subscription", "next_at"),
    Index("ix_delivery_order", "subscription", "subject", "state", "offset"),
)

consumer_pull = Table(
    "consumer_pull",
    metadata,
    Column("digest", String(135), primary_key=True),
    Column("repository", String(255), primary_key=True),
    Column("consumer", String(255), primary_key=True),
    Column("pulls", BigInteger, nullable=False),
    Column("first_at", String(32), nullable=False),
    Column("last_at", String(32), nullable=False, index=True),
)

image_summary = Table(
    "image_summary",  # what a catalogue says of one image
    metadata,
    Column("digest", String(135), primary_key=True),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("base", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("platform", String(64), nullable=False),
    Column("licence", String(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("components", Integer, nullable=False),
    Column("critical", Integer, nullable=False),
    Column("high", Integer, nullable=False),
    Column("medium", Integer, nullable=False),
    Column("low", Integer, nullable=False),
    Column("exploited", Integer, nullable=False),
    Column("fixable", Integer, nullable=False),
    Column("is_known", Integer, nullable=False),  # the scan was joined with knowledge
    Column("support_ends", String(10), nullable=False),
    Column("support_of", Text, nullable=False),
    Column("words", Text, nullable=False),  # lower case, for searching
    Column("made_at", String(32), nullable=False),
)
