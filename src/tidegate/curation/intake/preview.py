# SPDX-License-Identifier: Apache-2.0
"""What taking a list in would do: every name looked up at its upstream, manifests read; nothing is fetched or kept."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection, select

from tidegate.artifact import Digest, Reference
from tidegate.clock import Clock, parse_rfc3339
from tidegate.curation.intake.gathering import gather
from tidegate.curation.intake.imports import Line, Progress, Wanted, resolve
from tidegate.curation.intake.named_images import NamedImage
from tidegate.curation.intake.upstream import Upstream, Upstreams
from tidegate.curation.states import state_of
from tidegate.errors import NotFoundError, OutsideError, TidegateError
from tidegate.oci.registry import RegistryClient
from tidegate.storage.database import Database
from tidegate.storage.schema import first_seen

WOULD: Final = "would be taken"


class Preview:
    """Tells what would be done.

    Args:
        upstreams: gives those in force.
        connect: gives the client of an upstream.
        max_image_bytes: the largest image that is taken.
    """

    def __init__(
        self,
        database: Database,
        upstreams: Callable[[], Upstreams],
        connect: Callable[[Upstream], RegistryClient],
        clock: Clock,
        *,
        max_image_bytes: int,
    ) -> None:
        self._database = database
        self._upstreams = upstreams
        self._connect = connect
        self._clock = clock
        self._max_image_bytes = max_image_bytes

    def lines(self, named: Sequence[NamedImage]) -> list[Line]:
        """One line for each name, as a report of what was done would have it."""
        return [self._line(number, resolve(self._upstreams(), one)) for number, one in enumerate(named, 1)]

    def _line(self, number: int, wanted: Wanted) -> Line:
        digest, progress, state, why = "", Progress.REFUSED, "not taken", wanted.problem
        upstream = self._upstreams().named(wanted.upstream) if wanted.upstream else None
        if not wanted.problem and upstream is not None:
            try:
                digest, progress, state, why = self._look(upstream, Reference.parse(wanted.source))
            except NotFoundError as error:
                state, why = "absent", str(error)
            except OutsideError as error:
                progress, state, why = Progress.FAILED, "failed", str(error)
            except TidegateError as error:
                state, why = "refused", str(error)
        return Line(
            number=number,
            written=wanted.written,
            source=wanted.source,
            repository=wanted.repository,
            locator=wanted.locator,
            digest=digest,
            progress=progress,
            state=state,
            why=why,
        )

    def _look(self, upstream: Upstream, source: Reference) -> tuple[str, Progress, str, str]:
        client, at = self._connect(upstream), self._clock()
        digest = source.digest or client.manifest(source).digest
        with self._database.read() as connection:
            known = state_of(connection, digest)
            seen = _first_seen(connection, f"{source.registry}/{source.repository}", digest)
        if known is not None:
            return digest, Progress.WAITING, f"is here, {known}", ""
        found = gather(client, upstream, source, digest, max_bytes=self._max_image_bytes)
        first = parse_rfc3339(seen) if seen else at
        young = upstream.too_young(digest, created=found.created, first_seen=first, at=at)
        if young is not None:
            return digest, Progress.REFUSED, "too young", young.why
        left = f"; without {', '.join(found.left_out)}" if found.left_out else ""
        return digest, Progress.WAITING, WOULD, f"{found.size} bytes{left}"


def _first_seen(connection: Connection, source: str, digest: Digest) -> str:
    query = select(first_seen.c.at).where(first_seen.c.source == source, first_seen.c.digest == digest)
    return str(connection.scalar(query) or "")
