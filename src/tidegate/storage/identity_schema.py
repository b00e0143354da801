# SPDX-License-Identifier: Apache-2.0
"""Tables that say who may do what and who did, beside those of `tidegate.storage.schema` and in the same metadata."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from tidegate.storage.schema import metadata

principal = Table(
    "principal",  # those whose secret is kept here; others are vouched for by their issuers
    metadata,
    Column("name", String(200), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("secret", Text, nullable=False),  # Argon2id of a password, SHA-256 of a robot's secret
    Column("groups", Text, nullable=False),  # JSON list
    Column("disabled", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),  # grows with the secret: tokens of an older one are void
    Column("expires_at", String(32), nullable=False),  # "" for no end
    Column("created_at", String(32), nullable=False),
    Column("created_by", Text, nullable=False),
)

access_grant = Table(
    "access_grant",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("holder", String(210), nullable=False, index=True),  # a principal's name, or group:name
    Column("pattern", String(255), nullable=False),
    Column("verbs", Text, nullable=False),  # with commas between
    Column("condition", Text, nullable=False),  # CEL; "" for none
    Column("state", String(16), nullable=False, index=True),
    Column("lasts_seconds", BigInteger, nullable=False),  # from when it is approved; 0 for no end
    Column("expires_at", String(32), nullable=False),
    Column("asked_at", String(32), nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_identity", Text, nullable=False),  # what approver and asker may not have in common
    Column("reason", Text, nullable=False),
    Column("decided_at", String(32), nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_why", Text, nullable=False),
    Index("ix_access_grant_expiry", "state", "expires_at"),
)

identity_revision = Table(
    "identity_revision",  # one row; grows with every change of the two above, so that every replica sees it
    metadata,
    Column("id", Integer, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)

login_failure = Table(
    "login_failure",  # of a name from an address, of an address, of a name; the key is a digest of which
    metadata,
    Column("key", String(80), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failed_at", String(32), nullable=False, index=True),
    Column("blocked_until", String(32), nullable=False),  # "" for not at all
)

audit_entry = Table(
    "audit_entry",  # only ever added to, and its oldest removed; each holds the digest of the one before
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False, index=True),
    Column("who", String(255), nullable=False),
    Column("kind", String(16), nullable=False),  # of the principal; "" when nobody was let in
    Column("address", String(64), nullable=False),
    Column("verb", String(16), nullable=False),
    Column("repository", String(255), nullable=False),
    Column("target", Text, nullable=False),  # tag, digest, scopes or path
    Column("outcome", String(16), nullable=False),
    Column("status", Integer, nullable=False),  # of the answer; 0 for a change within its own transaction
    Column("why", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_entry_who", "who", "sequence"),
    Index("ix_audit_entry_repository", "repository", "sequence"),
)

audit_head = Table(
    "audit_head",  # one row: where the chain begins by now, and where it ends
    metadata,
    Column("id", Integer, primary_key=True),
    Column("first", BigInteger, nullable=False),  # sequence of the oldest that is kept
    Column("before", String(64), nullable=False),  # hash of the one before it
    Column("next", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),  # of the newest
)

tenant = Table(
    "tenant",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("max_bytes", BigInteger, nullable=False),  # 0 for no limit; of the others likewise
    Column("max_repositories", BigInteger, nullable=False),
    Column("max_manifests", BigInteger, nullable=False),
    Column("used_bytes", BigInteger, nullable=False),
    Column("used_repositories", BigInteger, nullable=False),
    Column("used_manifests", BigInteger, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("created_by", Text, nullable=False),
)

tenant_prefix = Table(
    "tenant_prefix",  # the repository of this name, and all whose names go on after a slash
    metadata,
    Column("prefix", String(255), primary_key=True),
    Column("tenant", String(64), nullable=False, index=True),
)

tenant_blob = Table(
    "tenant_blob",  # counted once for a tenant, however many of its repositories hold it
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("digest", String(135), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("holders", BigInteger, nullable=False),
)

tenant_repository = Table(
    "tenant_repository",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("repository", String(255), primary_key=True),
    Column("manifests", BigInteger, nullable=False),
)
