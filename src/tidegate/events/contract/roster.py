# SPDX-License-Identifier: Apache-2.0
"""Every kind of event: what it tells, what its subject is, what its data is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidegate.events.contract import (
    copies,
    feedback,
    governed,
    images,
    nodes,
    stored,
    tags,
    taken_in,
    updates,
    workloads,
)
from tidegate.events.event import EventKind
from tidegate.values import Struct

_IMAGE: Final = "the image's digest"
_BLOB: Final = "the blob's digest"
_TAG: Final = "repository:tag"
_NAME: Final = "its name"
_WORKLOAD: Final = "cluster/namespace/kind/name"
_CONTAINER: Final = "node/container"
_OPENED: Final = "the image's digest, or the incident"
_KEY: Final = "sha256:… of the key"


class Told(Struct, frozen=True, kw_only=True):
    """What is known of a kind.

    Attributes:
        summary: what happened.
        subject: what the subject names; events of one subject come in order.
        data: the shape of the data.
    """

    summary: str
    subject: str
    data: type[Struct]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the data's fields, as they are told."""
        return self.data.__struct_encode_fields__


def _told(summary: str, subject: str, data: type[Struct]) -> Told:
    return Told(summary=summary, subject=subject, data=data)


ROSTER: Final[Mapping[EventKind, Told]] = MappingProxyType(
    {
        EventKind.IMAGE_SHELVED: _told("an image was stored; it is judged next", _IMAGE, images.ImageStored),
        EventKind.IMAGE_QUARANTINED: _told("an image waits for its judgement", _IMAGE, images.StateChanged),
        EventKind.IMAGE_ANALYSING: _told("an image is being examined", _IMAGE, images.StateChanged),
        EventKind.IMAGE_ADMITTED: _told("an image may be pulled", _IMAGE, images.StateChanged),
        EventKind.IMAGE_REJECTED: _told("an image did not pass", _IMAGE, images.StateChanged),
        EventKind.IMAGE_RESTRICTED: _told("an image is kept for some from now on", _IMAGE, images.StateChanged),
        EventKind.IMAGE_DEPRECATED: _told("an image is to be replaced", _IMAGE, images.StateChanged),
        EventKind.IMAGE_RECALLED: _told("an image passes no more: no pull, no placement", _IMAGE, images.StateChanged),
        EventKind.IMAGE_RETIRED: _told("an image has come to its end", _IMAGE, images.StateChanged),
        EventKind.IMAGE_DELETED: _told("an image left a repository", _IMAGE, images.ImageRemoved),
        EventKind.IMAGE_REFUSED: _told("a consumer was refused an image", _IMAGE, images.PullRefused),
        EventKind.IMAGE_PROMOTED: _told("an image was promoted", _IMAGE, images.Promoted),
        EventKind.IMAGE_ENCRYPTED: _told("an encrypted copy is there", "the copy's digest", copies.ImageEncrypted),
        EventKind.KEYS_RELEASED: _told("keys of a copy were released", "the copy's digest", copies.KeysAsked),
        EventKind.KEYS_REFUSED: _told("keys of a copy were refused", "the copy's digest", copies.KeysAsked),
        EventKind.RECIPIENT_ADDED: _told("a consumer has a key to encrypt to", _NAME, copies.Recipient),
        EventKind.RECIPIENT_REMOVED: _told("a consumer's key was removed", _NAME, copies.Recipient),
        EventKind.CONSUMER_EXPOSED: _told(
            "who pulled what was recalled is told", "consumer:NAME", images.ConsumerExposed
        ),
        EventKind.SUBSCRIPTION_TESTED: _told(
            "a webhook is tried out; never on record", "subscription:ID", images.Nothing
        ),
        EventKind.TAG_MOVED: _told("a tag is new or means another image", _TAG, tags.TagMoved),
        EventKind.TAG_REMOVED: _told("a tag is gone", _TAG, tags.TagMoved),
        EventKind.TAG_FROZEN: _told("a tag may not move", _TAG, tags.TagHeld),
        EventKind.TAG_UNFROZEN: _told("a tag may move again", _TAG, tags.TagHeld),
        EventKind.TAG_OVERRIDDEN: _told("an immutable tag may move once", _TAG, tags.TagHeld),
        EventKind.INTAKE_ARRIVED: _told("an outside image is here", "repository and tag or digest", taken_in.Arrived),
        EventKind.INTAKE_REFUSED: _told(
            "an outside image was not taken in", "repository and tag or digest", taken_in.IntakeRefused
        ),
        EventKind.UPSTREAM_MOVED: _told(
            "an outside tag means another image", "repository and tag or digest", taken_in.UpstreamMoved
        ),
        EventKind.FEEDBACK_OPENED: _told(
            "an owner is to be told of an image or an incident", _OPENED, feedback.FeedbackOpened
        ),
        EventKind.FEEDBACK_TOLD: _told("messages to its owner are on their way", _OPENED, feedback.FeedbackTold),
        EventKind.FEEDBACK_CLOSED: _told("what its owner was told is mended", _OPENED, feedback.FeedbackClosed),
        EventKind.FEEDBACK_MESSAGE: _told(
            "what a channel's receiver is sent; never on record", "case:ID or cases", feedback.FeedbackMessage
        ),
        EventKind.OWNER_SET: _told("an owner was put on record", "owner/NAME", feedback.OwnerChanged),
        EventKind.OWNER_REMOVED: _told("an owner is gone", "owner/NAME", feedback.OwnerChanged),
        EventKind.CHANNEL_SET: _told("a channel to owners was put on record", "channel/NAME", feedback.ChannelChanged),
        EventKind.CHANNEL_REMOVED: _told("a channel to owners is gone", "channel/NAME", feedback.ChannelChanged),
        EventKind.BLOB_DAMAGED: _told("stored bytes are broken", _BLOB, stored.BlobDamaged),
        EventKind.BLOB_REPAIRED: _told("broken bytes were replaced", _BLOB, stored.BlobRepaired),
        EventKind.BLOB_LOST: _told("broken bytes are nowhere whole", _BLOB, stored.BlobLost),
        EventKind.STORAGE_COLLECTED: _told("what nothing refers to was removed", "blobs", stored.Collected),
        EventKind.RULES_SET: _told("rules were put in place", "rules/kind/name", stored.RulesChanged),
        EventKind.RULES_REMOVED: _told("rules were removed", "rules/kind/name", stored.RulesChanged),
        EventKind.BASE_BUILD_WANTED: _told("an internal base is to be built anew", _TAG, taken_in.BaseBuildWanted),
        EventKind.BASE_MOVED: _told("an internal base has a new version", _TAG, taken_in.BaseMoved),
        EventKind.EVIDENCE_ADDED: _told("something was attached to an image", "its digest", images.StateChanged),
        EventKind.WORKLOAD_ADMITTED: _told("a workload may run", _WORKLOAD, workloads.WorkloadJudged),
        EventKind.WORKLOAD_DENIED: _told("a workload may not run", _WORKLOAD, workloads.WorkloadJudged),
        EventKind.WORKLOAD_CHANGED: _told("something was filled in", _WORKLOAD, workloads.WorkloadJudged),
        EventKind.ACT_ALLOWED: _told("somebody evicted or scaled", _WORKLOAD, workloads.WorkloadJudged),
        EventKind.CONFIGURATION_ADMITTED: _told(
            "a ConfigMap or Secret may be used", "[cluster/]namespace/kind/name", workloads.ConfigurationJudged
        ),
        EventKind.CONFIGURATION_DENIED: _told(
            "a ConfigMap or Secret may not be used", "[cluster/]namespace/kind/name", workloads.ConfigurationJudged
        ),
        EventKind.WORKLOAD_EXPOSED: _told("a workload runs what was recalled", _WORKLOAD, workloads.WorkloadExposed),
        EventKind.GLASS_BROKEN: _told(
            "a workload was let in unjudged, by a person", _WORKLOAD, workloads.WorkloadJudged
        ),
        EventKind.CONNECTION_OPENED: _told("somebody went into a pod", _WORKLOAD, workloads.WorkloadJudged),
        EventKind.CONNECTION_REFUSED: _told("somebody was kept out of a pod", _WORKLOAD, workloads.WorkloadJudged),
        EventKind.CAPTURE_KEPT: _told("a capture is kept", "the capture's digest", workloads.CaptureKept),
        EventKind.CAPTURE_DIFFERS: _told(
            "a capture holds programs that are not of the image", "the capture's digest", workloads.CaptureDiffers
        ),
        EventKind.CAPTURE_GONE: _told("a capture is gone", "the capture's digest", workloads.CaptureGone),
        EventKind.NODE_JOINED: _told("a node is watched", _NAME, nodes.NodeJoined),
        EventKind.NODE_SILENT: _told("a node's sensor is silent", _NAME, nodes.NodeSilent),
        EventKind.NODE_ENDED: _told("a node's sensor was ended", _NAME, nodes.NodeTurned),
        EventKind.NODE_BACK: _told("a node's sensor is back", _NAME, nodes.NodeTurned),
        EventKind.OBSERVATION_MADE: _told("something unexpected was seen", _CONTAINER, nodes.Observed),
        EventKind.INCIDENT_OPENED: _told("observations became an incident", "the incident", nodes.IncidentOpened),
        EventKind.INCIDENT_CLOSED: _told("an incident was closed", "the incident", nodes.IncidentClosed),
        EventKind.RESPONSE_ASKED: _told("a step waits for approval", _CONTAINER, nodes.Responded),
        EventKind.RESPONSE_ORDERED: _told("a step was ordered", _CONTAINER, nodes.Responded),
        EventKind.RESPONSE_REFUSED: _told("a step was refused", _CONTAINER, nodes.Responded),
        EventKind.RESPONSE_DONE: _told("a step was taken", _CONTAINER, nodes.Responded),
        EventKind.RESPONSE_FAILED: _told("a step failed", _CONTAINER, nodes.Responded),
        EventKind.RESPONSE_EXPIRED: _told("a step was taken by nobody in time", _CONTAINER, nodes.Responded),
        EventKind.UPDATE_PROPOSED: _told("a newer image is proposed", _WORKLOAD, updates.UpdateTurned),
        EventKind.UPDATE_ASKED: _told("a rollout waits for approval", _WORKLOAD, updates.UpdateTurned),
        EventKind.UPDATE_ROLLING: _told("a rollout may begin", _WORKLOAD, updates.UpdateTurned),
        EventKind.UPDATE_DONE: _told("a workload runs the newer image", _WORKLOAD, updates.UpdateTurned),
        EventKind.UPDATE_FAILED: _told("a rollout was taken back", _WORKLOAD, updates.UpdateTurned),
        EventKind.UPDATE_REFUSED: _told("a person refused an update", _WORKLOAD, updates.UpdateTurned),
        EventKind.UPDATE_SUPERSEDED: _told("a still newer image is proposed", _WORKLOAD, updates.UpdateTurned),
        EventKind.UPDATE_CLOSED: _told("an update is no longer to be made", _WORKLOAD, updates.UpdateTurned),
        EventKind.RECON_DETECTED: _told("somebody looked around and logged in", "the address", nodes.Recon),
        EventKind.PRINCIPAL_CREATED: _told("a principal is new", _NAME, governed.PrincipalCreated),
        EventKind.PRINCIPAL_CHANGED: _told("a principal changed", _NAME, governed.PrincipalChanged),
        EventKind.PRINCIPAL_REMOVED: _told("a principal is gone", _NAME, governed.PrincipalRemoved),
        EventKind.TENANT_CREATED: _told("a tenant is new", _NAME, governed.TenantChanged),
        EventKind.TENANT_CHANGED: _told("a tenant's limits changed", _NAME, governed.TenantChanged),
        EventKind.TENANT_REMOVED: _told("a tenant is gone", _NAME, governed.TenantChanged),
        EventKind.GRANT_REQUESTED: _told("a grant was asked for", "the grant", governed.GrantChanged),
        EventKind.GRANT_GIVEN: _told("a grant was given", "the grant", governed.GrantChanged),
        EventKind.GRANT_REFUSED: _told("a grant was refused", "the grant", governed.GrantChanged),
        EventKind.GRANT_REVOKED: _told("a grant was revoked", "the grant", governed.GrantChanged),
        EventKind.GRANT_EXPIRED: _told("a grant's time is over", "the grant", governed.GrantChanged),
        EventKind.KEY_PROPOSED: _told("a key waits for a second person", _KEY, governed.KeyChanged),
        EventKind.KEY_TRUSTED: _told("a key is trusted", _KEY, governed.KeyChanged),
        EventKind.KEY_REFUSED: _told("a proposed key was refused", _KEY, governed.KeyChanged),
        EventKind.KEY_ROTATED: _told("the server signs with another key", _KEY, governed.KeyChanged),
        EventKind.KEY_REVOKED: _told("a key counts no more", _KEY, governed.KeyChanged),
        EventKind.KEY_ADOPTED: _told("a key's file is kept on record", "what it is for", governed.KeyAdopted),
        EventKind.AUDIT_BROKEN: _told("the audit trail was changed", "audit", governed.AuditBroken),
        EventKind.KNOWLEDGE_UPDATED: _told(
            "new advisories are in force", "the file's digest", governed.KnowledgeUpdated
        ),
        EventKind.TIDE_ENDED: _told("nothing of a tide is open any more", "its id", governed.TideTurned),
        EventKind.TIDE_REOPENED: _told("something of an ended tide is open again", "its id", governed.TideTurned),
    }
)
