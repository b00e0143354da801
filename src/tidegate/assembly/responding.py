# SPDX-License-Identifier: Apache-2.0
"""What answers for nodes and their sensors, from settings."""

from dataclasses import dataclass
from datetime import timedelta

from tidegate.admission.gate import Gate
from tidegate.assembly.sensor import response_policy
from tidegate.clock import Clock
from tidegate.execution.node_watch import NodeWatch
from tidegate.execution.response_policy import ResponsePolicy
from tidegate.loops.drift_seen import respond_to_drift
from tidegate.loops.recalled_running import tell_of_running_recalled
from tidegate.loops.response_ordered import take_own_steps
from tidegate.settings import Settings
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Responding:
    """The policy of response, who looks for silent nodes, and what answers events."""

    policy: ResponsePolicy
    watch: NodeWatch
    consumers: tuple[Consumer, ...]


def build_responding(settings: Settings, database: Database, gate: Gate, clock: Clock) -> Responding:
    """Builds it; nothing runs until `watch` is started.

    Raises:
        TidegateError: the policy is missing or wrong.
    """
    policy = response_policy(settings)
    return Responding(
        policy=policy,
        watch=NodeWatch(database, timedelta(seconds=settings.execution.node_silent_s), clock),
        consumers=(
            tell_of_running_recalled(database, clock),
            respond_to_drift(database, gate, policy, clock),
            take_own_steps(database, gate, clock),
        ),
    )
