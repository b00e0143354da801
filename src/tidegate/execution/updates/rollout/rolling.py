# SPDX-License-Identifier: Apache-2.0
"""Rolls an update out: the image is changed, watched until it is steady, and put back where it is not healthy.

What was done stands on the workload itself, in one annotation that is written with the image in one request. So a kill
at any moment leaves either nothing, or a rollout that whoever comes next goes on with: it watches on, or puts back.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from tidegate.artifact import Reference, Tag
from tidegate.bounds import printable
from tidegate.clock import Clock, parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError, NotFoundError, RefusedError, UsageError
from tidegate.execution.updates.judge import Proposal
from tidegate.execution.updates.rollout.health import KINDS, Health, Progress, health_of, is_ready, objection, pods_with
from tidegate.execution.updates.rollout.turn import Pause, Turn
from tidegate.kubernetes.failures import ConflictError
from tidegate.kubernetes.objects import Object, Objects, object_path
from tidegate.manifests.image_edit import NewImage, renamed
from tidegate.values import Struct, replace
from tidegate.wire import from_json, to_json

NOTE: Final = "tidegate.dev/update"
"""The annotation of a workload that is, or was, rolled out."""
MAX_PODS: Final = 20_000
LOOK_EVERY_S: Final = 1.0
LEASE_LASTS_S: Final = 30.0
_API: Final = "apps/v1"
_LISTS: Final = ("containers", "initContainers")
_MAX_NOTE_BYTES: Final = 16 << 10
_TRIES: Final = 5


class Stage(StrEnum):
    """How far a rollout is."""

    ROLLING = "rolling"
    BACK = "back"
    """It was not healthy, and is being put back."""
    DONE = "done"
    FAILED = "failed"


class Note(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the annotation says.

    Attributes:
        before, after: images as the template names them.
        began_at: of this stage.
    """

    update: str
    container: str
    before: str
    after: str
    stage: Stage
    began_at: str
    why: str = ""


class Ended(Struct, frozen=True, kw_only=True):
    """How a rollout ended; `what` is for people."""

    done: bool
    what: str


class Rollout:
    """One update of one workload.

    Args:
        objects: its API server.
        update: id of the proposal.
        proposal: what is rolled out.
        clock: now.
        pause: waits.
        lease_s: seconds after which the turn of a dead process may be taken.
    """

    def __init__(
        self,
        objects: Objects,
        update: str,
        proposal: Proposal,
        *,
        clock: Clock,
        pause: Pause,
        lease_s: float = LEASE_LASTS_S,
    ) -> None:
        runs = proposal.runs
        plural = KINDS.get(runs.kind)
        if plural is None:
            raise UsageError(f"a {runs.kind} is not rolled out", where=runs.workload, remedy="use a file or a branch")
        self._objects = objects
        self._update = update
        self._proposal = proposal
        self._clock = clock
        self._pause = pause
        self._where = f"{runs.workload} in {runs.namespace}"
        self._path = object_path(_API, plural, runs.name, namespace=runs.namespace)
        self._pods = object_path("v1", "pods", namespace=runs.namespace)
        self._turn = Turn(objects, runs.namespace, lasts_s=lease_s, clock=clock, pause=pause)

    def run(self) -> Ended:
        """Rolls it out to its end, or goes on where another died; ended before, it says how.

        Raises:
            RefusedError: another rollout is under way there, or the workload runs something else by now.
            TidegateError: as `kubernetes_failures`; whoever runs it again goes on.
        """
        self._turn.take()
        try:
            note = self._begun() or self._begin()
            if note.stage is Stage.ROLLING:
                note = self._watch(note)
            if note.stage is Stage.BACK:
                note = self._watch_back(note)
            return Ended(done=note.stage is Stage.DONE, what=note.why)
        finally:
            self._turn.give_back()

    def _begun(self) -> Note | None:
        """What is noted of this update; None when nothing is.

        Raises:
            RefusedError: another update of this workload is under way.
        """
        note = _note_of(self._object())
        if note is None or (note.update != self._update and note.stage in {Stage.DONE, Stage.FAILED}):
            return None
        if note.update != self._update:
            raise RefusedError(f"update {note.update[:12]} of it is under way", where=self._where)
        return note

    def _begin(self) -> Note:
        def start(found: Object) -> Note:
            if why := objection(found):
                raise RefusedError(f"it would not roll by itself: {why}", where=self._where)
            written = _image(found, self._proposal.runs.container)
            self._demand_older(written)
            to = self._proposal.to
            other = to.repository if to.repository != self._proposal.runs.repository else None
            new = NewImage(tag=Tag(to.tag) if to.tag else None, digest=to.digest, repository=other)
            return Note(
                update=self._update,
                container=self._proposal.runs.container,
                before=written,
                after=renamed(written, new),
                stage=Stage.ROLLING,
                began_at=rfc3339(self._clock()),
            )

        return self._noted(start, image=lambda note: note.after)

    def _demand_older(self, written: str) -> None:
        runs = self._proposal.runs
        try:
            named = Reference.parse(written)
        except InvalidInputError:
            named = None
        if (
            named is None
            or named.repository != runs.repository
            or (named.digest or runs.digest) != runs.digest
            or (named.tag or runs.tag) != runs.tag
        ):
            raise RefusedError(
                f"it names {printable(written[:300])} by now", where=self._where, remedy="see what is proposed now"
            )

    def _watch(self, note: Note) -> Note:
        """Watches until it is steady or is not healthy; then it is put back."""
        limits = self._proposal.limits
        healthy_since = None
        while True:
            self._turn.renew()
            health, now = self._health(note, note.after, limits.max_restarts), self._clock()
            if health is None:
                return self._ended(note, Stage.FAILED, "somebody else changed its image meanwhile: it is left as it is")
            late = now >= parse_rfc3339(note.began_at) + timedelta(seconds=limits.deadline_s)
            if health.progress is Progress.HEALTHY:
                healthy_since = healthy_since or now
                if now >= healthy_since + timedelta(seconds=limits.steady_s):
                    return self._ended(note, Stage.DONE, f"healthy for {limits.steady_s:g} s: {health.why}")
            elif health.progress is Progress.UNHEALTHY or late:
                why = health.why if not late else f"not healthy within {limits.deadline_s:g} s: {health.why}"
                return self._put_back(note, why)
            else:
                healthy_since = None
            self._pause(LOOK_EVERY_S)

    def _put_back(self, note: Note, why: str) -> Note:
        def back(found: Object) -> Note:
            if _image(found, note.container) != note.after:
                return replace(note, stage=Stage.FAILED, why="somebody else changed its image meanwhile")
            return replace(note, stage=Stage.BACK, why=why, began_at=rfc3339(self._clock()))

        return self._noted(back, image=lambda made: made.before if made.stage is Stage.BACK else "")

    def _watch_back(self, note: Note) -> Note:
        """Watches until what ran before runs again."""
        ends = parse_rfc3339(note.began_at) + timedelta(seconds=self._proposal.limits.deadline_s)
        while True:
            self._turn.renew()
            self._clear(note)
            health = self._health(note, note.before, self._proposal.limits.max_restarts)
            if health is None:
                return self._ended(
                    note, Stage.FAILED, f"{note.why}; somebody else changed its image while it was put back"
                )
            if health.progress is Progress.HEALTHY:
                return self._ended(note, Stage.FAILED, f"{note.why}; what ran before runs again")
            if self._clock() >= ends:
                return self._ended(note, Stage.FAILED, f"{note.why}; put back, and not healthy either: {health.why}")
            self._pause(LOOK_EVERY_S)

    def _clear(self, note: Note) -> None:
        """A StatefulSet waits for a broken pod for ever, also when its template is mended: such pods are deleted."""
        if self._proposal.runs.kind != "StatefulSet":
            return
        found = self._object()
        for pod in pods_with(found, self._listed(), note.after, note.container):
            metadata = pod.get("metadata") or {}
            if not is_ready(pod) and not metadata.get("deletionTimestamp"):
                path = object_path("v1", "pods", str(metadata["name"]), namespace=self._proposal.runs.namespace)
                try:
                    self._objects.delete(path, uid=str(metadata["uid"]), where=f"pod {metadata['name']}")
                except (NotFoundError, ConflictError):
                    continue  # it is gone, or another by now

    def _health(self, note: Note, image: str, max_restarts: int) -> Health | None:
        """How it goes; None when the template names another image by now."""
        found = self._object()
        if _image(found, note.container) != image:
            return None
        return health_of(found, self._listed(), image, note.container, max_restarts=max_restarts)

    def _ended(self, note: Note, stage: Stage, why: str) -> Note:
        return self._noted(lambda _: replace(note, stage=stage, why=why), image=lambda _: "")

    def _noted(self, make: Any, *, image: Any) -> Note:
        """Writes a note, and with it the image where one is given, if the object is still what was looked at."""
        for attempt in range(_TRIES):
            found = self._object()
            note: Note = make(found)
            version = (found.get("metadata") or {}).get("resourceVersion")
            text = to_json(note).decode()
            patch: dict[str, Any] = {"metadata": {"resourceVersion": version, "annotations": {NOTE: text}}}
            if wanted := image(note):
                patch["spec"] = {"template": {"spec": _with_image(found, note.container, wanted)}}
            try:
                self._objects.merge(self._path, patch, where=self._where)
            except ConflictError:
                if attempt == _TRIES - 1:
                    raise
                continue
            return note
        raise AssertionError(self._where)

    def _object(self) -> Object:
        return self._objects.get(self._path, where=self._where)

    def _listed(self) -> Sequence[Object]:
        where = f"pods of {self._proposal.runs.namespace}"
        return self._objects.listed(self._pods, where=where, max_objects=MAX_PODS)


def _note_of(found: Object) -> Note | None:
    text = ((found.get("metadata") or {}).get("annotations") or {}).get(NOTE)
    if not isinstance(text, str):
        return None
    try:
        return from_json(text.encode(), Note, what=NOTE, max_bytes=_MAX_NOTE_BYTES)
    except InvalidInputError:
        return None  # somebody's own words


def _image(found: Object, container: str) -> str:
    spec = ((found.get("spec") or {}).get("template") or {}).get("spec") or {}
    for key in _LISTS:
        for one in spec.get(key) or ():
            if one.get("name") == container:
                return str(one.get("image") or "")
    raise NotFoundError("has no such container any more", where=container)


def _with_image(found: Object, container: str, image: str) -> dict[str, Any]:
    """The whole list in which the container stands: a merge patch has no other way, and the version guards it."""
    spec = json.loads(json.dumps(found["spec"]["template"]["spec"]))
    for key in _LISTS:
        for one in spec.get(key) or ():
            if one.get("name") == container:
                one["image"] = image
                return {key: spec[key]}
    raise NotFoundError("has no such container any more", where=container)
