# SPDX-License-Identifier: Apache-2.0
"""The files that an image's makers laid in, beside the files of a commit; pure.

A file is *same* when the commit has one of equal content, wherever it lies. Of the same ones it is learnt which folder
of the image is which of the repository (`app` is `src`); a file that has its counterpart there, with other content, is
*different*. All others are *unmatched*: built, generated, or brought from elsewhere. Empty files say nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tidegate.values import Struct

MAX_LISTED: Final = 1000
"""Files of one list that are named; counts are whole."""


class ImageFile(Struct, frozen=True):
    """A file of the image; `sha256` raw, b"" when it is not known."""

    path: str
    size: int
    sha256: bytes


class ContentFinding(Struct, frozen=True, kw_only=True):
    """What became of the comparison.

    Attributes:
        files: that were compared, `bytes` all together.
        same: how many of them the commit has, `same_bytes` likewise.
        different: those whose counterpart in the commit is another, as `path (path in the repository)`.
        unmatched: those without a counterpart.
        folders: which folder of the image is which of the repository, as learnt: `app = src`.
    """

    files: int = 0
    bytes: int = 0
    same: int = 0
    same_bytes: int = 0
    different_count: int = 0
    different: tuple[str, ...] = ()
    unmatched_count: int = 0
    unmatched: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


def compare(files: Iterable[ImageFile], tree: Mapping[str, bytes | None]) -> ContentFinding:
    """Compares files with those of a commit.

    Args:
        files: of the image.
        tree: sha256 of each file of the commit by its path; None where it was not worked out, because no file of the
            image is of its size: it is another then.
    """
    told = sorted((file for file in files if file.size), key=lambda file: file.path)
    paths_of: dict[bytes, list[str]] = {}
    for path, digest in tree.items():
        if digest is not None:
            paths_of.setdefault(digest, []).append(path)
    same = [file for file in told if file.sha256 and file.sha256 in paths_of]
    folders = _folders(same, paths_of)
    others = [file for file in told if not (file.sha256 and file.sha256 in paths_of)]
    counterparts = [(file, _counterpart(file.path, folders, tree)) for file in others]
    different = [f"{file.path} ({path})" for file, path in counterparts if path]
    unmatched = [file.path for file, path in counterparts if not path]
    return ContentFinding(
        files=len(told),
        bytes=sum(file.size for file in told),
        same=len(same),
        same_bytes=sum(file.size for file in same),
        different_count=len(different),
        different=tuple(different[:MAX_LISTED]),
        unmatched_count=len(unmatched),
        unmatched=tuple(unmatched[:MAX_LISTED]),
        folders=tuple(f"{image or '/'} = {source or '.'}" for image, source in folders)[:100],
    )


def _folders(same: Sequence[ImageFile], paths_of: Mapping[bytes, list[str]]) -> tuple[tuple[str, str], ...]:
    """Folders of the image and of the repository that hold the same files under the same names, longest first."""
    found: dict[tuple[str, str], None] = {}
    for file in same:
        for path in paths_of[file.sha256][:20]:
            if file.path.rpartition("/")[2] == path.rpartition("/")[2]:
                found[_without_common_end(file.path, path)] = None
    return tuple(sorted(found, key=lambda pair: (-len(pair[0]), pair)))


def _without_common_end(one: str, other: str) -> tuple[str, str]:
    ours, theirs = one.split("/"), other.split("/")
    while ours and theirs and ours[-1] == theirs[-1]:
        ours.pop()
        theirs.pop()
    return "/".join(ours), "/".join(theirs)


def _counterpart(path: str, folders: Sequence[tuple[str, str]], tree: Mapping[str, bytes | None]) -> str:
    """The path in the repository that a file of the image should be; "" when there is none.

    Where no folder is known yet, the end of the path that is a whole path of the repository.
    """
    for image, source in folders:
        if not image or path.startswith(f"{image}/"):
            rest = path[len(image) :].lstrip("/") if image else path
            wanted = f"{source}/{rest}" if source else rest
            if wanted in tree:
                return wanted
    if folders:
        return ""
    parts = path.split("/")
    ends = ("/".join(parts[at:]) for at in range(len(parts)))
    return next((end for end in ends if end in tree), "")
