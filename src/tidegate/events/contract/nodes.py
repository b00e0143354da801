# SPDX-License-Identifier: Apache-2.0
"""Data of events about nodes, what their sensors see, and what is done about it."""

from tidegate.events.contract.words import AnId, AnyMoment, Count, Envelope, Who, Why
from tidegate.values import Struct, field


class NodeJoined(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node's sensor reports for the first time.

    Attributes:
        run: of the sensor; another one after each start.
    """

    principal: Who
    run: str


class NodeTurned(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node's sensor was ended, or is back.

    Attributes:
        was: the state before; empty for none.
    """

    run: str
    was: str


class NodeSilent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node's sensor says nothing any more: an alarm.

    Attributes:
        containers: that ran there when it was heard last; -1 when that is not known.
    """

    last_seen_at: AnyMoment
    run: str
    containers: int


class SeenContainer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A container as its runtime describes it; empty for what it does not say."""

    id: AnId
    name: str = ""
    image: str = ""
    namespace: str = ""
    pod: str = ""
    digest: str = ""
    config: str = ""
    pod_uid: str = ""
    host: str = ""
    started_at: str = ""
    starter: str = ""


class Seen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that was not expected of a container: docs/reference/sensor.md."""

    at: str
    act: str
    mode: str
    path: str = ""
    origin: str | None = None
    refused: bool = False
    rule: str = ""
    program: str = ""
    pid: int = 0
    container: SeenContainer | None = None
    count: Count = 1
    what: str = ""


class Observed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a sensor, or another tool, saw on a node."""

    node: str
    observation: Seen


class IncidentOpened(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Observations of a container became an incident.

    Attributes:
        rule: of the response policy.
        observation: id of the event that opened it.
    """

    incident: AnId
    node: str
    container: str
    workload: str
    rule: str
    severity: str
    act: str
    path: str
    observation: AnId


class IncidentClosed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person closed an incident."""

    incident: AnId
    who: Who
    why: Why


class Responded(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a step of a response is.

    Attributes:
        undoes: the response that it takes back; empty for a step forward.
        evidence: the signed order.
        outcome: how it went.
    """

    response: AnId
    node: str
    container: str
    workload: str
    step: str
    undoes: str
    incident: str
    why: Why
    asked_by: Who
    approved_by: str
    evidence: Envelope
    outcome: str


class Recon(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody looked around and then tried to log in.

    Attributes:
        who: the name that was tried.
        catalogue: listings of all repositories.
        repositories: that were looked at.
        sequence: what was seen, in order.
    """

    address: str
    who: str
    catalogue: Count
    repositories: list[str]
    failed_logins: Count
    logged_in: bool
    since: AnyMoment
    sequence: list["ReconStep"] = field(default_factory=list)


class ReconStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request of it.

    Attributes:
        status: of HTTP.
    """

    at: str
    what: str
    who: str
    repository: str
    status: int
