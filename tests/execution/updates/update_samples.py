# SPDX-License-Identifier: Apache-2.0
"""Images on record and what runs, for judgements of updates."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tidegate.artifact import Digest, Repository, Tag
from tidegate.evidence import Severity
from tidegate.execution.updates.judge import Judged, judge
from tidegate.execution.updates.known import Flaw, Runs, Shelf, Shelved, Turned
from tidegate.execution.updates.rule import UpdateRule

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
TEAM_APP = Repository("team/app")
FIXED = Turned(removes=(Flaw(id="CVE-2026-1", package="h11", severity=Severity.HIGH),))


def digest(name: str) -> Digest:
    return Digest.of(name.encode())


def shelved(tag: str, *, days: float = 1, **more: Any) -> Shelved:
    """An admitted image that came `days` ago, whose digest is that of its tag."""
    known = {"is_admitted": True, "state": "admitted", "repository": TEAM_APP, "digest": digest(tag)}
    moment = AT - timedelta(days=days)
    return Shelved(**{**known, "tag": tag, "since": moment, "stored_at": moment, **more})


def running(written: str, **more: Any) -> Runs:
    known: dict[str, Any] = {"cluster": "prod", "namespace": "shop", "kind": "Deployment", "name": "web"}
    known |= {"container": "web", "registry": "registry.example", "repository": TEAM_APP, "since": AT}
    return Runs(**{**known, "tag": Tag(written), "digest": digest(written), **more})


def judged(
    runs: Runs, *tagged: Shelved, rule: UpdateRule | None = None, turned: Turned | None = FIXED, **more: Any
) -> Judged:
    """What is found for it beside those images, its own among them, when each change turns the same."""
    own = next((one for one in tagged if one.digest == runs.digest), None)
    shelf = Shelf(running=own, tagged=tagged, replacement=more.pop("replacement", None))
    objects = more.pop("objects", lambda _: "")
    return judge(
        runs, shelf, rule or UpdateRule(name="r"), weigh=lambda *_: turned, objects=objects, at=more.pop("at", AT)
    )


def chosen(found: Judged) -> str:
    """The tag that is proposed; "" for none."""
    return found.proposal.to.tag if found.proposal else ""
