# SPDX-License-Identifier: Apache-2.0
"""Load for a registry, in a process of its own: as many connections as asked for, each of them always busy.

    python -m bench.registry_load pull HOST:PORT WORKERS COUNT SIZE
    python -m bench.registry_load push HOST:PORT WORKERS COUNT SIZE SEED

Plain sockets and as little Python as HTTP/1.1 allows, so that the client is not what is measured. Prints one JSON
object: `seconds` from the first request to the last answer, `bytes` moved.
"""

import hashlib
import json
import random
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

REPOSITORY: Final = "bench/blobs"
_PIECE: Final = 1 << 20


class Connection:
    """One kept-alive connection."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._address = address
        self._buffer = memoryview(bytearray(_PIECE))

    def ask(self, method: str, target: str, body: tuple[bytes, ...] = ()) -> tuple[int, dict[str, str], int]:
        """Sends a request and reads its answer: status, headers, length of the body."""
        length = sum(map(len, body))
        head = f"{method} {target} HTTP/1.1\r\nHost: {self._address}\r\nContent-Length: {length}\r\n\r\n"
        self._socket.sendall(head.encode())
        for piece in body:
            self._socket.sendall(piece)
        return self._answer()

    def _answer(self) -> tuple[int, dict[str, str], int]:
        taken = b""
        while b"\r\n\r\n" not in taken:
            count = self._socket.recv_into(self._buffer)
            if not count:
                raise ConnectionError("closed by the server")
            taken += bytes(self._buffer[:count])
        head, _, rest = taken.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        left = length - len(rest)
        while left > 0:
            left -= self._socket.recv_into(self._buffer, min(left, _PIECE))
        return int(first.split()[1]), headers, length


def content(size: int, seed: int) -> tuple[bytes, Callable[[int], tuple[bytes, str]]]:
    """Bytes of a size but for the last eight, and what makes the nth blob of them: its last eight, and its digest."""
    body = random.Random(seed).randbytes(size - 8)
    hashed = hashlib.sha256(body)

    def nth(number: int) -> tuple[bytes, str]:
        end = number.to_bytes(8, "big")
        own = hashed.copy()
        own.update(end)
        return end, f"sha256:{own.hexdigest()}"

    return body, nth


def pull(connection: Connection, digest: str) -> int:
    """Fetches one blob."""
    status, _, length = connection.ask("GET", f"/v2/{REPOSITORY}/blobs/{digest}")
    assert status == 200, status
    return length


def push(connection: Connection, body: bytes, end: bytes, digest: str) -> int:
    """Uploads one blob by POST and PUT, as containerd does."""
    status, headers, _ = connection.ask("POST", f"/v2/{REPOSITORY}/blobs/uploads/")
    assert status == 202, status
    location = urlsplit(headers["location"])
    query = f"{location.query}&digest={digest}" if location.query else f"digest={digest}"
    status, _, _ = connection.ask("PUT", f"{location.path}?{query}", (body, end))
    assert status == 201, status
    return len(body) + len(end)


def run(act: str, address: str, workers: int, count: int, size: int, seed: int = 1) -> dict[str, float]:
    """Moves `count` blobs over `workers` connections."""
    body, nth = content(size, seed)
    numbers = iter(range(count))
    turn, start, moved = threading.Lock(), threading.Barrier(workers + 1), [0] * workers
    failed: list[BaseException] = []

    def work(at: int) -> None:
        connection = Connection(address)
        start.wait()
        try:
            while True:
                with turn:
                    number = next(numbers, None)
                if number is None:
                    return
                end, digest = nth(number)
                moved[at] += pull(connection, digest) if act == "pull" else push(connection, body, end, digest)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=work, args=(at,)) for at in range(workers)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if failed:
        raise failed[0]
    return {"seconds": seconds, "bytes": sum(moved)}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))))
