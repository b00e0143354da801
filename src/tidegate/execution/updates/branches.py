# SPDX-License-Identifier: Apache-2.0
"""Updates as branches of a GitOps repository: one for each group, renewed in its place, closed when nothing is left.

A branch is ours while its tip is a commit of ours for the same folder and base: what a person put there, or checked
out, is left to them. One whose change still fits is not made anew only because its base moved.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from tidegate.bounds import printable
from tidegate.errors import BoundExceededError, NotFoundError
from tidegate.execution.updates.files import SUFFIXES, Ask, ChangedFile, FileUpdates, judge_files
from tidegate.execution.updates.git_store import Author, GitStore, TreeFile
from tidegate.values import Struct, replace

PREFIX: Final = "tidegate/update"
TRAILER: Final = "Tidegate-Update"
MAX_GROUPS: Final = 200
_MAX_SLUG: Final = 80
_MAX_LINES: Final = 200
_UNFIT: Final = re.compile(r"[^a-z0-9]+")


class Turn(StrEnum):
    """What became of a branch."""

    OPENED = "opened"
    RENEWED = "renewed"
    UNCHANGED = "unchanged"
    CLOSED = "closed"
    LEFT = "left"
    """It is somebody else's by now."""


class BranchTurn(Struct, frozen=True, kw_only=True):
    """One branch.

    Attributes:
        commit: its tip; "" when it is closed.
        why: of a closed or left one.
    """

    branch: str
    turn: Turn
    commit: str = ""
    why: str = ""


class BranchUpdates(Struct, frozen=True, kw_only=True):
    """What became of all branches, and what was found in the base's files."""

    branches: tuple[BranchTurn, ...]
    found: FileUpdates


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be proposed where.

    Attributes:
        base: the branch that is updated.
        under: folder of it; "" for all.
        cluster: what it is applied to, as rules name it.
        passport: how a digest's passport is asked for.
    """

    base: str
    under: str
    cluster: str
    author: Author
    passport: Callable[[str], str]

    @property
    def scope(self) -> str:
        """Tells branches of one run from those of another."""
        return f"{self.base}:{self.under} {self.cluster}".strip()


def update_branches(store: GitStore, wanted: Wanted, ask: Ask, *, at: datetime) -> BranchUpdates:
    """Proposes what may be updated in a branch's files, one branch for each group.

    Raises:
        NotFoundError: there is no such base.
        BoundExceededError: the tree is larger than is read, or there are more than `MAX_GROUPS`.
        RefusedError: a branch was moved meanwhile.
    """
    base = store.tip(wanted.base)
    if not base:
        raise NotFoundError("no such branch", where=f"{store.folder} {wanted.base}"[:300])
    tree = {file.path: file for file in store.files(base, wanted.under, SUFFIXES)}
    judged = judge_files(store.contents(list(tree.values())), ask, cluster=wanted.cluster)
    everything = judged.updated()
    groups = dict.fromkeys(one.group for changed in everything.changed for one in changed.proposals)
    if len(groups) > MAX_GROUPS:
        raise BoundExceededError("MAX_GROUPS", MAX_GROUPS, where=str(store.folder))
    proposing = _Proposing(store, wanted, base, tree, at)
    turns = [
        proposing.turn(group, judged.updated(lambda one, own=group: one.group == own).changed)  # type: ignore[misc] # no lambda with a default
        for group in groups
    ]
    turns += proposing.close({one.branch for one in turns})
    return BranchUpdates(branches=tuple(turns), found=everything)


class _Proposing:
    """One run over one base."""

    def __init__(self, store: GitStore, wanted: Wanted, base: str, tree: Mapping[str, TreeFile], at: datetime) -> None:
        self._store = store
        self._wanted = wanted
        self._base = base
        self._tree = tree
        self._at = at
        self._taken = store.checked_out()
        self._tips = store.branches(PREFIX)

    def turn(self, group: str, changed: Sequence[ChangedFile]) -> BranchTurn:
        """Makes the branch of a group, or makes it anew in its place."""
        branch = f"{PREFIX}/{_slug(self._wanted, group)}"
        before = self._tips.get(branch, "")
        if before and (objection := self._objection(branch, before)):
            return BranchTurn(branch=branch, turn=Turn.LEFT, commit=before, why=objection)
        files = [
            replace(self._tree[one.path], blob=self._store.write(one.after.encode()), size=len(one.after.encode()))
            for one in changed
        ]
        if before and self._still_fits(before, files):
            return BranchTurn(branch=branch, turn=Turn.UNCHANGED, commit=before)
        message = _message(self._wanted, group, changed)
        commit = self._store.commit(self._base, files, message, author=self._wanted.author, at=self._at)
        self._store.point(branch, commit, before=before)
        return BranchTurn(branch=branch, turn=Turn.RENEWED if before else Turn.OPENED, commit=commit)

    def close(self, kept: Collection[str]) -> Iterator[BranchTurn]:
        """Removes branches of the same scope that have nothing to propose any more."""
        for branch, tip in self._tips.items():
            if branch in kept or self._scope_of(tip) != self._wanted.scope:
                continue
            if branch in self._taken:
                yield BranchTurn(branch=branch, turn=Turn.LEFT, commit=tip, why="a work tree has it checked out")
                continue
            merged = self._store.is_in(tip, self._base)
            self._store.point(branch, "", before=tip)
            why = f"is merged into {self._wanted.base}" if merged else "nothing of it is left to propose"
            yield BranchTurn(branch=branch, turn=Turn.CLOSED, why=why)

    def _objection(self, branch: str, tip: str) -> str:
        if branch in self._taken:
            return "a work tree has it checked out"
        return "" if self._scope_of(tip) == self._wanted.scope else "somebody else has worked on it"

    def _scope_of(self, tip: str) -> str:
        """The scope that the last line of a commit's message names; "" of one that is not ours."""
        last = self._store.message(tip).rstrip().rpartition("\n")[2]
        name, _, scope = last.partition(": ")
        return scope if name == TRAILER else ""

    def _still_fits(self, tip: str, files: Sequence[TreeFile]) -> bool:
        """True when the branch makes the very change that is wanted, of files that are at the base as at its parent."""
        parent = self._store.parent(tip)
        if not parent:
            return False
        turned = {file.path: (self._tree[file.path].blob, file.blob) for file in files}
        return self._store.turned(parent, tip) == turned


def _slug(wanted: Wanted, group: str) -> str:
    """A name of a branch for a group: readable, and never that of another group."""
    whole = f"{wanted.scope} {group}"
    readable = _UNFIT.sub("-", f"{wanted.under} {group}".lower()).strip("-")[:_MAX_SLUG].strip("-")
    return f"{readable}-{sha256(whole.encode()).hexdigest()[:8]}".lstrip("-")


def _message(wanted: Wanted, group: str, changed: Sequence[ChangedFile]) -> str:
    proposals = list(dict.fromkeys(one for file in changed for one in file.proposals))
    names = sorted({f"{one.to.repository} to {one.to.tag or one.to.digest}" for one in proposals})
    head = f"Update {names[0]}" if len(names) == 1 else f"Update {len(names)} images of {group}"
    lines: list[str] = []
    for file in changed:
        for one in file.proposals:
            lines += ["", f"{file.path}, {one.runs.workload}:", *(f"* {line}" for line in one.why)]
    if len(lines) > _MAX_LINES:
        lines = [*lines[:_MAX_LINES], "* and more"]
    passports = sorted({wanted.passport(one.to.digest) for one in proposals})
    parts = [head, *lines, "", "What is on record of what is new:", *(f"* {one}" for one in passports)]
    return "\n".join(map(printable, [*parts, "", f"{TRAILER}: {wanted.scope}"])) + "\n"
