# SPDX-License-Identifier: Apache-2.0
"""Changes of state, told as CloudEvents 1.0."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from tidegate.clock import rfc3339
from tidegate.errors import InvalidInputError
from tidegate.values import Struct
from tidegate.wire import to_json

SPEC_VERSION: Final = "1.0"
TYPE_PREFIX: Final = "dev.tidegate."


class EventKind(StrEnum):
    """Every change that is told: `tier.subject.verb`."""

    IMAGE_SHELVED = "curation.image.shelved"
    IMAGE_QUARANTINED = "curation.image.quarantined"
    IMAGE_ANALYSING = "curation.image.analysing"
    IMAGE_ADMITTED = "curation.image.admitted"
    IMAGE_REJECTED = "curation.image.rejected"
    IMAGE_RESTRICTED = "curation.image.restricted"
    IMAGE_DEPRECATED = "curation.image.deprecated"
    IMAGE_RECALLED = "curation.image.recalled"
    IMAGE_RETIRED = "curation.image.retired"
    IMAGE_DELETED = "curation.image.deleted"
    IMAGE_REFUSED = "curation.image.refused"
    IMAGE_PROMOTED = "curation.image.promoted"
    IMAGE_ENCRYPTED = "curation.image.encrypted"
    KEYS_RELEASED = "curation.keys.released"
    KEYS_REFUSED = "curation.keys.refused"
    RECIPIENT_ADDED = "curation.recipient.added"
    RECIPIENT_REMOVED = "curation.recipient.removed"
    CONSUMER_EXPOSED = "curation.consumer.exposed"
    SUBSCRIPTION_TESTED = "curation.subscription.tested"  # sent, never on record
    TAG_MOVED = "curation.tag.moved"
    TAG_REMOVED = "curation.tag.removed"
    TAG_FROZEN = "curation.tag.frozen"
    TAG_UNFROZEN = "curation.tag.unfrozen"
    TAG_OVERRIDDEN = "curation.tag.overridden"
    INTAKE_ARRIVED = "intake.image.arrived"
    INTAKE_REFUSED = "intake.image.refused"
    UPSTREAM_MOVED = "intake.upstream.moved"
    FEEDBACK_OPENED = "oversight.feedback.opened"
    FEEDBACK_TOLD = "oversight.feedback.told"
    FEEDBACK_CLOSED = "oversight.feedback.closed"
    FEEDBACK_MESSAGE = "oversight.feedback.message"  # sent, never on record
    OWNER_SET = "oversight.owner.set"
    OWNER_REMOVED = "oversight.owner.removed"
    CHANNEL_SET = "oversight.channel.set"
    CHANNEL_REMOVED = "oversight.channel.removed"
    BLOB_DAMAGED = "curation.blob.damaged"
    BLOB_REPAIRED = "curation.blob.repaired"
    BLOB_LOST = "curation.blob.lost"
    STORAGE_COLLECTED = "curation.storage.collected"
    RULES_SET = "curation.rules.set"
    RULES_REMOVED = "curation.rules.removed"
    BASE_BUILD_WANTED = "curation.base.build_wanted"
    BASE_MOVED = "curation.base.moved"
    EVIDENCE_ADDED = "curation.evidence.added"
    WORKLOAD_ADMITTED = "execution.workload.admitted"
    WORKLOAD_DENIED = "execution.workload.denied"
    CONFIGURATION_ADMITTED = "execution.configuration.admitted"
    CONFIGURATION_DENIED = "execution.configuration.denied"
    WORKLOAD_CHANGED = "execution.workload.changed"
    WORKLOAD_EXPOSED = "execution.workload.exposed"
    GLASS_BROKEN = "execution.glass.broken"
    CONNECTION_OPENED = "execution.connection.opened"
    CONNECTION_REFUSED = "execution.connection.refused"
    ACT_ALLOWED = "execution.act.allowed"
    CAPTURE_KEPT = "execution.capture.kept"
    CAPTURE_DIFFERS = "execution.capture.differs"
    CAPTURE_GONE = "execution.capture.gone"
    NODE_JOINED = "execution.node.joined"
    NODE_SILENT = "execution.node.silent"
    NODE_ENDED = "execution.node.ended"
    NODE_BACK = "execution.node.back"
    OBSERVATION_MADE = "execution.observation.made"
    INCIDENT_OPENED = "execution.incident.opened"
    INCIDENT_CLOSED = "execution.incident.closed"
    RESPONSE_ASKED = "execution.response.asked"
    RESPONSE_ORDERED = "execution.response.ordered"
    RESPONSE_REFUSED = "execution.response.refused"
    RESPONSE_DONE = "execution.response.done"
    RESPONSE_FAILED = "execution.response.failed"
    RESPONSE_EXPIRED = "execution.response.expired"
    UPDATE_PROPOSED = "execution.update.proposed"
    UPDATE_ASKED = "execution.update.asked"
    UPDATE_ROLLING = "execution.update.rolling"
    UPDATE_DONE = "execution.update.done"
    UPDATE_FAILED = "execution.update.failed"
    UPDATE_REFUSED = "execution.update.refused"
    UPDATE_SUPERSEDED = "execution.update.superseded"
    UPDATE_CLOSED = "execution.update.closed"
    RECON_DETECTED = "curation.recon.detected"
    PRINCIPAL_CREATED = "oversight.principal.created"
    PRINCIPAL_CHANGED = "oversight.principal.changed"
    PRINCIPAL_REMOVED = "oversight.principal.removed"
    TENANT_CREATED = "oversight.tenant.created"
    TENANT_CHANGED = "oversight.tenant.changed"
    TENANT_REMOVED = "oversight.tenant.removed"
    GRANT_REQUESTED = "oversight.grant.requested"
    GRANT_GIVEN = "oversight.grant.given"
    GRANT_REFUSED = "oversight.grant.refused"
    GRANT_REVOKED = "oversight.grant.revoked"
    GRANT_EXPIRED = "oversight.grant.expired"
    KEY_PROPOSED = "oversight.key.proposed"
    KEY_TRUSTED = "oversight.key.trusted"
    KEY_REFUSED = "oversight.key.refused"
    KEY_ROTATED = "oversight.key.rotated"
    KEY_REVOKED = "oversight.key.revoked"
    KEY_ADOPTED = "oversight.key.adopted"
    AUDIT_BROKEN = "oversight.audit.broken"
    KNOWLEDGE_UPDATED = "oversight.knowledge.updated"
    TIDE_ENDED = "oversight.tide.ended"
    TIDE_REOPENED = "oversight.tide.reopened"


def kinds_named(text: str) -> frozenset[EventKind]:
    """The kinds that are called so, or that begin so up to a dot: `curation.image` is all that happens to images.

    Raises:
        InvalidInputError: there are none.
    """
    found = frozenset(kind for kind in EventKind if f"{kind}.".startswith(f"{text.removesuffix('.')}."))
    if not found:
        raise InvalidInputError(
            "no event is called so, and none begins so", where=text[:64], remedy="see `tidegate events kinds`"
        )
    return found


class Event(Struct, frozen=True, kw_only=True):
    """One change of state.

    Attributes:
        id: unique for the source; the same change always has the same id, so a repeated delivery can be told.
        subject: what changed, most often a digest; events of one subject are delivered in order.
        tide: the story it is part of, from its cause on; "" for none. Told as the extension attribute `tideid`.
    """

    id: str
    kind: EventKind
    subject: str
    time: datetime
    data: Mapping[str, Any]
    tide: str = ""

    def to_dict(self, *, source: str, dataref: str = "") -> dict[str, Any]:
        """The attributes of a CloudEvent.

        Args:
            source: a URI reference for the server that tells it.
            dataref: where its data is to be read, which is left out then (CloudEvents' extension of that name).
        """
        data = {"dataref": dataref} if dataref else {"datacontenttype": "application/json", "data": self.data}
        return {
            "specversion": SPEC_VERSION,
            "id": self.id,
            "source": source,
            "type": TYPE_PREFIX + self.kind,
            "subject": self.subject,
            "time": rfc3339(self.time),
            **({"tideid": self.tide} if self.tide else {}),
            **data,
        }

    def to_json(self, *, source: str, dataref: str = "") -> bytes:
        """The structured JSON form (`application/cloudevents+json`)."""
        return to_json(self.to_dict(source=source, dataref=dataref))
