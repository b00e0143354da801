# SPDX-License-Identifier: Apache-2.0
"""A NATS server with JetStream of the test's own, on loopback."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.msg import Msg
from nats.js.api import StreamConfig

from free_port import free_port


@dataclass(kw_only=True)
class NatsServer:
    """A server that can be killed and started again over the same store."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What tidegate is told."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Runs until it takes connections."""
        with (self.folder / "nats.log").open("ab") as log:
            command = ["nats-server", "-c", str(self.folder / "nats.conf")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})
        ends = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < ends:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)  # it has no other way to say that it listens
                continue
            return
        raise AssertionError(f"NATS did not start: {(self.folder / 'nats.log').read_text()[-2000:]}")

    def kill(self) -> None:
        """Ends it at once (kill -9)."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def publish(self, stream: str, subject: str, *bodies: bytes) -> None:
        """Puts messages in a stream, which is made when it is not there."""

        async def act() -> None:
            client = await nats.connect(self.url)
            streams = client.jetstream()
            await streams.add_stream(StreamConfig(name=stream, subjects=[f"{subject}.>"]))
            for body in bodies:
                await streams.publish(f"{subject}.one", body)
            await client.close()

        asyncio.run(act())

    def stored(self, stream: str) -> list[Msg]:
        """Every message of a stream, in its order."""

        async def act() -> list[Msg]:
            client = await nats.connect(self.url)
            streams = client.jetstream()
            count = (await streams.stream_info(stream)).state.messages
            reading = await streams.subscribe(">", stream=stream, ordered_consumer=True)
            found = [await reading.next_msg(30) for _ in range(count)]
            await client.close()
            return found

        return asyncio.run(act())

    def unanswered(self, stream: str, durable: str) -> int:
        """How many messages a consumer has not settled yet."""

        async def act() -> int:
            client = await nats.connect(self.url)
            info = await client.jetstream().consumer_info(stream, durable)
            await client.close()
            return (info.num_pending or 0) + (info.num_ack_pending or 0)

        return asyncio.run(act())


def events_in(messages: list[Msg]) -> list[dict[str, Any]]:
    """The CloudEvents."""
    return [json.loads(message.data) for message in messages]


@contextmanager
def start_nats(folder: Path, *, more: str = "") -> Iterator[NatsServer]:
    """Runs a server until the block ends; skips where there is none."""
    if shutil.which("nats-server") is None:
        pytest.skip("NATS is missing: apt-get install nats-server")
    folder.mkdir(parents=True, exist_ok=True)
    server = NatsServer(folder=folder, port=free_port())
    store = json.dumps(str(folder / "store"))
    said = f'listen: "127.0.0.1:{server.port}"\njetstream {{ store_dir: {store} }}\n{more}'
    (folder / "nats.conf").write_text(said)
    server.start()
    try:
        yield server
    finally:
        server.kill()
