# SPDX-License-Identifier: Apache-2.0
"""Tables of owners, of what they are told, and of how; in the metadata of `tidegate.storage.schema`."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from tidegate.storage.schema import metadata

owner = Table(
    "owner",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("document", Text, nullable=False),  # JSON: what is theirs, and how they are reached
    Column("set_by", Text, nullable=False),
    Column("set_at", String(32), nullable=False),
)

feedback_channel = Table(
    "feedback_channel",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("document", Text, nullable=False),  # JSON, without the secret
    Column("sealed_secret", Text, nullable=False),  # under a key that is not in the database; "" for none
    Column("set_by", Text, nullable=False),
    Column("set_at", String(32), nullable=False),
)

feedback_case = Table(
    "feedback_case",
    metadata,
    Column("id", String(32), primary_key=True),  # of owner, cause and the event it began with
    Column("owner", String(255), nullable=False),  # "" for nobody
    Column("owner_by", Text, nullable=False),  # how that was found
    Column("cause", String(16), nullable=False),  # rejected, recalled, restricted, incident
    Column("key", String(64), nullable=False),  # of the cause: what is one story has one
    Column("severity", String(16), nullable=False),
    Column("state", String(16), nullable=False),  # open, closed
    Column("why", Text, nullable=False),
    Column("tide", Text, nullable=False),
    Column("revision", Integer, nullable=False),  # grows with what is worth telling
    Column("told", Integer, nullable=False),  # the revision that was told last
    Column("due_at", Float, nullable=False),  # seconds since 1970: when the next one may be told
    Column("told_at", Float, nullable=False),
    Column("opened_at", String(32), nullable=False),
    Column("closed_at", String(32), nullable=False),
    Column("notice", Text, nullable=False),  # JSON: what was told last; "" for nothing
    Index("ix_feedback_case_open", "state", "owner", "key"),
    Index("ix_feedback_case_due", "due_at"),
    Index("ix_feedback_case_opened", "opened_at"),
)

feedback_item = Table(
    "feedback_item",
    metadata,
    Column("case_id", String(32), ForeignKey("feedback_case.id"), primary_key=True),
    Column("subject", String(255), primary_key=True),  # a digest, or an incident
    Column("repository", String(255), primary_key=True),
    Column("document", Text, nullable=False),  # JSON: objections
    Column("opened_at", String(32), nullable=False),
    Column("mended_at", String(32), nullable=False),  # "" while it is not
    Column("how", Text, nullable=False),
    Index("ix_feedback_item_subject", "subject", "mended_at"),
    Index("ix_feedback_item_repository", "repository", "mended_at"),
)

feedback_message = Table(
    "feedback_message",
    metadata,
    Column("id", String(64), primary_key=True),  # the same at every try: receivers tell by it what they have
    Column("number", BigInteger, nullable=False),  # order within a channel
    Column("case_id", String(32), nullable=False),  # "" for several
    Column("channel", String(64), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("turn", String(16), nullable=False),  # opened, changed, closed, digest
    Column("severity", String(16), nullable=False),
    Column("state", String(16), nullable=False),  # waiting, done, dead, merged
    Column("held", Integer, nullable=False),  # 1: quiet hours kept it
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("problem", Text, nullable=False),
    Column("made_at", String(32), nullable=False),
    Column("ended_at", String(32), nullable=False),
    Column("ended", Float, nullable=False),  # the same as seconds since 1970, for rates
    Column("document", Text, nullable=False),  # JSON: notices
    Index("ix_feedback_message_due", "state", "channel", "next_at"),
    Index("ix_feedback_message_case", "case_id", "channel", "number"),
    Index("ix_feedback_message_rate", "channel", "ended"),
)
