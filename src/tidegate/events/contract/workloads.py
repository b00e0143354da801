# SPDX-License-Identifier: Apache-2.0
"""Data of events about what asks to run, and what runs."""

from tidegate.events.contract.words import ADigest, AnId, AnyDigest, Images, Moment, Owner, Reasons, Who, Why
from tidegate.values import Struct, field


class Explained(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change that was made to a workload.

    Attributes:
        path: a JSON pointer (RFC 6901).
    """

    path: str
    why: Why


class WorkloadJudged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workload was admitted or denied, or a way into one was opened or refused; or the glass was broken for it.

    Attributes:
        changes: JSON pointers of what was changed, of a judgement at the server.
        explained: every change and why; at a webhook told by an event of its own.
        user: who asked the cluster, of a judgement at a webhook, as is all below.
        webhook: the principal of that webhook.
        request: the id that the API server gave its question.
        operation: `CREATE`, `UPDATE` or `CONNECT`; `subresource` of what, absent for the object itself.
        policy: digest of the policies it was judged by.
        verdicts: by container, the verdict that counted and until when it holds.
        rule: of ways in or of configuration that decided.
        digest: of the content of a ConfigMap or Secret that the glass was broken for.
    """

    digests: Images
    owner: Owner
    reasons: Reasons
    changes: list[str] = field(default_factory=list)
    explained: list[Explained] = field(default_factory=list)
    user: str = ""
    webhook: str = ""
    request: str = ""
    operation: str = ""
    subresource: str = ""
    policy: str = ""
    verdicts: dict[str, str] = field(default_factory=dict)
    rule: str = ""
    digest: AnyDigest = ""


class ConfigurationJudged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ConfigMap or Secret was admitted or denied; of its content nothing but the digest is told.

    Attributes:
        digest: of a Secret one that its values cannot be found by; "" where the object could not be read.
        rule: that held; "" likewise.
        used_by: workloads that read it; a webhook knows none.
        user: who asked the cluster, of a judgement at a webhook, as is all below.
        webhook: the principal of that webhook.
        request: the id that the API server gave its question.
        operation: `CREATE` or `UPDATE`.
    """

    digest: AnyDigest
    rule: str
    reasons: Reasons
    used_by: list[str]
    user: str = ""
    webhook: str = ""
    request: str = ""
    operation: str = ""


class WorkloadExposed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workload runs a digest that was recalled.

    Attributes:
        recalled_by: id of the event of the recall.
    """

    digest: ADigest
    container: str
    reference: str
    owner: Owner
    since: Moment
    why: Why
    recalled_by: AnId


class CaptureKept(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a container was at a moment is kept, sealed.

    Attributes:
        archive: digest of what is stored.
        schedule: by which it was due; empty for one that was not made by time.
    """

    archive: ADigest
    size: int
    by: Who
    schedule: str = ""


class CaptureDiffers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A capture holds programs that are not of the image its container was started from.

    Attributes:
        container: its id; `name` as its runtime calls it.
        image: the reference it was started from, and `image_digest` as the node says; empty when it does not.
        schedule: by which the capture was due; `incident` that it belongs to; empty for none.
        runs: programs that run and are not of the image, by path, the first of them.
        written: files that can be run and were written since, likewise.
        changed: how many files of any kind differ.
    """

    node: str
    container: AnId
    name: str
    image: str
    image_digest: str
    schedule: str
    incident: str
    runs: list[str]
    written: list[str]
    changed: int


class CaptureGone(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A capture was dropped, or its time is over."""

    why: Why
