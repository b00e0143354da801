# SPDX-License-Identifier: Apache-2.0
"""Upkeep ordered from a server elsewhere: asked for at once, looked at until it has ended, however long that takes."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from tidegate.curation.keeping.orders import OrderState
from tidegate.errors import OutsideError
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.values import Struct
from tidegate.wire import from_builtins

T = TypeVar("T")
_LOOK_SECONDS: Final = 2
"""That the server waits for the end, each time: how far it is, is told as often."""
_PATIENCE_SECONDS: Final = 300.0
"""Without a word of it: a server may be started again meanwhile, or another replica take it up."""


class _Order(Struct, frozen=True, kw_only=True):
    id: str
    state: OrderState
    silent_seconds: float
    progress: str
    told: dict[str, Any] | None
    problem: str


def ordered(
    server: RemoteServer,
    path: str,
    type_: type[T],
    *,
    tell: Callable[[str], None],
    query: Mapping[str, object] | None = None,
    body: bytes | None = None,
) -> T:
    """Orders upkeep, tells how far it is, and returns what was done.

    Args:
        server: whose.
        path: of what is asked for.
        type_: what it tells in the end.
        tell: is told how far it is, in words.
        query: parameters.
        body: sent as YAML.

    Raises:
        OutsideError: it failed, or nothing was heard of it for five minutes.
        TidegateError: as `RemoteServer.ask`, when it is ordered.
    """
    order = server.ask("POST", path, _Order, query={**(query or {}), "wait": 0}, body=body)
    heard = time.monotonic()
    while order.state not in {OrderState.DONE, OrderState.FAILED}:
        if order.silent_seconds > _PATIENCE_SECONDS:
            raise _unheard(server)
        tell(order.progress or "waits for its turn")
        try:
            order = server.ask("GET", f"/upkeep/{quoted(order.id)}", _Order, query={"wait": _LOOK_SECONDS})
        except OutsideError as error:
            if time.monotonic() - heard > _PATIENCE_SECONDS:
                raise _unheard(server) from error
            tell(f"asks again: {error.what}")
            time.sleep(_LOOK_SECONDS)
        else:
            heard = time.monotonic()
    if order.state is OrderState.FAILED:
        raise OutsideError(order.problem, where=server.address)
    return from_builtins(order.told, type_, what=server.host)


def _unheard(server: RemoteServer) -> OutsideError:
    remedy = "ask again: it goes on where it was"
    return OutsideError("nothing was heard of what was asked for in five minutes", where=server.address, remedy=remedy)
