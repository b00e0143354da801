# SPDX-License-Identifier: Apache-2.0
"""What answers for nodes and their sensors, from settings."""

from dataclasses import dataclass
from datetime import timedelta

from tidegate.admission.gate import Gate
from tidegate.assembly.sensor import response_policy
from tidegate.clock import Clock
from tidegate.execution.drift_rules import Mode
from tidegate.execution.node_watch import NodeWatch
from tidegate.execution.response_policy import ResponsePolicy
from tidegate.execution.rogue import RogueOptions
from tidegate.loops.drift_seen import respond_to_drift
from tidegate.loops.response_ordered import take_own_steps
from tidegate.loops.rogue_running import tell_of_rogues_decided
from tidegate.settings import Settings
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Responding:
    """The policy of response, what is made of rogues, who looks for silent nodes, and what answers events."""

    policy: ResponsePolicy
    rogues: RogueOptions
    watch: NodeWatch
    consumers: tuple[Consumer, ...]


def build_responding(settings: Settings, database: Database, gate: Gate, clock: Clock) -> Responding:
    """Builds it; nothing runs until `watch` is started.

    Raises:
        TidegateError: the policy is missing or wrong.
    """
    policy, said = response_policy(settings), settings.execution
    rogues = RogueOptions(mode=Mode(said.rogue_mode), exempt=frozenset(said.rogue_exempt_namespaces))
    return Responding(
        policy=policy,
        rogues=rogues,
        watch=NodeWatch(database, timedelta(seconds=settings.execution.node_silent_s), clock),
        consumers=(
            tell_of_rogues_decided(database, rogues, clock),
            respond_to_drift(database, gate, policy, clock),
            take_own_steps(database, gate, clock),
        ),
    )
