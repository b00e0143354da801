# SPDX-License-Identifier: Apache-2.0
"""What takes images in, from settings: a client for each upstream, held to its reach and its pace."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event as Flag
from threading import Lock, Thread
from time import monotonic
from typing import Final

from tidegate.admission.gate import Gate
from tidegate.clock import Clock
from tidegate.curation.intake.fetching import BlobFetcher
from tidegate.curation.intake.file import load_bases, load_upstreams
from tidegate.curation.intake.preview import Preview
from tidegate.curation.intake.pull_through import PullThrough
from tidegate.curation.intake.taking_in import Intake
from tidegate.curation.intake.upstream import Upstream
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.tag_rules import TagRules
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

_log = logging.getLogger(__name__)
TAKE_IN: Final = "take-in"
_LEASE: Final = "watched upstreams"
_LOOK_EVERY_SECONDS: Final = 1.0
_FORGET_EVERY_SECONDS: Final = 3600.0


class UpstreamClients:
    """A client for each upstream, made when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._outbounds: dict[str, Outbound] = {}
        self._clients: dict[str, RegistryClient] = {}

    def of(self, upstream: Upstream) -> RegistryClient:
        """The client of an upstream.

        Raises:
            InvalidInputError: the file of credentials is broken.
        """
        with self._lock:
            if upstream.name not in self._clients:
                self._clients[upstream.name] = self._connect(upstream)
            return self._clients[upstream.name]

    def close(self) -> None:
        """Closes every connection."""
        with self._lock:
            for outbound in self._outbounds.values():
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
        outbound = Outbound(options, pace=Pace(rate_per_s=upstream.rate_per_s, burst=upstream.burst))
        self._outbounds[upstream.name] = outbound
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
    clients: UpstreamClients
    leases: Leases
    clock: Clock
    _stopping: Flag = field(default_factory=Flag)
    _thread: Thread | None = None

    def start(self) -> None:
        """Takes up what a kill left under way, then looks at watched names when their time comes."""
        take_up(self.database, self.intake)
        begin_watching(self.database, self.intake, also=[(one.repository, one.taken_as) for one in self.renewal.bases])
        self.renewal.begin()
        self._thread = Thread(target=self._watch, name="watched upstreams", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Looks no more, and closes every connection."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self.clients.close()

    def _watch(self) -> None:
        forget_at = 0.0
        while not self._stopping.wait(_LOOK_EVERY_SECONDS):
            with carrying_on(_log, "watched upstreams"):
                if self.leases.hold(_LEASE):
                    if monotonic() >= forget_at:
                        forget_names(self.database, self.clock)
                        forget_at = monotonic() + _FORGET_EVERY_SECONDS
                    look_at_watched(self.database, self.intake, self.clock)
                    ask_for_wanted(self.database, self.intake, self.clock)


def build_taking_in(
    settings: Settings,
    *,
    database: Database,
    shelf: Shelf,
    blobs: ShelfBlobs,
    store: BlobReads,
    tag_rules: TagRules,
    gate: Gate,
    leases: Leases,
    submit: Callable[[str, str], None],
    clock: Clock,
) -> TakingIn:
    """Builds what takes images in.

    Raises:
        TidegateError: the intake file is missing or wrong.
    """
    said, clients = settings.intake, UpstreamClients(settings)
    intake = Intake(
        database=database,
        shelf=shelf,
        fetcher=BlobFetcher(database, blobs),
        upstreams=load_upstreams(said.file),
        connect=clients.of,
        submit=submit,
        clock=clock,
        max_image_bytes=said.max_image_bytes,
        watch_every=timedelta(seconds=said.watch_every_s),
        tag_rules=tag_rules,
    )
    bases = load_bases(said.file)
    patience = timedelta(seconds=said.wait_s)
    return TakingIn(
        database=database,
        intake=intake,
        pull_through=PullThrough(database=database, intake=intake, clock=clock, patience=patience),
        preview=Preview(database, intake.upstreams, clients.of, clock, max_image_bytes=said.max_image_bytes),
        renewal=BaseRenewal(database, bases, intake, store, gate, tag_rules, clock),
        clients=clients,
        leases=leases,
        clock=clock,
    )
