# SPDX-License-Identifier: Apache-2.0
"""Compares an image with a commit of a repository: which of its files are its makers' own, and what became of them."""

from collections.abc import Sequence

from tidegate.artifact import ImageConfig
from tidegate.development.git.repository import Repository
from tidegate.development.origin.content import ContentFinding, ImageFile, compare
from tidegate.examination.base_image import base_layers_by_history
from tidegate.scan.contents import SeenFile
from tidegate.scan.custody.instruction import copied_layers

_LINK = "120000"


def own_files(files: Sequence[SeenFile], config: ImageConfig, layers: int) -> tuple[ImageFile, ...]:
    """The files an image's makers laid in, above the image it was built upon.

    Where the history does not tell which layers those are, all files above the base are.
    """
    base = base_layers_by_history(config.history, layers)
    copied = copied_layers(config, layers)
    if not any(copied[base:]):
        copied = (True,) * layers
    return tuple(ImageFile(it.path, it.size, it.sha256) for it in files if it.layer >= base and copied[it.layer])


def compare_with_commit(files: Sequence[ImageFile], repository: Repository, commit: str) -> ContentFinding:
    """Compares files with a commit's; only blobs of a size that one of them has are read.

    Raises:
        BoundExceededError: the commit has too many files, or too much of them must be read.
        InvalidInputError: an object of git is not what its name says.
    """
    sizes = {file.size for file in files}
    tree = [it for it in repository.files(commit) if it.mode != _LINK]
    digests = dict(repository.digests(it.blob for it in tree if it.size in sizes))
    return compare(files, {it.path: digests.get(it.blob) for it in tree})
