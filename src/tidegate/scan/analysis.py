# SPDX-License-Identifier: Apache-2.0
"""One layer to its facts, in one pass: inflate, hash, walk, catalog, look for secrets."""

from collections.abc import Sequence
from typing import Final

from tidegate.artifact import Descriptor, Digest
from tidegate.bounds import MIB, Readable
from tidegate.errors import BoundExceededError, DigestMismatchError, InvalidInputError
from tidegate.inventory import LayerFacts, Link, LinkKind, Outcome, OutcomeStatus, SecretFact
from tidegate.scan.analyser import SecretScanner, analyser_version
from tidegate.scan.cataloger import Cataloger
from tidegate.scan.cataloging import Found, catalog, too_large
from tidegate.scan.dispatch import Dispatch, Takers
from tidegate.scan.entry import SNIFFED_BYTES, Entry, EntryKind, Walk, path_text
from tidegate.scan.inflate import CHUNK_BYTES, LayerStream
from tidegate.scan.limits import ScanLimits
from tidegate.scan.tar import TarWalk
from tidegate.scan.tree import TreeWriter

SECRETS: Final = "secrets"
"""The secret scanner's name in outcomes."""

_WHITEOUT: Final = b".wh."
_WHITEOUT_META: Final = b".wh..wh."  # what aufs leaves behind; unpackers pass over all but the opaque mark
_OPAQUE: Final = b".wh..wh..opq"
_BATCH_BYTES: Final = 4 * MIB


def analyse_layer(
    stream: Readable,
    descriptor: Descriptor,
    diff_id: Digest | None,
    *,
    roster: Sequence[Cataloger],
    secrets: SecretScanner,
    limits: ScanLimits,
) -> LayerFacts:
    """Reads one layer to its end, once, in bounded memory.

    Args:
        stream: the blob as stored.
        descriptor: what its size and digest must be.
        diff_id: what the tar stream's digest must be; None when nobody said.
        roster: the catalogers.
        secrets: the secret scanner.
        limits: what the layer may cost.

    Raises:
        BoundExceededError: the layer is over one of the limits.
        DigestMismatchError: the blob or the tar stream is another than was said.
        InvalidInputError: the layer is broken or hostile.
    """
    source = LayerStream(stream, descriptor, diff_id, limits)
    buffer = bytearray(CHUNK_BYTES)
    walk = TarWalk(source, buffer, limits)
    analysis = Analysis(Dispatch(roster), secrets, limits, source.where)
    try:
        analysis.take_layer(walk)
    except (BoundExceededError, DigestMismatchError):
        raise
    except InvalidInputError:
        source.verify_blob()  # a blob damaged on its way is to be called that
        raise
    source.finish(memoryview(buffer))
    return analysis.facts(
        analyser=analyser_version(roster, secrets),
        digest=descriptor.digest,
        diff_id=source.diff_id,
        size=source.size,
        entries=walk.entries,
    )


class Analysis:
    """Gathers the facts of one layer, or of one folder, while it is walked."""

    def __init__(self, dispatch: Dispatch, secrets: SecretScanner, limits: ScanLimits, where: str) -> None:
        self._dispatch = dispatch
        self._secrets = secrets
        self._limits = limits
        self._where = where
        self._tree = TreeWriter()
        self._files: dict[bytes, Found] = {}
        self._outcomes: list[Outcome] = []
        self._links: dict[bytes, tuple[LinkKind, bytes]] = {}
        self._whiteouts: set[bytes] = set()
        self._opaque: set[bytes] = set()
        self._found: list[SecretFact] = []
        self._batch: list[tuple[str, bytes | memoryview]] = []
        self._batched = 0
        self._marks = 0
        self._mark_bytes = 0

    def take_layer(self, walk: Walk) -> None:
        """Takes all entries of a layer; whiteouts are understood (OCI image-spec 1.1 `layer.md`)."""
        self._take(walk, has_whiteouts=True)

    def take_folder(self, walk: Walk) -> None:
        """Takes all entries of a folder, where `.wh.` is a name like any other."""
        self._take(walk, has_whiteouts=False)

    def facts(self, *, analyser: str, digest: Digest, diff_id: Digest, size: int, entries: int) -> LayerFacts:
        """Everything found, sorted, so that equal layers give equal facts."""
        files = [found for facts, _ in self._files.values() for found in facts]
        outcomes = [outcome for _, outcomes in self._files.values() for outcome in outcomes] + self._outcomes
        links = [
            Link(path=path_text(name), target=path_text(target), kind=kind)
            for name, (kind, target) in self._links.items()
        ]
        return LayerFacts(
            analyser=analyser,
            digest=digest,
            diff_id=diff_id,
            size=size,
            entries=entries,
            files=tuple(sorted(files, key=lambda file: (file.path, file.cataloger))),
            whiteouts=tuple(sorted(map(path_text, self._whiteouts))),
            opaque=tuple(sorted(map(path_text, self._opaque))),
            links=tuple(sorted(links, key=lambda link: link.path)),
            secrets=tuple(sorted(set(self._found), key=lambda it: (it.path, it.line, it.rule, it.fingerprint))),
            outcomes=tuple(sorted(outcomes, key=lambda it: (it.location, it.plugin, it.reason))),
            tree=self._tree.finish(),
        )

    def _take(self, walk: Walk, *, has_whiteouts: bool) -> None:
        walk.before_refill = self._flush
        add, find, links, batch = self._tree.add, self._dispatch.find, self._links, self._batch
        max_secret_bytes = self._limits.max_secret_file_bytes
        for entry in walk:
            name, kind, _, size, _ = entry
            if has_whiteouts and _WHITEOUT in name and self._take_whiteout(name):
                continue
            add(entry)
            if name in links:
                del links[name]
            takers = find(name)
            if takers and self._take_wanted(entry, takers, walk):
                continue
            if kind is EntryKind.FILE:
                if size > max_secret_bytes:
                    self._search_beginning(name, walk)
                elif size:
                    batch.append((path_text(name), walk.view()))
            elif kind is not EntryKind.FOLDER and kind is not EntryKind.OTHER:
                self._take_link(entry)
        self._flush()

    def _take_whiteout(self, name: bytes) -> bool:
        parent, _, base = name.rpartition(b"/")
        if not base.startswith(_WHITEOUT):
            return False
        self._mark(len(name))
        if base == _OPAQUE:
            self._opaque.add(parent)
        elif not base.startswith(_WHITEOUT_META) and len(base) > len(_WHITEOUT):
            self._whiteouts.add(name[: len(name) - len(base)] + base[len(_WHITEOUT) :])
        return True

    def _take_wanted(self, entry: Entry, takers: Takers, walk: Walk) -> bool:
        """Catalogs a file; True when it has been searched for secrets as well."""
        self._files.pop(entry.name, None)  # a later entry of the same path wins
        path = path_text(entry.name)
        takers = tuple(cataloger for cataloger in takers if cataloger.accepts(path))
        if not takers or entry.kind is not EntryKind.FILE:
            return False
        fitting = tuple(cataloger for cataloger in takers if entry.size <= cataloger.wants.max_bytes)
        facts, outcomes = too_large(tuple(it for it in takers if it not in fitting), path, entry.size)
        if fitting:
            content = walk.read()
            found, troubles = catalog(fitting, path, content)
            facts += found
            outcomes += troubles
            self._put_by(path, content[: self._limits.max_secret_file_bytes])
        self._files[entry.name] = (facts, outcomes)
        self._bounded("max_wanted_files", len(self._files), self._limits.max_wanted_files)
        return bool(fitting)

    def _take_link(self, entry: Entry) -> None:
        self._mark(len(entry.name) + len(entry.link))
        kind = LinkKind.HARD if entry.kind is EntryKind.HARD_LINK else LinkKind.SYMBOLIC
        self._links[entry.name] = (kind, entry.link)

    def _mark(self, size: int) -> None:
        """Counts what is kept unpacked for one link or whiteout."""
        self._marks += 1
        self._mark_bytes += size
        self._bounded("max_marks", self._marks, self._limits.max_marks)
        self._bounded("max_mark_bytes", self._mark_bytes, self._limits.max_mark_bytes)

    def _bounded(self, bound: str, value: int, limit: int) -> None:
        if value > limit:
            raise BoundExceededError(bound, limit, where=self._where)

    def _search_beginning(self, name: bytes, walk: Walk) -> None:
        limit = self._limits.max_secret_file_bytes
        beginning = walk.read(limit)
        path = path_text(name)
        if 0 not in beginning[:SNIFFED_BYTES]:
            reason = f"only its first {limit} bytes were searched"
            status = OutcomeStatus.PARTIAL
            self._outcomes.append(Outcome(plugin=SECRETS, status=status, location=path, reason=reason))
        self._put_by(path, beginning)

    def _put_by(self, path: str, content: bytes) -> None:
        if content:
            self._batch.append((path, content))
            self._batched += len(content)
            if self._batched > _BATCH_BYTES:
                self._flush()

    def _flush(self) -> None:
        """Looks for secrets in what was put by; always before the walk's buffer changes under it."""
        self._bounded("max_tree_bytes", self._tree.packed_bytes, self._limits.max_tree_bytes)
        if self._batch:
            self._found += self._secrets.scan_batch(self._batch)
            self._batch.clear()
            self._batched = 0
            self._bounded("max_secrets", len(self._found), self._limits.max_secrets)
