# SPDX-License-Identifier: Apache-2.0
"""What a server does when somebody orders upkeep, by kind."""

from collections.abc import Callable

from tidegate.assembly.keeping import Keeping
from tidegate.curation.keeping.orders import Order, OrderKind, Orders, Tell
from tidegate.curation.keeping.rule_file import load_keeping_rules
from tidegate.curation.keeping.scrub import Scrubbed


def build_orders(keeping: Keeping) -> Orders:
    """Does what is ordered with the means of a server; who ordered it stands in the record of the run."""

    def collect(order: Order, tell: Tell) -> object:
        return keeping.collect(who=order.who, progress=of_many(tell))

    def retain(order: Order, tell: Tell) -> object:
        return keeping.retain(who=order.who, progress=of_many(tell))

    def plan(order: Order, tell: Tell) -> object:
        rules = load_keeping_rules({"request": order.argument}) if order.argument else keeping.rules
        return keeping.retention.plan(rules.retention, progress=of_many(tell))

    def scrub(order: Order, tell: Tell) -> Scrubbed:
        return keeping.scrub(
            who=order.who,
            seconds=float(order.argument) or None,
            progress=lambda part, count, read: tell(scrub_progress(part, count, read)),
        )

    acts = {OrderKind.GC: collect, OrderKind.RETENTION: retain, OrderKind.PLAN: plan, OrderKind.SCRUB: scrub}
    return Orders(keeping.database, acts, keeping.clock)


def scrub_progress(part: str, count: int, read_bytes: int) -> str:
    """How far a scrub is, in words."""
    return f"{part}: {count}, {read_bytes >> 20} MiB read"


def of_many(tell: Tell) -> Callable[[str, int, int], None]:
    """Tells in words how many of how many are done."""
    return lambda what, done, total: tell(f"{what} {done} of {total}")
