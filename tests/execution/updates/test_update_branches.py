# SPDX-License-Identifier: Apache-2.0
"""Updates as branches, by a real git: opened, renewed in place, closed, and nothing of the repository's own runs."""

import os
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from update_samples import AT, digest, judged, running, shelved

from tidegate.artifact import Repository
from tidegate.errors import InvalidInputError, NotFoundError, RefusedError
from tidegate.execution.updates.branches import PREFIX, BranchTurn, Turn, Wanted, update_branches
from tidegate.execution.updates.git_store import Author, GitStore
from tidegate.execution.updates.judge import Judged
from tidegate.execution.updates.known import Runs, Shelved

AUTHOR = Author.parse("Tide Gate <gate@example.com>")
APP = "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: a, image: {image}}}]}}  # ours\n"


def git(folder: Path, *words: str, given: str = "") -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    environment |= {
        f"GIT_{who}_{what}": "anna@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", *words], cwd=folder, input=given, capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.strip()


def write(folder: Path, files: dict[str, str], message: str = "more") -> str:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work tree on main with two images that may be updated, and one that may not."""
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-qb", "main")
    images = {"a": "team/app:1.25.3", "b": "team/side:1.25.3", "c": "team/app:9.9.9"}
    write(folder, {f"prod/{name}.yaml": APP.format(image=image) for name, image in images.items()}, "first")
    return folder


class Known:
    """Images on record, as they become more."""

    def __init__(self) -> None:
        self.tags = ["1.25.3", "1.25.4"]

    def __call__(self, places: Sequence[Runs]) -> list[Judged]:
        return [
            judged(
                running(str(one.tag), repository=one.repository, digest=one.digest or digest(str(one.tag))),
                *self._on(one),
            )
            for one in places
        ]

    def _on(self, one: Runs) -> list[Shelved]:
        return [shelved(tag, repository=Repository(str(one.repository))) for tag in self.tags]


def propose(
    folder: Path, known: Known, *, author: Author = AUTHOR, base: str = "main", days: int = 0
) -> list[BranchTurn]:
    wanted = Wanted(base=base, under="prod", cluster="", author=author, passport=lambda one: f"https://gate/{one}")
    return list(update_branches(GitStore(folder), wanted, known, at=AT + timedelta(days=days)).branches)


def turns(found: list[BranchTurn]) -> list[Turn]:
    return [one.turn for one in found]


def bare_of(work: Path) -> Path:
    git(work, "clone", "-q", "--bare", ".", "../bare.git")
    return work.parent / "bare.git"


@pytest.mark.parametrize("is_bare", [False, True])
def test_each_group_gets_a_branch_with_one_commit_that_says_why(work: Path, is_bare: bool) -> None:
    folder = bare_of(work) if is_bare else work
    status = "" if is_bare else git(folder, "status", "--porcelain")
    app, side = propose(folder, Known())
    assert (app.turn, side.turn) == (Turn.OPENED, Turn.OPENED)
    assert git(folder, "rev-parse", f"{app.branch}^") == git(folder, "rev-parse", "main")
    assert git(folder, "diff", "--name-only", "main", app.branch).split() == ["prod/a.yaml"]
    assert git(folder, "show", f"{app.branch}:prod/a.yaml") + "\n" == APP.format(
        image=f"team/app:1.25.4@{digest('1.25.4')}"
    )
    message = git(folder, "log", "-1", "--format=%B", app.branch)
    assert message.startswith("Update team/app to 1.25.4\n")
    assert "removes CVE-2026-1 (high), brings nothing" in message
    assert f"https://gate/{digest('1.25.4')}" in message
    assert git(folder, "log", "-1", "--format=%an <%ae>", app.branch) == "Tide Gate <gate@example.com>"
    git(folder, "fsck", "--strict")
    if not is_bare:
        assert git(folder, "status", "--porcelain") == status


def test_a_second_run_and_a_base_that_moved_elsewhere_change_nothing(work: Path) -> None:
    first = propose(work, Known())
    again = propose(work, Known(), days=1)
    assert turns(again) == [Turn.UNCHANGED] * 2
    assert [one.commit for one in again] == [one.commit for one in first]
    write(work, {"README": "x"})
    assert turns(propose(work, Known(), days=2)) == [Turn.UNCHANGED] * 2


def test_a_newer_image_or_a_base_that_moved_there_renews_the_branch_in_its_place(work: Path) -> None:
    known = Known()
    first = propose(work, known)
    known.tags.append("1.25.5")
    second = propose(work, known)
    assert turns(second) == [Turn.RENEWED] * 2
    assert [one.branch for one in second] == [one.branch for one in first]
    assert "1.25.5" in git(work, "show", f"{second[0].branch}:prod/a.yaml")
    write(work, {"prod/a.yaml": "# above\n" + APP.format(image="team/app:1.25.3")})
    third = propose(work, known)
    assert turns(third) == [Turn.RENEWED, Turn.UNCHANGED]
    assert git(work, "rev-parse", f"{third[0].branch}^") == git(work, "rev-parse", "main")


def test_a_branch_is_closed_when_it_is_merged_and_when_nothing_is_left_of_it(work: Path) -> None:
    app, side = propose(work, Known())
    git(work, "merge", "-q", "--ff-only", app.branch)
    write(work, {"prod/b.yaml": "kind: x\n"})
    found = {one.branch: one for one in propose(work, Known())}
    assert turns(list(found.values())) == [Turn.CLOSED] * 2
    assert found[app.branch].why == "is merged into main"
    assert found[side.branch].why == "nothing of it is left to propose"
    assert git(work, "for-each-ref", f"refs/heads/{PREFIX}") == ""


def test_what_a_person_works_on_is_left_to_them(work: Path) -> None:
    app, side = propose(work, Known())
    git(work, "checkout", "-q", app.branch)
    mine = write(work, {"prod/a.yaml": "mine\n"}, "by hand")
    git(work, "checkout", "-q", side.branch)
    known = Known()
    known.tags.append("1.25.5")
    found = propose(work, known)
    assert turns(found) == [Turn.LEFT, Turn.LEFT]
    assert [one.why for one in found] == ["somebody else has worked on it", "a work tree has it checked out"]
    assert git(work, "rev-parse", app.branch) == mine
    known.tags = []
    assert [one.branch for one in propose(work, known)] == [side.branch], "nor is it closed"
    assert git(work, "rev-parse", side.branch) == side.commit


def test_runs_of_another_scope_leave_each_other_alone(work: Path) -> None:
    propose(work, Known())
    git(work, "branch", "stage")
    other = propose(work, Known(), base="stage")
    assert turns(other) == [Turn.OPENED] * 2
    assert turns(propose(work, Known())) == [Turn.UNCHANGED] * 2
    assert len(git(work, "for-each-ref", f"refs/heads/{PREFIX}").splitlines()) == 4


def test_a_commit_is_signed_by_the_key_of_the_settings(work: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (tmp_path / "allowed").write_text(f"gate@example.com {key.with_suffix('.pub').read_text()}")
    git(work, "config", "gpg.ssh.program", "/bin/false")
    found = propose(work, Known(), author=Author.parse("G <gate@example.com>", signing_key=key))
    git(work, "config", "--unset", "gpg.ssh.program")
    git(work, "-c", f"gpg.ssh.allowedSignersFile={tmp_path / 'allowed'}", "verify-commit", found[0].commit)
    known, missing = Known(), Author.parse("G <gate@example.com>", signing_key=tmp_path / "none")
    known.tags.append("1.25.6")
    with pytest.raises(InvalidInputError):
        propose(bare_of(work), known, author=missing)


def test_nothing_of_a_hostile_repository_runs_or_is_followed(work: Path, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 >> {trace}\ncat\n")
    program.chmod(0o755)
    hooks = work / ".git" / "hooks"
    for name in ("reference-transaction", "post-commit", "pre-commit", "post-index-change", "commit-msg"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {trace}\nexit 1\n")
        (hooks / name).chmod(0o755)
    for name in ("core.fsmonitor", "filter.x.clean", "filter.x.smudge", "gpg.program", "diff.external", "core.editor"):
        git(work, "config", name, str(program))
    git(work, "config", "core.hooksPath", str(hooks))
    git(work, "config", "commit.gpgSign", "true")
    (work / ".git" / "info" / "attributes").write_text("*.yaml filter=x\n")
    (work / "prod" / "secret.yaml").symlink_to("/etc/passwd")
    (work / "prod" / "..evil.yaml").write_text(APP.format(image="team/app:1.25.3"))
    (work / "prod" / "-n.yaml").write_text(APP.format(image="team/app:1.25.3"))
    tree = {"core.hooksPath": "/dev/null", "filter.x.clean": "cat", "core.fsmonitor": "false"}
    settings = [part for name, value in tree.items() for part in ("-c", f"{name}={value}")]
    git(work, *settings, "add", "-A")
    git(work, *settings, "commit", "-q", "--no-gpg-sign", "-m", "hostile")
    trace.unlink(missing_ok=True)
    found = propose(work, Known())
    assert turns(found) == [Turn.OPENED] * 2
    assert not trace.exists(), trace.read_text()
    changed = git(work, *settings, "diff", "--name-only", "--no-ext-diff", "main", found[0].branch)
    assert changed.split() == ["prod/-n.yaml", "prod/..evil.yaml", "prod/a.yaml"]


def test_two_that_race_do_not_lose_a_branch(work: Path) -> None:
    store = GitStore(work)
    base, other = store.tip("main"), write(work, {"x": "y"})
    store.point(f"{PREFIX}/x", base, before="")
    with pytest.raises(RefusedError, match="moved meanwhile"):
        store.point(f"{PREFIX}/x", other, before="")
    with pytest.raises(RefusedError, match="moved meanwhile"):
        store.point(f"{PREFIX}/x", "", before=other)
    assert store.branches(PREFIX) == {f"{PREFIX}/x": base}


def test_what_is_no_repository_or_no_base_is_told(work: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no git repository"):
        GitStore(tmp_path)
    with pytest.raises(NotFoundError, match="no such branch"):
        propose(work, Known(), base="--all")
    with pytest.raises(InvalidInputError, match="not an author"):
        Author.parse("nobody")
