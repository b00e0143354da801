# SPDX-License-Identifier: Apache-2.0
"""What a pushed manifest is to the gate: never what it says of itself, always what somebody could do with it."""

from enum import StrEnum
from typing import Final

from tidegate.artifact import Index, Manifest
from tidegate.artifact import media_type as mt

_DOCUMENTS: Final = frozenset(
    {
        mt.OCI_EMPTY,
        mt.DSSE,
        mt.IN_TOTO,
        "application/json",
        "application/xml",
        "application/jose+json",
        "application/cose",
        "application/pkcs7-signature",
        "application/pgp-signature",
        "application/pgp-keys",
        "application/x-pem-file",
        mt.SIMPLE_SIGNING,
    }
)
_DOCUMENT_ENDINGS: Final = ("+json", "+xml", "+cose", "+dsse", "+jws")
_RUNNABLE_MARKS: Final = ("image", "rootfs", "layer", "wasm", "tar", "squashfs", "zip", "exec", "script")


class Kind(StrEnum):
    """How the gate treats a manifest."""

    IMAGE = "image"
    INDEX = "index"
    ATTACHMENT = "attachment"
    ARTIFACT = "artifact"


def kind_of(manifest: Manifest | Index, *, named: bool = False) -> Kind:
    """Sorts a manifest.

    An attachment skips the gate, so it must be harmless as a whole: it hangs on a subject, and every blob of it is a
    document; a configuration a runtime knows is borrowed for statements only. Whatever else there is goes through
    quarantine.

    Args:
        manifest: what was pushed.
        named: the tag it was pushed by names its subject, as cosign's do.
    """
    if isinstance(manifest, Index):
        return Kind.INDEX
    if manifest.is_image:
        return Kind.IMAGE
    if (manifest.subject is None and not named) or manifest.media_type != mt.OCI_MANIFEST:
        return Kind.ARTIFACT
    borrowed = manifest.config.media_type in mt.IMAGE_CONFIGS
    parts = manifest.layers if borrowed else (manifest.config, *manifest.layers)
    return Kind.ATTACHMENT if all(_is_document(part.media_type) for part in parts) else Kind.ARTIFACT


def _is_document(media_type: str) -> bool:
    plain = media_type.partition(";")[0].strip().lower()
    if plain in _DOCUMENTS or plain.startswith("text/"):
        return True
    return plain.endswith(_DOCUMENT_ENDINGS) and not any(mark in plain for mark in _RUNNABLE_MARKS)
