# SPDX-License-Identifier: Apache-2.0
"""Load for a registry, from a process of its own: as many connections as asked for, each of them always busy.

    python -m bench.registry_load pull HOST:PORT CONNECTIONS COUNT BYTES SEED DISTINCT
    python -m bench.registry_load push HOST:PORT CONNECTIONS COUNT BYTES SEED DISTINCT

The client must not be what is measured: one thread waits for all sockets, what is pushed goes out by `sendfile`, and
what is pulled is dropped by the kernel (`MSG_TRUNC`), so that no byte passes through Python. Prints one JSON object:
`seconds` from the first request to the last answer, `bytes` moved, `cpu` seconds of this process meanwhile.
"""

import hashlib
import json
import os
import random
import selectors
import socket
import sys
import time
from collections.abc import Generator
from typing import Final
from urllib.parse import urlsplit

REPOSITORY: Final = "bench/blobs"
_PIECE: Final = 1 << 20
_NUMBER_BYTES: Final = 8
_PATIENCE_SECONDS: Final = 120
Flow = Generator[int, None, None]
"""Work of one connection; it yields what it waits for (`selectors.EVENT_READ` or `EVENT_WRITE`)."""


class Blobs:
    """Blobs of one size that differ in their last eight bytes alone: hashed and held once, however many they are."""

    def __init__(self, size: int, seed: int) -> None:
        body = random.Random(seed).randbytes(size - _NUMBER_BYTES)
        self.size = size
        self.file = os.memfd_create("body")
        with open(self.file, "wb", closefd=False) as file:
            file.write(body)
        self._hash = hashlib.sha256(body)

    def nth(self, number: int) -> tuple[bytes, str]:
        """The last bytes of a blob, and its digest."""
        end = number.to_bytes(_NUMBER_BYTES, "big")
        own = self._hash.copy()
        own.update(end)
        return end, f"sha256:{own.hexdigest()}"


class Connection:
    """One kept-alive connection."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=_PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(0)
        self._address = address
        self._dropped = bytearray(_PIECE)

    def pull(self, digest: str, size: int) -> Flow:
        """Fetches one blob."""
        yield from self._send_head("GET", f"/v2/{REPOSITORY}/blobs/{digest}", 0)
        status, _, length = yield from self._answer()
        assert (status, length) == (200, size), (status, length)

    def push(self, blobs: Blobs, end: bytes, digest: str) -> Flow:
        """Uploads one blob by POST and PUT, as containerd does."""
        yield from self._send_head("POST", f"/v2/{REPOSITORY}/blobs/uploads/", 0)
        status, headers, _ = yield from self._answer()
        assert status == 202, status
        location = urlsplit(headers["location"])
        query = f"{location.query}&digest={digest}" if location.query else f"digest={digest}"
        yield from self._send_head("PUT", f"{location.path}?{query}", blobs.size)
        sent, most = 0, blobs.size - len(end)
        while sent < most:
            try:
                sent += os.sendfile(self.socket.fileno(), blobs.file, sent, most - sent)
            except BlockingIOError:
                yield selectors.EVENT_WRITE
        yield from self._send(end)
        status, _, _ = yield from self._answer()
        assert status == 201, status

    def _send_head(self, method: str, target: str, length: int) -> Flow:
        head = f"{method} {target} HTTP/1.1\r\nHost: {self._address}\r\nContent-Length: {length}\r\n\r\n"
        yield from self._send(head.encode(), socket.MSG_MORE if length else 0)

    def _send(self, data: bytes, flags: int = 0) -> Flow:
        while data:
            try:
                data = data[self.socket.send(data, flags) :]
            except BlockingIOError:
                yield selectors.EVENT_WRITE

    def _answer(self) -> Generator[int, None, tuple[int, dict[str, str], int]]:
        taken = b""
        while b"\r\n\r\n" not in taken:
            yield selectors.EVENT_READ
            taken += self.socket.recv(4096)
            assert taken, "closed by the server"
        head, _, rest = taken.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        left = length - len(rest)
        while left > 0:
            yield selectors.EVENT_READ
            count = self.socket.recv_into(self._dropped, min(left, _PIECE), socket.MSG_TRUNC)
            assert count, "closed by the server"
            left -= count
        return int(first.split()[1]), headers, length


def run(act: str, address: str, connections: int, count: int, size: int, seed: int, distinct: int) -> dict[str, float]:
    """Moves `count` blobs of `size` bytes over `connections` connections, `distinct` of them in turn."""
    blobs = Blobs(size, seed)
    names = [blobs.nth(number) for number in range(distinct)]
    numbers = iter(range(count))

    def flow(connection: Connection) -> Flow:
        for number in numbers:
            end, digest = names[number % distinct]
            yield from connection.pull(digest, size) if act == "pull" else connection.push(blobs, end, digest)

    opened = [Connection(address) for _ in range(connections)]
    began, cpu = time.perf_counter(), time.process_time()
    _run_all([(connection.socket, flow(connection)) for connection in opened])
    return {
        "seconds": time.perf_counter() - began,
        "bytes": count * size,
        "cpu": time.process_time() - cpu,
    }


def _run_all(flows: list[tuple[socket.socket, Flow]]) -> None:
    with selectors.EpollSelector() as selector:
        for open_socket, flow in flows:
            wanted = next(flow, None)
            if wanted is not None:
                selector.register(open_socket, wanted, flow)
        while selector.get_map():
            ready = selector.select(_PATIENCE_SECONDS)
            assert ready, "the server is silent"
            for key, _ in ready:
                wanted = next(key.data, None)
                if wanted is None:
                    selector.unregister(key.fileobj)
                elif wanted != key.events:
                    selector.modify(key.fileobj, wanted, key.data)


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))))
