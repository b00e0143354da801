# SPDX-License-Identifier: Apache-2.0
"""Facts of an image's layers: from the store where they are known, else read in threads and kept."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event

from tidegate.artifact import Digest
from tidegate.bounds import Readable
from tidegate.errors import DigestMismatchError
from tidegate.inventory import LayerFacts
from tidegate.oci.image import Layer
from tidegate.scan.analyser import Analyser, Progress
from tidegate.scan.analysis import analyse_layer
from tidegate.scan.heap import give_large_buffers_back
from tidegate.scan.parts import only, with_more


def facts_of_layers(layers: Sequence[Layer], analyser: Analyser, progress: Progress) -> tuple[LayerFacts, ...]:
    """The facts of each layer, bottom first; a layer that comes twice is read once.

    Raises:
        BoundExceededError: a layer is over a limit.
        DigestMismatchError: a layer is another than was said.
        InvalidInputError: a layer is broken or hostile.
        OutsideError: the disk, the registry or the store failed.
    """
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
    for parts in (analyser.parts, *with_more(analyser.parts)):
        known = analyser.store.layer(layer.descriptor.digest, analyser.version_for(parts))
        # When another hash of the tar stream is asked for, it is read again.
        if known is not None and (layer.diff_id is None or layer.diff_id.algorithm == known.diff_id.algorithm):
            return known if parts is analyser.parts else only(known, analyser.parts, analyser.version)
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
        return
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
        return analyse_layer(_Until(stream, stop), layer.descriptor, layer.diff_id, analyser)


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
