# SPDX-License-Identifier: Apache-2.0
"""An upstream that says what it is told to say, true or not, and a stand that takes in from it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import create_engine

from migrated import migrated
from tidegate.artifact import Digest, Repository, Tag
from tidegate.artifact import media_type as mt
from tidegate.curation.intake.entry import Entry, find_entry
from tidegate.curation.intake.fetching import BlobFetcher
from tidegate.curation.intake.pull_through import PullThrough
from tidegate.curation.intake.taking_in import Intake
from tidegate.curation.intake.upstream import Upstream, Upstreams
from tidegate.curation.keeping.name_pattern import Patterns
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.states import State, advance
from tidegate.curation.tag_rules import NO_TAG_RULES
from tidegate.oci.credentials import Keyring
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Opening, Outbound, OutboundOptions, Pace, Reach
from tidegate.storage.database import Database
from tidegate.storage.folder_blobs import FolderBlobs
from tidegate.storage.schema import metadata

T = TypeVar("T")
Answer = Callable[[BaseHTTPRequestHandler], None]
APP = Repository("hub/app")


def reply(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    """A plain answer; `Content_Length` may lie."""
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    if "Content_Length" not in headers:
        request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)


def descriptor(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": Digest.of(data), "size": len(data), **more}


@dataclass
class Toxic:
    """A registry in memory; `answers` by the end of a path go before what it holds."""

    manifests: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    host: str = ""

    def image(self, tag: str, *, created: str = "2020-01-01T00:00:00Z", layer: bytes = b"layer", **more: Any) -> Digest:
        """Puts an image there."""
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "created": created,
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [Digest.of(layer)]},
            }
        ).encode()
        layers = [descriptor(layer, mt.OCI_LAYER, **more.pop("layer_more", {}))]
        document = {
            "schemaVersion": 2,
            "mediaType": mt.OCI_MANIFEST,
            "config": descriptor(config, mt.OCI_CONFIG),
            "layers": layers,
            **more,
        }
        self.blobs |= {Digest.of(config): config, Digest.of(layer): layer}
        return self.put(tag, json.dumps(document).encode(), mt.OCI_MANIFEST)

    def put(self, tag: str, raw: bytes, media_type: str) -> Digest:
        self.manifests[tag] = self.manifests[Digest.of(raw)] = (raw, media_type)
        return Digest.of(raw)

    def asked(self, method: str, part: str) -> int:
        return sum(one == method and part in path for one, path, _ in self.seen)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.seen.append((request.command, request.path, dict(request.headers)))
        path = request.path.partition("?")[0]
        for end, own in self.answers.items():
            if path.endswith(end):
                own(request)
                return
        name = path.rpartition("/")[2]
        if "/manifests/" in path and name in self.manifests:
            raw, media_type = self.manifests[name]
            reply(request, 200, raw, Content_Type=media_type, Docker_Content_Digest=Digest.of(raw))
        elif "/blobs/" in path and name in self.blobs:
            start = int((request.headers.get("Range") or "bytes=0-")[6:-1])
            body = self.blobs[name][start:]
            whole = len(self.blobs[name])
            extra = {"Content_Range": f"bytes {start}-{whole - 1}/{whole}"} if start else {}
            reply(request, 206 if start else 200, body, **extra)
        else:
            reply(request, 404, b"{}")


@contextmanager
def serving(toxic: Toxic) -> Iterator[Toxic]:
    """The upstream on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            toxic.answer(self)

        do_HEAD = do_POST = do_GET  # noqa: N815 - names the parent looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name for it
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up early is part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    toxic.host = f"127.0.0.1:{server.server_port}"
    yield toxic
    server.shutdown()
    server.server_close()


class PlainSteps:
    """Steps that are not remembered."""

    def run(self, name: str, function: Callable[..., T], *arguments: Any) -> T:
        del name
        return function(*arguments)


@dataclass(kw_only=True)
class Taking:
    """Intake over a database and a folder; work runs when `run` is called, as from a queue."""

    database: Database
    shelf: Shelf
    blobs: ShelfBlobs
    intake: Intake
    pulls: PullThrough
    upstream: Upstream
    clock: Any
    waiting: dict[str, str]

    def take(self, tag: str, repository: Repository = APP) -> Entry:
        """Asks for a tag, does the work, and tells what came of it."""
        source = self.upstream.source(repository, Tag(tag))
        self.intake.ask(self.upstream, repository, Tag(tag), source=source, who="test")
        self.run()
        return self.entry(tag, repository)

    def run(self) -> None:
        for key in list(self.waiting):
            self.intake.work(PlainSteps(), self.waiting.pop(key))

    def entry(self, tag: str, repository: Repository = APP) -> Entry:
        with self.database.read() as connection:
            found = find_entry(connection, repository, Tag(tag))
        assert found is not None
        return found

    def settle(self, digest: Digest, *states: State) -> None:
        with self.database.begin() as connection:
            for state in states:
                advance(connection, digest, state, who="test", why="test", at=self.clock())

    def admit(self, digest: Digest) -> None:
        self.settle(digest, State.ANALYSING, State.ADMITTED)
        self.intake.point_when_vended(digest)


@contextmanager
def taking_from(
    toxic: Toxic,
    folder: Path,
    clock: Any,
    *,
    keyring: Keyring | None = None,
    timeout_s: float = 60.0,
    url: str = "",
    **more: Any,
) -> Iterator[Taking]:
    """A stand whose names under hub/ come from the upstream."""
    url = url or f"sqlite:///{folder / 'state.db'}"
    if url.startswith("sqlite"):
        engine = create_engine(url)
        metadata.create_all(engine)
        engine.dispose()
    else:
        migrated(url)
    database = Database(url)
    blobs = ShelfBlobs(database, FolderBlobs(folder / "content"), clock)
    shelf = Shelf(database, blobs, clock)
    said: dict[str, Any] = {
        "name": "hub",
        "registry": toxic.host,
        "path": "",
        "under": Repository("hub"),
        "repositories": Patterns(("**",)),
        "openings": (Opening.parse(toxic.host),),
        "plain_http": True,
        "fresh": timedelta(minutes=5),
        **more,
    }
    upstream = Upstream(**said)
    options = OutboundOptions(
        max_attempts=1,
        read_timeout_s=timeout_s,
        total_timeout_s=timeout_s,
        reach=Reach(openings=upstream.openings),
        max_connections=upstream.connections,
    )
    waiting: dict[str, str] = {}
    with Outbound(options, sleep=lambda _: None, pace=Pace(rate_per_s=1000, burst=1000)) as outbound:
        client = RegistryClient(
            outbound,
            keyring=keyring,
            token_servers=upstream.trusted_token_servers,
            bases={upstream.registry: upstream.base},
        )
        intake = Intake(
            database=database,
            shelf=shelf,
            fetcher=BlobFetcher(database, blobs),
            upstreams=lambda: Upstreams([upstream]),
            connect=lambda _: client,
            submit=waiting.__setitem__,
            clock=clock,
            max_image_bytes=8 << 20,
            watch_every=timedelta(minutes=15),
            tag_rules=NO_TAG_RULES,
        )
        pulls = PullThrough(database=database, intake=intake, clock=clock, patience=timedelta(0))
        yield Taking(
            database=database,
            shelf=shelf,
            blobs=blobs,
            intake=intake,
            pulls=pulls,
            upstream=upstream,
            clock=clock,
            waiting=waiting,
        )
    database.close()
