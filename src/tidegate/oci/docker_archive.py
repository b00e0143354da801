# SPDX-License-Identifier: Apache-2.0
"""Archives of `docker save` before it wrote OCI layouts: `manifest.json`, configurations and layer tars.

Specification: moby `image/spec/spec.md` v1.2. Layers may be plain or packed; members may be links to other members.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from tidegate.artifact import Descriptor, Digest, ImageConfig, Platform, media_type, parse_image_config
from tidegate.artifact.image_config import MAX_CONFIG_BYTES
from tidegate.artifact.manifest import MAX_LAYERS, MAX_MANIFEST_BYTES
from tidegate.bounds import MIB, Readable, printable, read_bounded
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, UsageError
from tidegate.oci.blobs import verify
from tidegate.oci.choose import check_diff_ids
from tidegate.oci.image import Image
from tidegate.oci.tar_index import Member, TarIndex
from tidegate.values import Struct
from tidegate.wire import from_json

MAX_IMAGES: Final = 1000
_HEX_NAME: Final = re.compile(r"(?:^|/)([0-9a-f]{64})(?:\.json)?$")
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"


class SavedLayer(Struct, frozen=True, kw_only=True):
    """A layer in such an archive (`tidegate.oci.image.Layer`)."""

    descriptor: Descriptor
    diff_id: Digest | None
    tar: TarIndex
    member: Member

    @property
    def is_local(self) -> bool:
        """The archive is a file, read at offsets."""
        return True

    @contextmanager
    def open(self) -> Iterator[Readable]:
        """Streams the member's bytes as they lie there."""
        yield self.tar.open(self.member)


class _Saved(Struct, frozen=True, kw_only=True):
    Config: str
    Layers: tuple[str, ...] = ()
    RepoTags: tuple[str, ...] | None = None


def open_saved(tar: TarIndex, *, tag: str = "", wanted: Platform | None = None, name: str) -> Image:
    """Opens one image of a `docker save` archive; the archive must stay open as long as the image.

    Raises:
        DigestMismatchError: a configuration is not what its name says.
        InvalidInputError: the archive is broken.
        NotFoundError: there is no image of that name or platform.
        UsageError: there are several images and none is named.
    """
    raw = _document(tar, "manifest.json", MAX_MANIFEST_BYTES)
    images = from_json(raw, tuple[_Saved, ...], what=f"{tar.where}: manifest.json", max_bytes=MAX_MANIFEST_BYTES)
    if len(images) > MAX_IMAGES:
        raise BoundExceededError("max_images", MAX_IMAGES, where=tar.where)
    return _image(tar, _pick(images, tag, tar.where), wanted, name)


def _pick(images: Sequence[_Saved], tag: str, where: str) -> _Saved:
    if not images:
        raise InvalidInputError("holds no image", where=where)
    names = [printable(text[:200]) for image in images for text in image.RepoTags or ()]
    present = ", ".join(sorted(names)[:20]) or "none has a name"
    if not tag:
        if len(images) > 1:
            raise UsageError("holds several images", where=where, remedy=f"append :NAME, one of {present}")
        return images[0]
    for image in images:
        for text in image.RepoTags or ():
            if tag in {text, text.rpartition("/")[2], text.rpartition(":")[2]}:
                return image
    raise NotFoundError(f"no image named {printable(tag[:200])!r}", where=where, remedy=f"there are: {present}")


def _image(tar: TarIndex, saved: _Saved, wanted: Platform | None, name: str) -> Image:
    raw = _document(tar, saved.Config, MAX_CONFIG_BYTES)
    if named := _HEX_NAME.search(saved.Config):
        verify(raw, Digest(f"sha256:{named[1]}"), where=f"{tar.where}: image config")
    config = parse_image_config(raw, where=f"{tar.where}: {printable(saved.Config[:200])}")
    if wanted is not None and not config.platform.serves(wanted):
        remedy = f"there are: {printable(str(config.platform))}"
        raise NotFoundError(f"no image for {wanted}", where=tar.where, remedy=remedy)
    if len(saved.Layers) > MAX_LAYERS:
        raise BoundExceededError("max_layers", MAX_LAYERS, where=tar.where)
    check_diff_ids(config, len(saved.Layers), tar.where)
    return Image(name=name, digest=Digest.of(raw), config=config, config_bytes=raw, layers=_layers(tar, saved, config))


def _layers(tar: TarIndex, saved: _Saved, config: ImageConfig) -> tuple[SavedLayer, ...]:
    return tuple(_layer(tar, path, diff_id) for path, diff_id in zip(saved.Layers, config.diff_ids, strict=True))


def _layer(tar: TarIndex, path: str, diff_id: Digest) -> SavedLayer:
    member = _find(tar, path)
    head = tar.open(member).read(4)
    if head.startswith(_GZIP_MAGIC):
        kind, digest = media_type.DOCKER_LAYER_GZIP, _digest(tar, member)
    elif head.startswith(_ZSTD_MAGIC):
        kind, digest = media_type.OCI_LAYER_ZSTD, _digest(tar, member)
    else:  # what is not packed is the tar stream itself; whoever reads it checks that
        kind, digest = media_type.DOCKER_LAYER, diff_id
    descriptor = Descriptor(media_type=kind, digest=digest, size=member.size)
    return SavedLayer(descriptor=descriptor, diff_id=diff_id, tar=tar, member=member)


def _digest(tar: TarIndex, member: Member) -> Digest:
    digest = hashlib.sha256()
    source = tar.open(member)
    while chunk := source.read(MIB):
        digest.update(chunk)
    return Digest("sha256:" + digest.hexdigest())


def _document(tar: TarIndex, path: str, max_bytes: int) -> bytes:
    return read_bounded(tar.open(_find(tar, path)), max_bytes=max_bytes, what=f"{tar.where}: {printable(path[:200])}")


def _find(tar: TarIndex, path: str) -> Member:
    member = tar.find(path)
    if member is None:
        raise InvalidInputError(f"member {printable(path[:200])!r} is missing", where=tar.where)
    return member
