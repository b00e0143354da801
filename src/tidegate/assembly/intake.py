# SPDX-License-Identifier: Apache-2.0
"""What takes images in, from settings: a client for each upstream, held to its reach and its pace."""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event as Flag
from threading import Lock, Thread
from time import monotonic
from typing import Final

from tidegate.admission.gate import Gate
from tidegate.clock import Clock
from tidegate.curation.intake.fetching import BlobFetcher
from tidegate.curation.intake.file import IntakeRules, load_intake, read_intake_file
from tidegate.curation.intake.preview import Preview
from tidegate.curation.intake.pull_through import PullThrough
from tidegate.curation.intake.taking_in import Intake
from tidegate.curation.intake.upstream import Upstream
from tidegate.curation.rule_sets import RuleKind
from tidegate.curation.rules_in_force import RulesInForce
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.tag_rules import ImmutableTags
from tidegate.loops.base_moved import BaseRenewal
from tidegate.loops.upstream_moved import begin_watching, forget_names, look_at_watched, take_up
from tidegate.loops.wanted_images import ask_for_wanted
from tidegate.oci.credentials import load_keyring
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Outbound, OutboundOptions, Pace, Reach
from tidegate.outbound.address import is_loopback, origin
from tidegate.settings import Settings
from tidegate.storage.blobs import BlobReads
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases
from tidegate.storage.rate_buckets import DatabaseBucket

_log = logging.getLogger(__name__)
TAKE_IN: Final = "take-in"
_LEASE: Final = "watched upstreams"
_LOOK_EVERY_SECONDS: Final = 1.0
_MAX_CONNECTED: Final = 1000
_FORGET_EVERY_SECONDS: Final = 3600.0


class UpstreamClients:
    """A client for each upstream, made when it is first needed, and anew when its rules changed.

    Args:
        settings: how to call outward.
        database: where replicas share one, they keep an upstream's pace together through it.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._lock = Lock()
        self._outbounds: deque[Outbound] = deque()
        self._clients: dict[str, tuple[Upstream, RegistryClient]] = {}

    def of(self, upstream: Upstream) -> RegistryClient:
        """The client of an upstream.

        Raises:
            InvalidInputError: the file of credentials is broken.
        """
        with self._lock:
            known = self._clients.get(upstream.name)
            if known is None or known[0] != upstream:
                known = self._clients[upstream.name] = upstream, self._connect(upstream)
            return known[1]

    def close(self) -> None:
        """Closes every connection."""
        with self._lock:
            for outbound in self._outbounds:
                outbound.close()
            self._outbounds.clear()
            self._clients.clear()

    def _connect(self, upstream: Upstream) -> RegistryClient:
        said = self._settings.outbound
        options = OutboundOptions(
            connect_timeout_s=said.connect_timeout_s,
            read_timeout_s=said.read_timeout_s,
            total_timeout_s=said.total_timeout_s,
            max_attempts=said.max_attempts,
            ca_file=said.ca_file,
            proxy=said.proxy,
            # This machine may be called without TLS anyway; elsewhere it also means that no certificate is checked.
            insecure=upstream.plain_http and not is_loopback(origin(upstream.base)[1]),
            reach=Reach(openings=upstream.openings),
            max_connections=upstream.connections,
        )
        bucket = None if self._database.is_sqlite else DatabaseBucket(self._database, f"upstream:{upstream.name}"[:128])
        pace = Pace(rate_per_s=upstream.rate_per_s, burst=upstream.burst, bucket=bucket)
        outbound = Outbound(options, pace=pace)
        # What was begun by older rules ends by them; only of many changes the oldest are cut off.
        self._outbounds.append(outbound)
        if len(self._outbounds) > _MAX_CONNECTED:
            self._outbounds.popleft().close()
        keyring = load_keyring(said.credentials_file) if said.credentials_file else None
        return RegistryClient(
            outbound,
            keyring=keyring,
            token_servers=upstream.trusted_token_servers,
            bases={upstream.registry: upstream.base},
        )


@dataclass(slots=True, kw_only=True)
class TakingIn:
    """Everything that takes images in, and what looks at watched names while it runs."""

    database: Database
    intake: Intake
    pull_through: PullThrough
    preview: Preview
    renewal: BaseRenewal
    rules: RulesInForce[IntakeRules]
    clients: UpstreamClients
    leases: Leases
    clock: Clock
    _stopping: Flag = field(default_factory=Flag)
    _thread: Thread | None = None
    _begun: IntakeRules | None = None

    def start(self) -> None:
        """Takes up what a kill left under way, then looks at watched names when their time comes."""
        take_up(self.database, self.intake)
        self._begun = self._begin()
        self._thread = Thread(target=self._watch, name="watched upstreams", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Looks no more, and closes every connection."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self.clients.close()

    def _begin(self) -> IntakeRules:
        """Has watched what the rules in force say, and nothing else; tells by which rules."""
        rules = self.rules.now
        begin_watching(self.database, self.intake, also=[(one.repository, one.taken_as) for one in rules.bases])
        self.renewal.begin()
        return rules

    def _watch(self) -> None:
        forget_at = 0.0
        while not self._stopping.wait(_LOOK_EVERY_SECONDS):
            with carrying_on(_log, "watched upstreams"):
                if self.leases.hold(_LEASE):
                    if monotonic() >= forget_at:
                        forget_names(self.database, self.clock)
                        forget_at = monotonic() + _FORGET_EVERY_SECONDS
                    if self._begun is not self.rules.now:
                        self._begun = self._begin()
                    look_at_watched(self.database, self.intake, self.clock)
                    ask_for_wanted(self.database, self.intake, self.clock)


def intake_rules(settings: Settings, database: Database) -> RulesInForce[IntakeRules]:
    """What may be taken in: the intake file, with the sets of the database over it.

    Raises:
        TidegateError: the file or a set is wrong.
    """
    said = settings.intake
    document = read_intake_file(said.file)

    def combine(sets: Mapping[str, str]) -> IntakeRules:
        return load_intake(document, sets, where=str(said.file), openable=said.rules_may_open)

    return RulesInForce(database, RuleKind.INTAKE, combine)


def build_taking_in(
    settings: Settings,
    *,
    database: Database,
    shelf: Shelf,
    blobs: ShelfBlobs,
    store: BlobReads,
    tag_rules: ImmutableTags,
    gate: Gate,
    leases: Leases,
    submit: Callable[[str, str], None],
    clock: Clock,
) -> TakingIn:
    """Builds what takes images in.

    Raises:
        TidegateError: the intake file is missing or wrong.
    """
    said, clients, rules = settings.intake, UpstreamClients(settings, database), intake_rules(settings, database)
    intake = Intake(
        database=database,
        shelf=shelf,
        fetcher=BlobFetcher(database, blobs),
        upstreams=lambda: rules.now.upstreams,
        connect=clients.of,
        submit=submit,
        clock=clock,
        max_image_bytes=said.max_image_bytes,
        watch_every=timedelta(seconds=said.watch_every_s),
        tag_rules=tag_rules,
    )
    patience = timedelta(seconds=said.wait_s)
    return TakingIn(
        database=database,
        intake=intake,
        pull_through=PullThrough(database=database, intake=intake, clock=clock, patience=patience),
        preview=Preview(database, lambda: rules.now.upstreams, clients.of, clock, max_image_bytes=said.max_image_bytes),
        renewal=BaseRenewal(database, lambda: rules.now.bases, intake, store, gate, tag_rules, clock),
        rules=rules,
        clients=clients,
        leases=leases,
        clock=clock,
    )
