# SPDX-License-Identifier: Apache-2.0
"""Vending from settings: for the server, and for one command over the same record."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tidegate.admission.gate import Gate
from tidegate.artifact import Reference
from tidegate.assembly.keeping import InForceTags, build_blobs, keeping_rules
from tidegate.assembly.local import Local, open_local
from tidegate.assembly.outward import build_outbound, build_registry_client
from tidegate.assembly.stores import open_blobs
from tidegate.clock import Clock, system_clock
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.tag_rules import ImmutableTags
from tidegate.curation.vending.carrying import Vending
from tidegate.curation.vending.catalogue import Catalogue
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.curation.vending.webhook_sender import WebhookSender
from tidegate.errors import UsageError
from tidegate.oci.push import Pusher
from tidegate.outbound import Outbound, OutboundOptions
from tidegate.outbound.reach import Opening, Reach
from tidegate.settings import Settings
from tidegate.storage.database import Database

_WEBHOOK_SECONDS: Final = 15.0


def build_vending(
    settings: Settings,
    *,
    database: Database,
    shelf: Shelf,
    blobs: ShelfBlobs,
    gate: Gate,
    tag_rules: ImmutableTags,
    clock: Clock,
) -> Vending:
    """Builds what promotes."""

    @contextmanager
    def pusher(reference: Reference) -> Iterator[Pusher]:
        with build_outbound(settings) as outbound:
            yield Pusher(build_registry_client(settings, outbound), reference)

    return Vending(
        database=database,
        shelf=shelf,
        blobs=blobs,
        gate=gate,
        pusher=pusher,
        tag_rules=tag_rules,
        registries=settings.curation.vend_to,
        clock=clock,
    )


def build_catalogue(settings: Settings) -> Catalogue:
    """Builds what reads the catalogue.

    Raises:
        UsageError: an owner is not written as `pattern=owner`.
    """
    return Catalogue(owner_lines(settings))


def owner_lines(settings: Settings) -> list[tuple[str, str]]:
    """Patterns of repository names and who owns what matches, as `curation.owners` has them.

    Raises:
        UsageError: an owner is not written as `pattern=owner`.
    """
    owners = []
    for line in settings.curation.owners:
        pattern, equals, owner = line.partition("=")
        if not pattern.strip() or not equals or not owner.strip():
            raise UsageError("no owner", where=line[:80], remedy="write team-a/*=team-a@example.com")
        owners.append((pattern.strip(), owner.strip()))
    return owners


def build_sender(settings: Settings, database: Database, key: WebhookKey, clock: Clock) -> WebhookSender:
    """Builds what calls receivers; it calls public addresses, and those the settings open."""
    said = settings.outbound
    openings = tuple(Opening.parse(text) for text in settings.curation.webhooks_may_reach)
    outbound = Outbound(
        OutboundOptions(
            connect_timeout_s=min(said.connect_timeout_s, _WEBHOOK_SECONDS),
            read_timeout_s=_WEBHOOK_SECONDS,
            total_timeout_s=_WEBHOOK_SECONDS,
            max_redirects=0,
            ca_file=said.ca_file,
            proxy=said.proxy,
            reach=Reach(openings=openings),
        )
    )
    return WebhookSender(database, outbound, key=key, source=settings.signing.verifier_id, clock=clock)


@contextmanager
def open_vending(settings: Settings, *, clock: Clock = system_clock) -> Iterator[tuple[Local, Vending]]:
    """Opens the record for one command that promotes.

    Raises:
        TidegateError: a key, a rule, a policy or the home folder is not usable.
    """
    with open_local(settings, clock=clock) as local:
        blobs = build_blobs(settings, local.database, open_blobs(settings, local.database), clock)
        rules = InForceTags(keeping_rules(settings, local.database))
        shelf = Shelf(local.database, blobs, clock, tag_rules=rules)
        yield (
            local,
            build_vending(
                settings,
                database=local.database,
                shelf=shelf,
                blobs=blobs,
                gate=local.gate,
                tag_rules=rules,
                clock=clock,
            ),
        )
