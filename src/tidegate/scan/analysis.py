# SPDX-License-Identifier: Apache-2.0
"""One layer to its facts, in one pass: inflate, hash, walk, catalog, look for secrets."""

from typing import Final

from tidegate.artifact import Descriptor, Digest
from tidegate.bounds import MIB, Readable
from tidegate.errors import BoundExceededError, DigestMismatchError, InvalidInputError
from tidegate.inventory import LayerFacts, Link, LinkKind
from tidegate.scan.analyser import Analyser
from tidegate.scan.entry import Entry, EntryKind, Walk, path_text
from tidegate.scan.inflate import LayerStream
from tidegate.scan.read_ahead import InTurn, ReadAhead
from tidegate.scan.reading import FileReader
from tidegate.scan.tar import TarWalk
from tidegate.scan.tree import TreeWriter

_WHITEOUT: Final = b".wh."
_WHITEOUT_META: Final = b".wh..wh."  # what aufs leaves behind; unpackers pass over all but the opaque mark
_OPAQUE: Final = b".wh..wh..opq"
_AHEAD_FROM: Final = MIB  # a smaller blob is not worth a thread


def analyse_layer(
    stream: Readable, descriptor: Descriptor, diff_id: Digest | None, analyser: Analyser, *, ahead: bool = False
) -> LayerFacts:
    """Reads one layer to its end, once, in bounded memory.

    Args:
        stream: the blob as stored.
        descriptor: what its size and digest must be.
        diff_id: what the tar stream's digest must be; None when nobody said.
        analyser: who reads, what is looked for, and at what cost.
        ahead: a thread of its own inflates the layer ahead of who reads it, unless it is small.

    Raises:
        BoundExceededError: the layer is over one of the limits.
        DigestMismatchError: the blob or the tar stream is another than was said.
        InvalidInputError: the layer is broken or hostile.
    """
    source = LayerStream(stream, descriptor, diff_id, analyser.limits)
    analysis = Analysis(analyser, source.where)
    with _chunks(source, descriptor, analyser, ahead=ahead) as chunks:
        walk = TarWalk(chunks, analyser.limits)
        try:
            analysis.take_layer(walk)
            while chunks.next_chunk():
                pass
        except (BoundExceededError, DigestMismatchError):
            raise
        except InvalidInputError:
            chunks.close()
            source.verify_blob()  # a blob damaged on its way is to be called that
            raise
    source.finish()
    return analysis.facts(digest=descriptor.digest, diff_id=source.diff_id, size=source.size, entries=walk.entries)


def _chunks(source: LayerStream, descriptor: Descriptor, analyser: Analyser, *, ahead: bool) -> InTurn | ReadAhead:
    if not ahead or descriptor.size < _AHEAD_FROM:
        return InTurn(source)
    # Where files are hashed as well, the stream's own hash is the inflating thread's share of the work.
    return ReadAhead(source, notes_ahead=analyser.parts.custody)


class Analysis:
    """Gathers the facts of one layer, or of one folder, while it is walked."""

    def __init__(self, analyser: Analyser, where: str) -> None:
        self._version = analyser.facts_version
        self._limits = analyser.limits
        self._where = where
        self._tree = TreeWriter()
        self._reader = FileReader(analyser, where)
        self._links: dict[bytes, tuple[LinkKind, bytes]] = {}
        self._whiteouts: set[bytes] = set()
        self._opaque: set[bytes] = set()
        self._marks = 0
        self._mark_bytes = 0

    def take_layer(self, walk: Walk) -> None:
        """Takes all entries of a layer; whiteouts are understood (OCI image-spec 1.1 `layer.md`)."""
        self._take(walk, has_whiteouts=True)

    def take_folder(self, walk: Walk) -> None:
        """Takes all entries of a folder, where `.wh.` is a name like any other."""
        self._take(walk, has_whiteouts=False)

    def facts(self, *, digest: Digest, diff_id: Digest, size: int, entries: int) -> LayerFacts:
        """Everything found, sorted, so that equal layers give equal facts."""
        reader = self._reader
        links = [
            Link(path=path_text(name), target=path_text(target), kind=kind)
            for name, (kind, target) in self._links.items()
        ]
        return LayerFacts(
            analyser=self._version,
            digest=digest,
            diff_id=diff_id,
            size=size,
            entries=entries,
            files=tuple(sorted(reader.files, key=lambda file: (file.path, file.cataloger))),
            whiteouts=tuple(sorted(map(path_text, self._whiteouts))),
            opaque=tuple(sorted(map(path_text, self._opaque))),
            links=tuple(sorted(links, key=lambda link: link.path)),
            secrets=tuple(sorted(set(reader.secrets), key=lambda it: (it.path, it.line, it.rule, it.fingerprint))),
            outcomes=tuple(sorted(reader.outcomes, key=lambda it: (it.location, it.plugin, it.reason))),
            tree=self._tree.finish(),
        )

    def _take(self, walk: Walk, *, has_whiteouts: bool) -> None:
        walk.before_refill = self._flush
        add, take, links = self._tree.add, self._reader.take, self._links
        a_file = EntryKind.FILE
        for entry in walk:
            name, kind, _, _, _ = entry
            if has_whiteouts and _WHITEOUT in name and self._take_whiteout(name):
                continue
            if name in links:
                del links[name]
            if kind is a_file:
                nature, digests = take(entry, walk)
                add(entry, nature, digests)
                continue
            add(entry)
            self._reader.forget(name)
            if kind is not EntryKind.FOLDER and kind is not EntryKind.OTHER:
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

    def _flush(self) -> None:
        """Before the walk's buffer changes: what was put by must be read now."""
        self._bounded("max_tree_bytes", self._tree.packed_bytes, self._limits.max_tree_bytes)
        self._reader.flush()
