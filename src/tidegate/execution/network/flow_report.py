# SPDX-License-Identifier: Apache-2.0
"""Connections as a node's sensor counts them: which container talked to which address, at which port. Values."""

from collections.abc import Mapping
from typing import Annotated, Final

from tidegate.execution.network.endpoint import Protocol
from tidegate.values import Struct, msgspec

MAX_FLOWS: Final = 1000
"""In one report; the others wait for the next."""
MAX_ADDRESSES: Final = 16
"""Of one container."""
_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_Address = Annotated[str, msgspec.Meta(max_length=45)]


class CountedFlow(Struct, frozen=True, kw_only=True):
    """Connections of one container with one address.

    Attributes:
        container: its id; of a pod any of its containers, which share a network.
        inward: the address connected to the container; false when the container connected to it.
        port: of whoever was connected to.
        count: how many there were since they were told last.
    """

    container: _Id
    inward: bool
    address: _Address
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    protocol: Protocol = Protocol.TCP
    count: Annotated[int, msgspec.Meta(ge=1, le=1 << 40)] = 1


class FlowReport(Struct, frozen=True, kw_only=True):
    """What was counted since the report before.

    Attributes:
        id: 32 hexadecimal digits, the same however often it is sent.
        addresses: a container's own, by its id.
        lost: connections that were not counted, since there were too many different ones.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    flows: Annotated[tuple[CountedFlow, ...], msgspec.Meta(max_length=MAX_FLOWS)] = ()
    addresses: Annotated[
        Mapping[_Id, Annotated[tuple[_Address, ...], msgspec.Meta(max_length=MAX_ADDRESSES)]],
        msgspec.Meta(max_length=MAX_FLOWS),
    ] = {}
    lost: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)] = 0
