# SPDX-License-Identifier: Apache-2.0
"""An order to a node's sensor: one step on one container, signed by the server, good for a short time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Final

from tidegate.artifact import Digest
from tidegate.clock import parse_rfc3339
from tidegate.errors import RefusedError
from tidegate.evidence import Statement, Subject
from tidegate.execution.response_policy import Step
from tidegate.signing.envelope import verify
from tidegate.signing.keys import TrustedKeys
from tidegate.trust.role import RESPONSE_ORDER
from tidegate.values import Struct, msgspec
from tidegate.wire import from_builtins, to_builtins

ORDER_LASTS: Final = timedelta(minutes=5)
_CLOCKS_DIFFER: Final = timedelta(minutes=2)

_Text = Annotated[str, msgspec.Meta(max_length=4096)]


class PodOf(Struct, frozen=True, kw_only=True):
    """The pod that a container is of, in its cluster.

    Attributes:
        uid: of the pod: another one of its name is not meant.
        host: the node it was placed on, as the cluster calls it.
    """

    namespace: Annotated[str, msgspec.Meta(max_length=253, min_length=1)]
    name: Annotated[str, msgspec.Meta(max_length=253, min_length=1)]
    uid: Annotated[str, msgspec.Meta(max_length=64, min_length=1)]
    host: Annotated[str, msgspec.Meta(max_length=253)] = ""


class Order(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is to be done.

    Attributes:
        id: 32 hexadecimal digits; carried out once.
        node: whose sensor is to do it, or which cluster's.
        container: its id.
        pod: of the container; only in orders to a cluster.
        undoes: the order that is taken back; "" for a step forward.
        incident: why, where there is one.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    node: _Text
    container: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    step: Step
    undoes: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{32})?$")] = ""
    incident: _Text = ""
    why: _Text = ""
    pod: PodOf | None = None
    issued_at: _Text
    expires_at: _Text


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of an order.

    Attributes:
        done: it was carried out.
        what: how, or why not.
    """

    done: bool
    what: Annotated[str, msgspec.Meta(max_length=4000)]


def to_statement(order: Order) -> Statement:
    """What the server signs: a statement about the container."""
    subject = Subject(name=f"container:{order.node}", digest=Digest(f"sha256:{order.container}"))
    return Statement(subjects=(subject,), predicate_type=RESPONSE_ORDER, predicate=to_builtins(order))


def read_order(envelope: bytes, trusted: TrustedKeys, *, node: str, at: datetime) -> Order:
    """The order of an envelope, for one node, now.

    Raises:
        InvalidInputError: it is no signed order.
        RefusedError: no trusted key signed it, it is for another node, or its time is over or has not begun.
    """
    statement = verify(envelope, trusted, where="order").statement
    if statement.predicate_type != RESPONSE_ORDER:
        raise RefusedError("a signed statement, but no order", where=statement.predicate_type[:100])
    order = from_builtins(statement.predicate, Order, what="order")
    if [one.digest for one in statement.subjects] != [f"sha256:{order.container}"]:
        raise RefusedError("an order about another container than its subject", where=order.id)
    if order.node != node:
        raise RefusedError("an order for another node", where=order.id)
    if at >= parse_rfc3339(order.expires_at):
        raise RefusedError("an order whose time is over", where=order.id)
    if at < parse_rfc3339(order.issued_at) - _CLOCKS_DIFFER:
        raise RefusedError("an order of the future", where=order.id, remedy="set the node's clock")
    return order


Carrier = Callable[[Order], Outcome]
"""Carries an order out; the same one again changes nothing."""
