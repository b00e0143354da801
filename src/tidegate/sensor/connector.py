# SPDX-License-Identifier: Apache-2.0
"""The kernel's word on processes: the proc connector (netlink, `linux/cn_proc.h`), of the whole node.

It tells of what happened already: nothing waits for an answer. What comes faster than it is read is lost, and told.
"""

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, Self

from tidegate.errors import OutsideError
from tidegate.values import Struct

_NETLINK_CONNECTOR: Final = 11
_CN_IDX_PROC: Final = 1
_CN_VAL_PROC: Final = 1
_MCAST_LISTEN: Final = 1
_NLMSG_DONE: Final = 3
_HEADER: Final = struct.Struct("=IHHII")
_MESSAGE: Final = struct.Struct("=IIIIHH")
_EVENT: Final = struct.Struct("=IIQ")
_TWO: Final = struct.Struct("=ii")
_FOUR: Final = struct.Struct("=iiII")
_SO_ATTACH_FILTER: Final = 26
_INSTRUCTION: Final = struct.Struct("=HBBI")
_PROGRAM: Final = struct.Struct("@HP")
_LOAD_WORD: Final = 0x20
_JUMP_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_BUFFER_BYTES: Final = 4 << 20
_READ_BYTES: Final = 8192


class Happened(IntEnum):
    """What a process did."""

    EXECUTED = 0x2
    USER_CHANGED = 0x4


class ProcessEvent(Struct, frozen=True, kw_only=True):
    """One of them.

    Attributes:
        pid: of the process.
        real, effective: users of USER_CHANGED; -1 otherwise.
    """

    happened: Happened
    pid: int
    real: int = -1
    effective: int = -1


class Connector:
    """Hears of all processes of the node.

    Raises:
        OutsideError: the kernel does not tell (it needs CAP_NET_ADMIN in the node's own network).
    """

    def __init__(self) -> None:
        try:
            self._socket = socket.socket(
                socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, _NETLINK_CONNECTOR
            )
        except OSError as error:
            raise _failed(error) from error
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self._take_only_what_is_read()
            self._socket.bind((0, _CN_IDX_PROC))
            word = struct.pack("=I", _MCAST_LISTEN)
            message = _MESSAGE.pack(_CN_IDX_PROC, _CN_VAL_PROC, 0, 0, len(word), 0) + word
            header = _HEADER.pack(_HEADER.size + len(message), _NLMSG_DONE, 0, 0, os.getpid())
            self._socket.send(header + message)
        except OSError as error:
            self._socket.close()
            raise _failed(error) from error
        self.lost = 0

    def _take_only_what_is_read(self) -> None:
        """Has the kernel keep the rest to itself (classic BPF): forks and ends would wake this process for nothing."""
        wanted = [socket.htonl(what) for what in Happened]  # the filter loads in the order of networks
        instructions = [_INSTRUCTION.pack(_LOAD_WORD, 0, 0, _HEADER.size + _MESSAGE.size)]
        for left, what in zip(range(len(wanted), 0, -1), wanted, strict=True):
            instructions.append(_INSTRUCTION.pack(_JUMP_EQUAL, left, 0, what))
        instructions += [_INSTRUCTION.pack(_RETURN, 0, 0, size) for size in (0, _READ_BYTES)]
        code = ctypes.create_string_buffer(b"".join(instructions))
        program = _PROGRAM.pack(len(instructions), ctypes.addressof(code))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)

    def fileno(self) -> int:
        """For waiting until there are events."""
        return self._socket.fileno()

    def events(self) -> Iterator[ProcessEvent]:
        """What happened since; `lost` grows each time the kernel had to drop some."""
        while True:
            try:
                data, sender = self._socket.recvfrom(_READ_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    self.lost += 1
                    continue
                raise
            if sender[0] == 0:  # of the kernel itself, not of a process that talks like it
                found = parse_event(data)
                if found is not None:
                    yield found

    def close(self) -> None:
        """Hears no more."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def parse_event(data: bytes) -> ProcessEvent | None:
    """One message of the kernel; None for what is not asked for, or is cut off."""
    at = _HEADER.size + _MESSAGE.size
    if len(data) < at + _EVENT.size + _TWO.size:
        return None
    what, _, _ = _EVENT.unpack_from(data, at)
    at += _EVENT.size
    pid, group = _TWO.unpack_from(data, at)
    if what == Happened.EXECUTED:
        return ProcessEvent(happened=Happened.EXECUTED, pid=group)
    if what == Happened.USER_CHANGED and len(data) >= at + _FOUR.size:
        _, _, real, effective = _FOUR.unpack_from(data, at)
        return ProcessEvent(happened=Happened.USER_CHANGED, pid=pid, real=real, effective=effective)
    return None


def _failed(error: OSError) -> OutsideError:
    return OutsideError(f"the kernel tells nothing of processes: {error.strerror}", where="proc connector")
