# SPDX-License-Identifier: Apache-2.0
"""What a server does when it hears of an event: every consumer, in the order they are started."""

from collections.abc import Callable

from tidegate.assembly.intake import TakingIn
from tidegate.clock import Clock
from tidegate.curation.consumer_pulls import ConsumerPulls
from tidegate.curation.shelf import Shelf
from tidegate.loops.attached import judge_when_attached
from tidegate.loops.base_moved import remember_chains
from tidegate.loops.child_judged import judge_parents
from tidegate.loops.key_revoked import judge_when_revoked
from tidegate.loops.plain_judged import judge_copies
from tidegate.loops.pushed import judge_when_pushed
from tidegate.loops.recalled import name_exposed_workloads
from tidegate.loops.state_statements import hang_state_statements
from tidegate.loops.subscribers import end_for_the_removed, note_for_subscribers, tell_who_pulled
from tidegate.loops.tide_ending import reopen_tides
from tidegate.loops.tide_rising import judge_what_rises
from tidegate.loops.upstream_moved import follow_when_admitted
from tidegate.storage.blobs import BlobStore
from tidegate.storage.consumers import BatchConsumer, Consumer
from tidegate.storage.database import Database


def build_consumers(
    database: Database,
    shelf: Shelf,
    store: BlobStore,
    submit: Callable[[str, str], None],
    *,
    taking_in: TakingIn,
    consumer_pulls: ConsumerPulls,
    clock: Clock,
) -> tuple[Consumer | BatchConsumer, ...]:
    """All of them; `submit` orders the judgement of a digest under a key."""
    return (
        follow_when_admitted(taking_in.intake),
        remember_chains(database, store),
        taking_in.renewal.consumer(),
        judge_when_pushed(submit),
        judge_parents(database, submit, clock),
        judge_copies(database, submit, clock),
        judge_when_attached(database, submit),
        judge_when_revoked(database, submit, clock),
        judge_what_rises(database, submit),
        reopen_tides(database, clock),
        name_exposed_workloads(database, clock),
        note_for_subscribers(database, clock),
        tell_who_pulled(database, consumer_pulls, clock),
        end_for_the_removed(database),
        hang_state_statements(database, shelf),
    )
