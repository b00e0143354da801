# SPDX-License-Identifier: Apache-2.0
"""An internal base is renewed: the old version deprecated, and whoever built upon it told which images and workloads.

Of a base that is built outside, the builder hears `curation.base.build_wanted` and pushes to the tag named there; once
that is admitted, and really is built upon what was asked for, it is the current version.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from tidegate.admission.gate import Gate
from tidegate.artifact import Digest, Tag
from tidegate.clock import Clock
from tidegate.curation import tags
from tidegate.curation.attachments import holds
from tidegate.curation.change import Act, Wish, change_state, own_children
from tidegate.curation.image_chains import BuiltUpon, built_upon, is_built_upon, remember_chain
from tidegate.curation.intake.entry import find_entry
from tidegate.curation.intake.internal_base import (
    BUILDING,
    CURRENT,
    REPLACED,
    BaseVersion,
    InternalBase,
    add_version,
    hold_base,
    set_state,
    version_being_built,
    versions_of,
)
from tidegate.curation.intake.taking_in import Intake
from tidegate.curation.lifecycle import VENDED, State
from tidegate.curation.states import hold, state_of
from tidegate.curation.tag_rules import ImmutableTags
from tidegate.errors import RefusedError
from tidegate.events import Event, EventKind
from tidegate.execution.placements import running
from tidegate.storage.blobs import BlobReads
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database
from tidegate.storage.outbox import publish

_log = logging.getLogger(__name__)
WHO: Final = "tidegate/bases"
_MAX_TOLD: Final = 200


def remember_chains(database: Database, blobs: BlobReads) -> Consumer:
    """A consumer that records of every judged image which layers it has lowest."""

    def handle(event: Event, offset: int) -> None:
        del offset
        with database.begin() as connection:
            remember_chain(connection, blobs, Digest(event.subject))

    kinds = frozenset({EventKind.IMAGE_ADMITTED, EventKind.IMAGE_REJECTED})
    return Consumer(name="loops.image_chains", kinds=kinds, handle=handle)


class BaseRenewal:
    """Renews bases.

    Args:
        bases: gives those in force.
        gate: signs the deprecation of the version before.
    """

    def __init__(
        self,
        database: Database,
        bases: Callable[[], Sequence[InternalBase]],
        intake: Intake,
        blobs: BlobReads,
        gate: Gate,
        tag_rules: ImmutableTags,
        clock: Clock,
    ) -> None:
        self._bases = bases
        self._database = database
        self._intake = intake
        self._blobs = blobs
        self._gate = gate
        self._tag_rules = tag_rules
        self._clock = clock

    @property
    def bases(self) -> tuple[InternalBase, ...]:
        """Those in force now."""
        return tuple(self._bases())

    def begin(self) -> None:
        """Asks for the bases of the intake file, and has them watched."""
        for base in self.bases:
            found = self._intake.upstreams.source_of(base.source)
            if found is None:
                _log.warning("base %s: no upstream brings %s", base.name, base.source)
                continue
            with self._database.read() as connection:
                entry = find_entry(connection, base.repository, base.taken_as)
            if entry is None or not entry.watched:
                self._intake.ask(found[0], base.repository, base.taken_as, source=base.source, who=WHO, watched=True)

    def consumer(self) -> Consumer:
        """A consumer that renews the bases an admitted image is a version of."""
        kinds = frozenset({EventKind.IMAGE_ADMITTED, EventKind.INTAKE_ARRIVED, EventKind.UPSTREAM_MOVED})

        def handle(event: Event, offset: int) -> None:
            del offset
            digest = Digest(str(event.data.get("digest") or event.data["after"]))
            with self._database.read() as connection:
                if state_of(connection, digest) not in VENDED:
                    return
            for base in self.bases:  # each by itself, so that no transaction holds what belongs to two
                with self._database.begin() as connection:
                    self._admitted(connection, base, digest)

        return Consumer(name="loops.base_moved", kinds=kinds, handle=handle)

    def _admitted(self, connection: Connection, base: InternalBase, digest: Digest) -> None:
        hold_base(connection, base.name)
        # What is changed below is held first, all of it (`tidegate.storage.lock_order`).
        before = next((one for one in versions_of(connection, base.name) if one.state == CURRENT), None)
        touched = {digest, *([Digest(before.digest)] if before else [])}
        hold(connection, {one for held in touched for one in (held, *own_children(connection, held))})
        if state_of(connection, digest) not in VENDED:
            return
        if self._is_meant(connection, base, digest):
            state = BUILDING if base.is_built else CURRENT
            version = add_version(connection, base, digest, state=state, at=self._clock())
            if version is not None and base.is_built:
                self._want(connection, base, version)
            elif version is not None:
                self._renew(connection, base, version, digest)
        built = version_being_built(connection, set(tags.tags_of(connection, digest)))
        if built is None or built.base != base.name:
            return
        remember_chain(connection, self._blobs, digest)
        if is_built_upon(connection, digest, Digest(built.upstream_digest)):
            self._renew(connection, base, built, digest)
        else:
            _log.warning("base %s: %s is not built upon %s", built.base, digest, built.upstream_digest)

    def _is_meant(self, connection: Connection, base: InternalBase, digest: Digest) -> bool:
        entry = find_entry(connection, base.repository, base.taken_as)
        return entry is not None and entry.digest == digest and holds(connection, base.repository, digest)

    def _want(self, connection: Connection, base: InternalBase, version: BaseVersion) -> None:
        data = {
            "base": base.name,
            "owner": base.owner,
            "from": f"{base.repository}@{version.upstream_digest}",
            "push_to": f"{version.repository}:{version.tag}",
        }
        self._tell(connection, EventKind.BASE_BUILD_WANTED, version, data)

    def _renew(self, connection: Connection, base: InternalBase, version: BaseVersion, digest: Digest) -> None:
        remember_chain(connection, self._blobs, digest)
        set_state(connection, version, CURRENT, digest=digest)
        at = self._clock()
        if state_of(connection, digest) is State.DEPRECATED:  # the upstream went back to it
            wish = Wish(act=Act.RELEASE, reason=f"the base {base.name} means it again", who=WHO)
            change_state(connection, self._gate, digest, wish, at=at)
        before = next(
            (one for one in versions_of(connection, base.name) if one.state == CURRENT and one.number < version.number),
            None,
        )
        if before is not None:
            self._replace(connection, base, before, version, digest)
        for tag in sorted((Tag(version.tag), base.tag)):
            try:
                tags.point(connection, base.repository, tag, digest, who=WHO, at=at, rules=self._tag_rules)
            except RefusedError as error:
                _log.warning("base %s: %s", base.name, error)

    def _replace(
        self, connection: Connection, base: InternalBase, before: BaseVersion, version: BaseVersion, digest: Digest
    ) -> None:
        set_state(connection, before, REPLACED, digest=before.digest)
        old = Digest(before.digest)
        replacement = f"{version.repository}:{version.tag}@{digest}"
        if state_of(connection, old) in VENDED and old != digest:
            wish = Wish(
                act=Act.DEPRECATE,
                reason=f"the base {base.name} moved: build upon {replacement}"[:1000],
                who=WHO,
                replacement=replacement,
            )
            change_state(connection, self._gate, old, wish, at=self._clock())
        self._tell(connection, EventKind.BASE_MOVED, version, self._moved(connection, base, old, replacement))

    def _moved(self, connection: Connection, base: InternalBase, old: Digest, replacement: str) -> dict[str, Any]:
        images = built_upon(connection, old)
        return {
            "base": base.name,
            "owner": base.owner,
            "before": old,
            "after": replacement,
            "images": [_told(one) for one in images[:_MAX_TOLD]],
            "images_in_all": len(images),
            "owners": sorted({owner for one in images for owner in (*one.pushers, *_owners(connection, one))}),
        }

    def _tell(self, connection: Connection, kind: EventKind, version: BaseVersion, data: dict[str, Any]) -> None:
        own = hashlib.sha256(f"{kind} {version.base} {version.number}".encode()).hexdigest()
        subject = f"{version.repository}:{version.tag}"
        publish(connection, Event(id=own, kind=kind, subject=subject, time=self._clock(), data=data))


def _told(one: BuiltUpon) -> dict[str, Any]:
    return {"digest": one.digest, "repositories": list(one.repositories), "pushers": list(one.pushers)}


def _owners(connection: Connection, one: BuiltUpon) -> list[str]:
    """Who answers for the workloads an image runs in."""
    return [placement.owner for placement in running(connection, one.digest) if placement.owner]
