# SPDX-License-Identifier: Apache-2.0
"""Which commit a folder of sources is held against: the last one it shares with the branch it shall go to."""

from pathlib import Path, PurePosixPath
from typing import Final

from tidegate.bounds import KIB
from tidegate.development.git.repository import Repository
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, TidegateError
from tidegate.scan.git_program import git_output
from tidegate.values import Struct

DEFAULTS: Final = ("origin/HEAD", "upstream/HEAD", "origin/main", "origin/master", "main", "master")
"""Where a branch goes to, by habit; the first that is there counts."""
_UNSHALLOW: Final = "fetch more of it: git fetch --unshallow, or in CI a checkout with its whole history"


class Place(Struct, frozen=True, kw_only=True):
    """A folder in a repository.

    Attributes:
        repository: its root.
        below: the folder within it, "" for the root itself.
    """

    repository: Repository
    below: str


class MergeBase(Struct, frozen=True, kw_only=True):
    """The last commit that is shared.

    Attributes:
        branch: as git names it.
        is_itself: what is looked at is that branch, not another one that shall go there: nothing has been committed
            since, and no other branch is checked out.
    """

    branch: str
    commit: str
    is_itself: bool


def place_of(folder: Path) -> Place | None:
    """Where a folder lies in its repository; None where there is none, or git cannot read it."""
    try:
        top = _one_line(folder, ("rev-parse", "--show-toplevel"))
        below = _one_line(folder, ("rev-parse", "--show-prefix"))
    except TidegateError:
        return None
    try:
        return Place(repository=Repository(Path(top)), below=str(PurePosixPath(below)) if below else "")
    except NotFoundError:
        return None


def merge_base(place: Place, branch: str) -> MergeBase:
    """The commit to be held against.

    Args:
        place: the folder.
        branch: as asked for; "" finds the one that a branch goes to by habit.

    Raises:
        NotFoundError: there is no such branch, none by habit, or nothing is shared with it as far as the clone tells.
    """
    repository = place.repository
    where = str(repository.folder)
    try:
        head = repository.resolve("HEAD")
    except NotFoundError as error:
        raise NotFoundError("there is no commit yet", where=where, remedy="commit, or use --all") from error
    name, tip = _branch(repository, branch)
    try:
        common = _one_line(repository.folder, ("merge-base", "--end-of-options", tip, head))
    except InvalidInputError as error:
        is_shallow = _one_line(repository.folder, ("rev-parse", "--is-shallow-repository")) == "true"
        what = f"no commit is shared with {name}" + (", as far as this shallow clone tells" if is_shallow else "")
        remedy = _UNSHALLOW if is_shallow else "name another branch with --against, or use --all"
        raise NotFoundError(what, where=where, remedy=remedy) from error
    return MergeBase(branch=name, commit=common, is_itself=common == head and _is_on(repository, name))


def head_of(place: Place) -> MergeBase:
    """The last commit itself, which what is staged is held against.

    Raises:
        NotFoundError: there is none yet.
    """
    return MergeBase(branch="HEAD", commit=place.repository.resolve("HEAD"), is_itself=False)


def _branch(repository: Repository, asked: str) -> tuple[str, str]:
    for name in (asked, f"origin/{asked}") if asked else DEFAULTS:
        try:
            return _short(repository, name), repository.resolve(name)
        except NotFoundError:
            continue
    if asked:
        raise NotFoundError(
            f"no branch is called {asked[:80]!r}",
            where=str(repository.folder),
            remedy="fetch it, or name another with --against",
        )
    raise NotFoundError(
        "neither the remote's default branch nor main is there",
        where=str(repository.folder),
        remedy="name one with --against",
    )


def _is_on(repository: Repository, branch: str) -> bool:
    """True on the branch itself, or the local one of its name; and where none is checked out, as in CI."""
    try:
        here = _one_line(repository.folder, ("symbolic-ref", "--quiet", "--short", "HEAD"))
    except InvalidInputError:
        return True
    return branch == here or branch.endswith(f"/{here}")


def _short(repository: Repository, name: str) -> str:
    """What `origin/HEAD` stands for; other names as they are."""
    if not name.endswith("/HEAD"):
        return name
    try:
        return _one_line(repository.folder, ("rev-parse", "--abbrev-ref", name)) or name
    except TidegateError:
        return name


def _one_line(folder: Path, arguments: tuple[str, ...]) -> str:
    try:
        with git_output(folder, arguments) as output:
            return output.read(64 * KIB).decode("utf-8", "surrogateescape").removesuffix("\n")
    except OutsideError as error:
        raise NotFoundError("git cannot be run", where=str(folder), remedy="install git") from error
