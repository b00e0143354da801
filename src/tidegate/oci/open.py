# SPDX-License-Identifier: Apache-2.0
"""Opens what a target names: the way from the command line to an image or a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.artifact import Platform
from tidegate.errors import InvalidInputError, UsageError
from tidegate.oci.image import Folder, Image
from tidegate.oci.layout import open_layout
from tidegate.oci.target import Scheme, Target

if TYPE_CHECKING:  # and imported where a target needs them: a layout folder is opened without
    from tidegate.oci.choose import Unlock
    from tidegate.oci.registry import RegistryClient
    from tidegate.oci.tar_index import TarIndex


@contextmanager
def open_target(
    target: Target,
    *,
    platform: Platform | None = None,
    registry: "RegistryClient | None" = None,
    scratch: Path | None = None,
    max_inflated_bytes: int | None = None,
    unlock: "Unlock | None" = None,
) -> Iterator[Image | Folder]:
    """Opens an image or a folder; leaving the block closes every file, so read its layers inside.

    Args:
        target: what to open.
        platform: which image of an index; None takes the only one, or this machine's.
        registry: for registry targets.
        scratch: folder for the nameless file that a packed archive is unpacked into; None for the system's.
        max_inflated_bytes: the longest tar accepted from a packed archive; None for the bound of `oci.archive`.
        unlock: makes encrypted layers readable (`oci.encryption.opened`); None refuses an image that has some.

    Raises:
        BoundExceededError: over a limit.
        DigestMismatchError: a manifest or configuration is not what its digest says.
        InvalidInputError: the image is broken, encrypted or of a type unknown here.
        NotFoundError: there is no such name, tag or platform; tells which there are.
        OutsideError: the disk or the registry failed.
        UsageError: there are several images and none is named; or no registry client for a registry target.
    """
    path = target.path
    if path is None:
        yield _from_registry(target, platform, registry, unlock)
    elif target.scheme is Scheme.SBOM:
        raise UsageError("is a bill of materials, not an image", where=target.text, remedy="name the image itself")
    elif target.scheme is Scheme.OCI:
        yield open_layout(path, tag=target.tag, digest=target.digest, wanted=platform, name=target.text, unlock=unlock)
    elif target.scheme in {Scheme.ROOTFS, Scheme.DIR}:
        yield Folder(name=target.text, root=path, is_source=target.scheme is Scheme.DIR)
    else:
        from tidegate.oci.archive import MAX_INFLATED_BYTES, open_tar

        with open_tar(path, scratch=scratch, max_inflated_bytes=max_inflated_bytes or MAX_INFLATED_BYTES) as tar:
            yield _from_archive(tar, target, platform, unlock)


def _from_archive(tar: "TarIndex", target: Target, platform: Platform | None, unlock: "Unlock | None") -> Image:
    from tidegate.oci.archive import is_layout, open_layout_archive

    if is_layout(tar):
        return open_layout_archive(
            tar, tag=target.tag, digest=target.digest, wanted=platform, name=target.text, unlock=unlock
        )
    if "manifest.json" not in tar.names:
        raise InvalidInputError(
            "holds no image: neither an OCI layout nor what docker save writes", where=str(target.path)
        )
    if target.digest is not None:
        raise UsageError("cannot be chosen by digest", where=target.text, remedy="append :NAME")
    from tidegate.oci.docker_archive import open_saved

    return open_saved(tar, tag=target.tag, wanted=platform, name=target.text)


def _from_registry(
    target: Target, platform: Platform | None, registry: "RegistryClient | None", unlock: "Unlock | None"
) -> Image:
    if target.reference is None:
        raise UsageError("names no image", where=target.text)
    if registry is None:
        raise UsageError("no registry can be asked here", where=target.text)
    return registry.open(target.reference, wanted=platform, name=target.text, unlock=unlock)
