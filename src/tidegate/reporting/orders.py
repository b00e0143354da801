# SPDX-License-Identifier: Apache-2.0
"""Takes orders of the server: asks and waits, checks who signed, has them carried out, and says how it went."""

import logging
from threading import Event as Flag
from typing import Any, Final

from tidegate.clock import Clock, system_clock
from tidegate.errors import InvalidInputError, OutsideError, RefusedError, TidegateError
from tidegate.execution.order import Carrier, Outcome, read_order
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.signing.keys import TrustedKeys
from tidegate.values import Struct, msgspec

_log = logging.getLogger(__name__)
WAIT_SECONDS: Final = 25
_PAUSE_SECONDS: Final = 1.0


class _Ordered(Struct, frozen=True, kw_only=True):
    id: str
    envelope: msgspec.Raw


class _Orders(Struct, frozen=True, kw_only=True):
    orders: tuple[_Ordered, ...] = ()


class Orders:
    """Takes orders until it is stopped.

    Args:
        server: whose.
        node: this one's name.
        trusted: who signs them.
        carry: carries them out.
        clock: tells those whose time is over.
    """

    def __init__(
        self, server: RemoteServer, node: str, trusted: TrustedKeys, carry: Carrier, *, clock: Clock = system_clock
    ) -> None:
        self._server = server
        self._path = f"/nodes/{quoted(node)}/orders"
        self._node = node
        self._trusted = trusted
        self._carry = carry
        self._clock = clock

    def run(self, stop: Flag) -> None:
        """Asks again and again; a server that is away is asked again a second later."""
        while not stop.is_set():
            try:
                self.take(wait=WAIT_SECONDS)
            except TidegateError as error:
                _log.info("no orders are to be had: %s", error)
                stop.wait(_PAUSE_SECONDS)

    def take(self, *, wait: float = 0) -> int:
        """Takes what there is, or comes within `wait` seconds; returns how many.

        Raises:
            TidegateError: the server is away, or does not know this node yet.
        """
        found = self._server.ask("GET", self._path, _Orders, query={"wait": wait})
        for one in found.orders:
            outcome = self._carried_out(one)
            self._server.ask("POST", f"{self._path}/{quoted(one.id)}", dict[str, Any], body=outcome)
        return len(found.orders)

    def _carried_out(self, one: _Ordered) -> Outcome:
        try:
            order = read_order(bytes(one.envelope), self._trusted, node=self._node, at=self._clock())
        except (InvalidInputError, RefusedError) as error:
            _log.error("an order is not carried out: %s", error)
            return Outcome(done=False, what=f"not carried out: {error}"[:4000])
        if order.id != one.id:
            return Outcome(done=False, what="not carried out: an order under the id of another")
        try:
            return self._carry(order)
        except OutsideError as error:
            _log.error("an order is not carried out: %s", error)
            return Outcome(done=False, what=str(error)[:4000])
