# SPDX-License-Identifier: Apache-2.0
"""Images that others are built upon, remembered by the chain of their layers, so that one is found without a search.

A base is known by its ChainID (OCI image-spec 1.1 `config.md`): an image whose lowest layers have that ChainID was
built upon it. One file a base; one that cannot be read back counts as missing.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tidegate.artifact import Digest, Reference
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError
from tidegate.inventory import Component, Inventory, OsRelease
from tidegate.values import Struct
from tidegate.wire import from_msgpack, to_msgpack

MAX_FAMILY: Final = 500
"""Images of one repository that are compared."""
MAX_LAYERS: Final = 1000

_SUFFIX: Final = ".base"


class KnownBase(Struct, frozen=True, kw_only=True):
    """An image that others may be built upon.

    Attributes:
        name: its reference, whole: `docker.io/library/debian:12-slim`.
        part_of: the repository of it, whole: `docker.io/library/debian`.
        layers_unpacked: diff ids, bottom first.
        created: RFC 3339, as its configuration says; "" when it does not.
    """

    name: str
    part_of: str
    digest: Digest
    layers_unpacked: tuple[Digest, ...]
    components: tuple[Component, ...]
    os_release: OsRelease | None = None
    platform: str = ""
    created: str = ""


class Bases:
    """A folder of known bases. Serves several threads and processes at once.

    Args:
        folder: made when something is remembered.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def remember(self, inventory: Inventory, *, name: Reference) -> KnownBase:
        """Keeps an image as one that others may be built upon; a later one of the same name takes its place.

        Raises:
            InvalidInputError: it has no layers, so nothing can be recognised by it.
            OutsideError: the folder cannot be written.
        """
        if not inventory.layers_unpacked or inventory.config is None:
            raise InvalidInputError("no image with layers, so nothing is built upon it", where=inventory.name)
        base = KnownBase(
            name=f"{name.registry}/{name.repository}:{name.tag or 'latest'}",
            part_of=f"{name.registry}/{name.repository}",
            digest=inventory.digest,
            layers_unpacked=inventory.layers_unpacked,
            components=inventory.components,
            os_release=inventory.os_release,
            platform=str(inventory.config.platform),
            created=inventory.config.created,
        )
        for older in self.family(base.part_of):
            if (older.name, older.platform) == (base.name, base.platform) and older.digest != base.digest:
                self._place(older).unlink(missing_ok=True)
        self._write(base)
        return base

    def below(self, layers_unpacked: Sequence[Digest]) -> KnownBase | None:
        """The largest known base whose layers are the lowest of these; never the image itself."""
        chains = list(chain_ids(layers_unpacked[:MAX_LAYERS]))
        for chain in reversed(chains[:-1] if len(layers_unpacked) <= MAX_LAYERS else chains):
            found = sorted(self._at_chain(chain), key=lambda base: (base.created, base.name), reverse=True)
            if found:
                return found[0]
        return None

    def family(self, part_of: str) -> list[KnownBase]:
        """All known bases of one repository, by name."""
        folder = self._family_folder(part_of)
        found = [base for place in sorted(folder.glob(f"*{_SUFFIX}"))[:MAX_FAMILY] if (base := _read(place))]
        return sorted((base for base in found if base.part_of == part_of), key=lambda base: (base.name, base.platform))

    def all(self) -> list[KnownBase]:
        """All known bases, by name."""
        found = (_read(place) for place in sorted(self._folder.glob(f"family/*/*{_SUFFIX}")))
        return sorted((base for base in found if base), key=lambda base: (base.name, base.platform))

    def forget(self, name: Reference) -> None:
        """Forgets the images of that name.

        Raises:
            NotFoundError: there is none.
        """
        wanted = f"{name.registry}/{name.repository}:{name.tag or 'latest'}"
        places = [self._place(base) for base in self.all() if base.name == wanted]
        if not places:
            raise NotFoundError("no such base is known", where=wanted, remedy="see tidegate base list")
        for place in places:
            place.unlink(missing_ok=True)

    def _at_chain(self, chain: str) -> Iterator[KnownBase]:
        folder = self._folder / "chain"
        for place in sorted(folder.glob(f"{chain}-*")):
            with suppress(OSError):
                base = _read(self._folder / "family" / place.read_text().strip())
                if base is not None and list(chain_ids(base.layers_unpacked))[-1] == chain:
                    yield base

    def _write(self, base: KnownBase) -> None:
        place = self._place(base)
        chain = list(chain_ids(base.layers_unpacked))[-1]
        pointer = self._folder / "chain" / f"{chain}-{place.parent.name[:16]}-{place.stem[:16]}"
        try:
            _replace(place, to_msgpack(base))
            _replace(pointer, f"{place.parent.name}/{place.name}\n".encode())
        except OSError as error:
            raise OutsideError(f"the base cannot be kept: {error.strerror}", where=str(self._folder)) from error

    def _place(self, base: KnownBase) -> Path:
        key = hashlib.sha256(f"{base.name}\0{base.platform}\0{base.digest}".encode()).hexdigest()[:32]
        return self._family_folder(base.part_of) / f"{key}{_SUFFIX}"

    def _family_folder(self, part_of: str) -> Path:
        return self._folder / "family" / hashlib.sha256(part_of.encode()).hexdigest()[:32]


def chain_ids(layers_unpacked: Sequence[Digest]) -> Iterator[str]:
    """The ChainID (hex) of the lowest layer, of the lowest two, and so on."""
    chain = ""
    for layer in layers_unpacked:
        chain = f"sha256:{hashlib.sha256(f'{chain} {layer}'.encode()).hexdigest()}" if chain else str(layer)
        yield chain.partition(":")[2]


def _read(place: Path) -> KnownBase | None:
    try:
        return from_msgpack(place.read_bytes(), KnownBase, what=str(place))
    except (OSError, InvalidInputError):
        return None


def _replace(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".new-", dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(place)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
