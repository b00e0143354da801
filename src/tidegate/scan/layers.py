# SPDX-License-Identifier: Apache-2.0
"""Facts of an image's layers: from the store where they are known, else read in threads and kept."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from threading import Event

from tidegate.artifact import Digest
from tidegate.bounds import Readable
from tidegate.errors import DigestMismatchError
from tidegate.inventory import LayerFacts
from tidegate.oci.image import Layer
from tidegate.scan.analyser import Analyser, Progress
from tidegate.scan.analysis import analyse_layer
from tidegate.scan.digests import SUM_CHOICES, SUMS
from tidegate.scan.forked import can_fork, read_in_processes
from tidegate.scan.heap import give_large_buffers_back
from tidegate.scan.parts import only
from tidegate.scan.wanted_sums import expected_sums, stated_sums


def facts_of_layers(layers: Sequence[Layer], analyser: Analyser, progress: Progress) -> tuple[LayerFacts, ...]:
    """The facts of each layer, bottom first; a layer that comes twice is read once.

    Which digests of files are computed beside sha256 is told by the lowest layer; where a package of another layer
    states others after all, the layers are read again.

    Raises:
        BoundExceededError: a layer is over a limit.
        DigestMismatchError: a layer is another than was said.
        InvalidInputError: a layer is broken or hostile.
        OutsideError: the disk, the registry or the store failed.
    """
    if not analyser.parts.custody or not layers:
        return _facts(layers, analyser, progress)
    expecting = replace(analyser, sums=_kept_sums(layers[0], analyser) or expected_sums(layers[0], analyser.limits))
    facts = _facts(layers, expecting, progress)
    if stated_sums(facts).issubset(expecting.sums):
        return facts
    return _facts(layers, replace(analyser, sums=SUMS), progress)


def _kept_sums(lowest: Layer, analyser: Analyser) -> tuple[str, ...] | None:
    """What was chosen when the lowest layer was read before, so that it need not be opened."""
    if analyser.store is None:
        return None
    versions = ((sums, replace(analyser, sums=sums).facts_version) for sums in SUM_CHOICES)
    has_layer, digest = analyser.store.has_layer, lowest.descriptor.digest
    return next((sums for sums, version in versions if has_layer(digest, version)), None)


def _facts(layers: Sequence[Layer], analyser: Analyser, progress: Progress) -> tuple[LayerFacts, ...]:
    different = {layer.descriptor.digest: layer for layer in reversed(layers)}
    facts: dict[Digest, LayerFacts] = {}
    for digest, layer in different.items():
        known = _known(layer, analyser)
        if known is not None:
            facts[digest] = known
            progress(len(facts), len(different))
    missing = [layer for digest, layer in different.items() if digest not in facts]
    for found in _read_all(sorted(missing, key=lambda layer: -layer.descriptor.size), analyser):
        facts[found.digest] = found
        if analyser.store is not None:
            analyser.store.keep_layer(found)
        progress(len(facts), len(different))
    for layer in layers:
        _check_diff_id(layer, facts[layer.descriptor.digest])
    return tuple(facts[layer.descriptor.digest] for layer in layers)


def _known(layer: Layer, analyser: Analyser) -> LayerFacts | None:
    if analyser.store is None:
        return None
    for version in analyser.usable_versions():
        known = analyser.store.layer(layer.descriptor.digest, version)
        # When another hash of the tar stream is asked for, it is read again.
        if known is not None and (layer.diff_id is None or layer.diff_id.algorithm == known.diff_id.algorithm):
            is_exact = version == analyser.facts_version
            return known if is_exact else only(known, analyser.parts, analyser.facts_version)
    return None


def _check_diff_id(layer: Layer, facts: LayerFacts) -> None:
    """Facts do not depend on what the configuration says; the promise that both speak of one layer does."""
    if layer.diff_id is not None and layer.diff_id != facts.diff_id:
        raise DigestMismatchError(layer.diff_id, facts.diff_id, where=f"layer {facts.digest.short} unpacked")


def _read_all(layers: Sequence[Layer], analyser: Analyser) -> Iterator[LayerFacts]:
    """Reads layers as given, no more at once than there are workers; the first trouble stops all."""
    if layers:
        give_large_buffers_back()
    stop = Event()
    if len(layers) <= 1 or analyser.workers <= 1:
        for layer in layers:
            yield _read(layer, analyser, stop)
    elif can_fork(layers):
        for index, found in read_in_processes(layers, analyser):
            # What went wrong in a process goes wrong here again, in its own words.
            yield found if found is not None else _read(layers[index], analyser, stop)
    else:
        yield from _read_in_threads(layers, analyser, stop)


def _read_in_threads(layers: Sequence[Layer], analyser: Analyser, stop: Event) -> Iterator[LayerFacts]:
    with ThreadPoolExecutor(max_workers=min(analyser.workers, len(layers)), thread_name_prefix="layer") as pool:
        futures = [pool.submit(_read, layer, analyser, stop) for layer in layers]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _read(layer: Layer, analyser: Analyser, stop: Event) -> LayerFacts:
    with layer.open() as stream:
        until = _Until(stream, stop)
        return analyse_layer(until, layer.descriptor, layer.diff_id, analyser, ahead=analyser.workers > 1)


class _Until:
    """A stream that ends its reader when another layer has failed."""

    def __init__(self, stream: Readable, stop: Event) -> None:
        self._stream = stream
        self._stop = stop

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes."""
        if self._stop.is_set():
            raise InterruptedError("another layer failed")
        return self._stream.read(size)
