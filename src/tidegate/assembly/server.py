# SPDX-License-Identifier: Apache-2.0
"""The whole server from settings: what it is made of, and in which order it starts and stops."""

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event as Flag
from typing import Final

from tidegate.admission.gate import Gate
from tidegate.admission.remembered_restrictions import RememberedRestrictions
from tidegate.assembly.access import build_access
from tidegate.assembly.by_time import ByTime
from tidegate.assembly.capture_book import build_captures, build_scheduled, capture_tasks, order_task
from tidegate.assembly.encryption import Encryption, build_encryption
from tidegate.assembly.event_consumers import build_consumers
from tidegate.assembly.examiner import Examiner
from tidegate.assembly.execution import build_execution, build_verdicts
from tidegate.assembly.feedback import Feedback, build_feedback
from tidegate.assembly.flow_book import flow_tasks
from tidegate.assembly.gate import build_gate
from tidegate.assembly.home import Home
from tidegate.assembly.intake import TAKE_IN, TakingIn, build_taking_in
from tidegate.assembly.keeping import InForceTags, Keeping, build_blobs, build_keeping
from tidegate.assembly.knowledge import ensure_knowledge
from tidegate.assembly.ledger import build_publication
from tidegate.assembly.nats import Nats, build_nats
from tidegate.assembly.notes import note_signer
from tidegate.assembly.responding import Responding, build_responding
from tidegate.assembly.scanner import build_scanner
from tidegate.assembly.shared_keys import demand_same_keys
from tidegate.assembly.signing import shelf_signatures
from tidegate.assembly.stores import database_urls, open_blobs, open_database, replica_name
from tidegate.assembly.updating import Updating, build_updating
from tidegate.assembly.upkeep_orders import build_orders
from tidegate.assembly.vending import build_catalogue, build_sender, build_vending
from tidegate.clock import Clock, system_clock
from tidegate.curation.consumer_pulls import ConsumerPulls
from tidegate.curation.encryption.copy_job import CopyJob
from tidegate.curation.feedback.proof import Prover
from tidegate.curation.keeping.orders import UPKEEP, unfinished
from tidegate.curation.keeping.upkeep import UpkeepThread
from tidegate.curation.pulls import PullNotes
from tidegate.curation.rules_in_force import RuleWatch
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.vending.carrying import Vending
from tidegate.curation.vending.catalogue import Catalogue
from tidegate.curation.vending.delivery import Delivery
from tidegate.curation.vending.delivery_pool import DeliveryPool
from tidegate.curation.vending.hearing import Hearing
from tidegate.curation.vending.subscriber import Subscribers
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.curation.vending.webhook_sender import WebhookSender
from tidegate.curation.workflow import Curation
from tidegate.evidence.restriction import parse_zones
from tidegate.execution.admit import ExecutionGate
from tidegate.execution.captures import Captures
from tidegate.execution.scheduled_captures import ScheduledCaptures
from tidegate.execution.verdicts.issuing import VerdictIssue
from tidegate.identity import Access
from tidegate.identity.audit_writer import AuditWriter
from tidegate.identity.directory import Directory
from tidegate.identity.throttle import Throttle
from tidegate.identity.upkeep import IdentityUpkeep
from tidegate.ledger.note import NoteSigner
from tidegate.ledger.witnessed_publication import PublicationThread, Published
from tidegate.loops.new_knowledge import NewKnowledge
from tidegate.oversight.audit_anchor import AuditAnchoring
from tidegate.settings import Settings
from tidegate.storage.announcements import Announcements
from tidegate.storage.blobs import BlobStore
from tidegate.storage.carried import with_carried
from tidegate.storage.consumers import ConsumerThread
from tidegate.storage.database import Database
from tidegate.storage.durable import DurableOptions, DurableWork
from tidegate.storage.leases import Leases
from tidegate.storage.takeover import Takeover

_log = logging.getLogger(__name__)
_PROMOTIONS_AT_ONCE: Final = 2
_COPIES_AT_ONCE: Final = 1
_ORDERS_AT_ONCE: Final = 2
_LOOK_AT_QUEUES_SECONDS: Final = 1.0
"""For what other replicas put there."""
_LOOK_AT_OWN_QUEUES_SECONDS: Final = 5.0
"""Where there are no others."""
CURATE: Final = "curate"
VEND: Final = "vend"
ENCRYPT: Final = "encrypt"


@dataclass(slots=True, kw_only=True)
class Server:
    """Everything one server process holds. Doors read its parts; `start` and `stop` drive them."""

    settings: Settings
    home: Home
    clock: Clock
    database: Database
    store: BlobStore
    blobs: ShelfBlobs
    shelf: Shelf
    directory: Directory
    access: Access
    audit: AuditWriter
    identity_upkeep: IdentityUpkeep
    gate: Gate
    keeping: Keeping
    encryption: Encryption
    notes: NoteSigner
    publication: Published
    publishing: PublicationThread | None
    curation: Curation
    vending: Vending
    catalogue: Catalogue
    consumer_pulls: ConsumerPulls
    webhook_key: WebhookKey
    hearing: Hearing
    sender: WebhookSender
    deliveries: DeliveryPool
    feedback: Feedback
    execution: ExecutionGate
    verdicts: VerdictIssue
    captures: Captures
    scheduled: ScheduledCaptures
    responding: Responding
    updating: Updating
    knowledge: NewKnowledge
    durable: DurableWork
    leases: Leases
    announcements: Announcements
    consumers: tuple[ConsumerThread, ...]
    nats: Nats
    taking_in: TakingIn
    upkeep: UpkeepThread
    slow_upkeep: UpkeepThread
    by_time: ByTime
    rule_watch: RuleWatch
    _stopping: Flag = field(default_factory=Flag)

    def start(self) -> None:
        """Takes up what a kill left unfinished, then new work."""
        self.knowledge.open()  # what a kill left in flight goes on at once, and is examined by what is known
        self.durable.start()
        self.leases.start(Takeover(self.leases, self.durable))
        self.announcements.start()
        self.rule_watch.start()
        self.responding.watch.start()
        self.taking_in.start()
        self.knowledge.start()
        for consumer in self.consumers:
            consumer.start()
        for job in self.encryption.encrypting.unfinished():  # also what a kill left asked for, and nobody began
            self.encrypt(job)
        for number in self._unfinished_orders():
            self.keep(number)
        self.upkeep.start()
        self.consumer_pulls.start()
        self.sender.seal()
        self.deliveries.start()
        self.nats.start()
        self.feedback.courier.start()
        self.audit.start()
        self.slow_upkeep.start()
        if self.publishing is not None:
            self.publishing.start()
        self.identity_upkeep.start()
        self.by_time.start()

    @property
    def is_stopping(self) -> bool:
        """True once nobody is to wait for news any more."""
        return self._stopping.is_set()

    def end_waits(self) -> None:
        """Has those who wait for news go at once: the server is about to stop."""
        self._stopping.set()
        self.database.commits.notify()

    def stop(self) -> None:
        """Stops taking work; what is in flight goes on at the next start."""
        self._stopping.set()
        self.keeping.scrubber.stop()
        if self.publishing is not None:
            self.publishing.stop()
        self.identity_upkeep.stop()
        for consumer in self.consumers:
            consumer.stop()
        self.nats.stop()
        self.deliveries.stop()
        self.feedback.courier.stop()
        self.consumer_pulls.stop()
        self.upkeep.stop()
        self.slow_upkeep.stop()
        self.knowledge.stop()
        self.durable.stop()
        self.by_time.stop()
        self.rule_watch.stop()
        self.responding.watch.stop()
        self.taking_in.stop()
        self.announcements.stop()
        self.leases.stop()
        self.audit.stop()
        self.database.close()

    def submit(self, key: str, digest: str) -> None:
        """Asks for curation of a digest; the same key again changes nothing."""
        self.durable.submit(CURATE, key, with_carried(digest))

    def promote(self, key: str, number: str) -> None:
        """Asks for a promotion to another registry by its number; the same key again changes nothing."""
        self.durable.submit(VEND, key, number)

    def encrypt(self, job: CopyJob) -> None:
        """Asks for an encrypted copy that is on record; the same attempt again changes nothing."""
        self.durable.submit(ENCRYPT, f"{job.id}:{job.attempt}", job.id)

    def keep(self, order: str) -> None:
        """Asks for upkeep that was ordered, by its number; the same again changes nothing."""
        self.durable.submit(UPKEEP, order, order)

    def _unfinished_orders(self) -> list[str]:
        with self.database.read() as connection:
            return unfinished(connection)


def build_server(settings: Settings, *, clock: Clock = system_clock) -> Server:
    """Builds a server; nothing runs until `start`.

    Raises:
        TidegateError: a key, a policy, the knowledge file or the home folder is not usable.
    """
    home = Home(folder=settings.home)
    home.make()
    database = open_database(settings)
    store, leases = open_blobs(settings, database), Leases(database, replica_name(settings))
    blobs = build_blobs(settings, database, store, clock)
    observes = settings.curation.mode == "observe"
    if observes:
        _log.warning("curation.mode is observe: nothing is withheld, what would be is told")
    keeping = build_keeping(settings, database, store, blobs, clock)
    tag_rules = InForceTags(keeping.in_force)
    zones = parse_zones(settings.curation.zones)
    pulls, consumer_pulls = PullNotes(database, clock), ConsumerPulls(database, clock)
    shelf = Shelf(
        database,
        blobs,
        clock,
        observes=observes,
        zones=zones,
        tag_rules=tag_rules,
        pulls=pulls,
        consumers=consumer_pulls,
    )
    directory, throttle = Directory(database), Throttle(database, clock)
    gate = build_gate(settings)
    captures = build_captures(settings, database, gate, clock)
    scheduled = build_scheduled(settings, database, gate, clock)
    ensure_knowledge(settings, clock)

    def submit(key: str, digest: str) -> None:
        durable.submit(CURATE, key, with_carried(digest))

    examiner = Examiner(settings)

    knowledge = NewKnowledge(settings.db, database, clock)
    scanner = build_scanner(settings)
    curation = Curation(
        database=database,
        blobs=store,
        shelf=shelf,
        gate=gate,
        scan=scanner,
        report=examiner.report,
        remember=examiner.remember_shelved,
        knowledge=knowledge.current,
        clock=clock,
        artifact_types=settings.curation.artifacts,
        signatures=shelf_signatures(settings, f"{settings.server.host}:{settings.server.port}", clock),
    )
    taking_in = build_taking_in(
        settings,
        database=database,
        shelf=shelf,
        blobs=blobs,
        store=store,
        gate=gate,
        tag_rules=tag_rules,
        leases=leases,
        submit=lambda key, order: durable.submit(TAKE_IN, key, order),
        clock=clock,
    )
    vending = build_vending(
        settings, database=database, shelf=shelf, blobs=blobs, gate=gate, tag_rules=tag_rules, clock=clock
    )
    encryption = build_encryption(
        settings, database=database, blobs=blobs, shelf=shelf, gate=gate, tag_rules=tag_rules, clock=clock
    )
    urls = database_urls(settings)
    orders = build_orders(keeping)
    durable = DurableWork(
        DurableOptions(
            database_url=urls.work,
            look_seconds=_LOOK_AT_QUEUES_SECONDS if urls.is_shared else _LOOK_AT_OWN_QUEUES_SECONDS,
            executor_id=leases.holder,
            apart={
                TAKE_IN: settings.intake.workers,
                VEND: _PROMOTIONS_AT_ONCE,
                ENCRYPT: _COPIES_AT_ONCE,
                UPKEEP: _ORDERS_AT_ONCE,
            },
        ),
        {
            CURATE: curation.work,
            TAKE_IN: taking_in.intake.work,
            VEND: vending.work,
            ENCRYPT: encryption.encrypting.work,
            UPKEEP: orders.work,
        },
    )
    responding = build_responding(settings, database, gate, clock)
    consumers = build_consumers(
        database, shelf, store, submit, taking_in=taking_in, consumer_pulls=consumer_pulls, clock=clock
    )
    access = build_access(settings, directory, throttle, clock)
    hearing = Hearing(
        database, directory, access.permissions, RememberedRestrictions(database), zones=zones, clock=clock
    )
    notes = note_signer(settings)
    publication, publishing = build_publication(settings, database, notes, leases, clock)
    anchoring = AuditAnchoring(
        database,
        gate,
        clock,
        kept=timedelta(days=settings.identity.audit_days),
        every=timedelta(minutes=settings.identity.audit_anchor_minutes),
    )
    webhook_key = WebhookKey.load(settings.signing.webhook_key_file)
    demand_same_keys(settings, database, gate, notes, webhook_key, clock)
    sender = build_sender(settings, database, webhook_key, clock)
    subscribers = Subscribers(directory, access.permissions, lambda: access.lets_in_anybody, clock)
    execution = build_execution(settings, database, gate, clock)
    updating = build_updating(settings, database, gate, execution, clock)
    nats = build_nats(settings, database, clock)
    prover = Prover(database, gate, store, scanner, examiner.report, knowledge.current, clock)
    feedback = build_feedback(settings, database, gate, prover, webhook_key, leases, clock)
    consumers += (*responding.consumers, updating.newer.consumer(), *nats.consumers, *feedback.consumers)
    return Server(
        settings=settings,
        home=home,
        clock=clock,
        database=database,
        store=store,
        blobs=blobs,
        shelf=shelf,
        directory=directory,
        audit=AuditWriter(database, clock),
        access=access,
        identity_upkeep=IdentityUpkeep(database, directory, throttle, clock, keep_trail=anchoring.once),
        gate=gate,
        keeping=keeping,
        encryption=encryption,
        notes=notes,
        publication=publication,
        publishing=publishing,
        curation=curation,
        vending=vending,
        catalogue=build_catalogue(settings),
        consumer_pulls=consumer_pulls,
        webhook_key=webhook_key,
        hearing=hearing,
        sender=sender,
        deliveries=DeliveryPool(
            database, Delivery(database, sender, subscribers, hearing, clock=clock), directory, leases
        ),
        feedback=feedback,
        execution=execution,
        verdicts=build_verdicts(settings, execution),
        responding=responding,
        updating=updating,
        knowledge=knowledge,
        durable=durable,
        leases=leases,
        announcements=Announcements(database),
        consumers=tuple(ConsumerThread(database, consumer, leases) for consumer in consumers),
        nats=nats,
        taking_in=taking_in,
        upkeep=UpkeepThread(database, (*keeping.tasks(), order_task(scheduled)), clock, flush=pulls.flush),
        captures=captures,
        scheduled=scheduled,
        slow_upkeep=UpkeepThread(
            database, (*keeping.slow_tasks(), *capture_tasks(captures), *flow_tasks(settings, database, clock)), clock
        ),
        by_time=ByTime(database, leases, blobs.sweep, submit, updating.newer.look, clock),
        rule_watch=RuleWatch((keeping.in_force, taking_in.rules)),
    )
