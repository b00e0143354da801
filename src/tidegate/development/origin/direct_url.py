# SPDX-License-Identifier: Apache-2.0
"""Which archive a Python distribution was installed from, where its installer wrote that down (PEP 610).

`direct_url.json` beside the metadata, with `archive_info`: `hashes` of algorithm to hex, or the older `hash`,
`algorithm=hex`. Installers write it for what is named by URL or path, not for what an index chose.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import Inventory, PackageKind
from tidegate.wire import from_json

MAX_DIRECT_URL_BYTES: Final = 16 << 10
MAX_DISTRIBUTIONS: Final = 10_000
"""Python distributions of one image that are asked for their archives."""

_METADATA: Final = ".dist-info/METADATA"
_NAME: Final = "direct_url.json"


def direct_urls_of(inventory: Inventory) -> Mapping[str, str]:
    """Where `direct_url.json` of each Python distribution lies, if it has one, to where its metadata does.

    Raises:
        BoundExceededError: over `MAX_DISTRIBUTIONS`.
    """
    found = {it.location for it in inventory.components if it.kind is PackageKind.PYPI}
    found = {path for path in found if path.endswith(_METADATA)}
    if len(found) > MAX_DISTRIBUTIONS:
        raise BoundExceededError("MAX_DISTRIBUTIONS", MAX_DISTRIBUTIONS, where=inventory.name)
    return {f"{path.rpartition('/')[0]}/{_NAME}": path for path in found}


def read_direct_url(content: bytes, *, where: str) -> tuple[Digest, ...]:
    """The digests of the archive; empty for a repository or folder, or when none is stated.

    Raises:
        InvalidInputError: it is no JSON object.
    """
    document = from_json(content, dict[str, Any], what=where, max_bytes=MAX_DIRECT_URL_BYTES)
    archive = document.get("archive_info")
    return tuple(dict.fromkeys(_digests(archive))) if isinstance(archive, dict) else ()


def _digests(archive: Mapping[str, Any]) -> Iterator[Digest]:
    hashes, older = archive.get("hashes"), archive.get("hash")
    stated = [f"{name}:{value}" for name, value in hashes.items()] if isinstance(hashes, dict) else []
    if isinstance(older, str):
        stated.append(older.replace("=", ":", 1))
    for text in stated:
        try:
            yield Digest(text)
        except InvalidInputError:
            continue
