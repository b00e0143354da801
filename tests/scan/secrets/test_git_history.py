# SPDX-License-Identifier: Apache-2.0
"""Histories made by the real git: what was deleted is told at its first commit; a hostile repository runs nothing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from secret_samples import made

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import SecretFact
from tidegate.scan.git_history import HistoryLimits, is_repository, secrets_in_history
from tidegate.scan.secrets.detector import SecretDetector

pytestmark = pytest.mark.tools
DETECTOR = SecretDetector()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is missing: apt-get install git")
    git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.invalid", "-c", "commit.gpgsign=false")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    return subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True, env=environment
    ).stdout.strip()


def commit(folder: Path, files: dict[str, bytes | None]) -> str:
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "a step")
    return git(folder, "rev-parse", "HEAD")


def found(folder: Path) -> list[SecretFact]:
    return secrets_in_history(folder, DETECTOR)


def test_a_deleted_secret_is_told_at_its_first_commit(repository: Path) -> None:
    secret = made("ghp_<36:alnum>")
    commit(repository, {"a.py": b"x = 1\n"})
    first = commit(repository, {"deep/a.py": b"x = 1\ntoken = '" + secret + b"'\n"})
    commit(repository, {"deep/a.py": b"\n\nx = 2\ntoken = '" + secret + b"'\n"})
    commit(repository, {"deep/a.py": None})
    assert [(it.rule, it.path, it.line, it.column, it.commit, it.place, it.author) for it in found(repository)] == [
        ("github-token", "deep/a.py", 2, 10, first, "git", "Ann <ann@example.invalid>")
    ]


def test_branches_stashes_merges_and_odd_names_are_seen(repository: Path) -> None:
    commit(repository, {"base": b"1\n"})
    git(repository, "checkout", "-q", "-b", "side")
    on_side = commit(repository, {'ä \t"odd': made("glpat-<20:alnum>")})
    git(repository, "checkout", "-q", "main")
    commit(repository, {"base": b"2\n"})
    git(repository, "merge", "-q", "--no-commit", "side")
    evil = commit(repository, {"merged": made("npm_<36:alnum>")})
    (repository / "base").write_bytes(made("dop_v1_<64:hex>"))
    git(repository, "stash")
    told = {it.rule: it for it in found(repository)}
    assert set(told) == {"gitlab-token", "npm-token", "digitalocean-token"}
    assert told["gitlab-token"].commit == on_side
    assert told["npm-token"].commit == evil


def test_a_bare_repository_and_none_at_all(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    commit(repository, {"a": made("ghp_<36:alnum>")})
    bare = tmp_path_factory.mktemp("bare") / "b.git"
    git(repository, "clone", "-q", "--bare", str(repository), str(bare))
    assert is_repository(bare)
    assert [it.rule for it in found(bare)] == ["github-token"]
    empty = tmp_path_factory.mktemp("empty")
    assert not is_repository(empty)
    with pytest.raises(InvalidInputError, match="git cannot read it"):
        found(empty)


def test_a_hostile_repository_runs_nothing(repository: Path) -> None:
    commit(repository, {"a": made("ghp_<36:alnum>"), ".gitattributes": b"* diff=evil filter=evil\n"})
    witness = repository / "witness"
    touch = f"touch {witness}"
    for key in (
        "core.fsmonitor",
        "core.pager",
        "diff.external",
        "diff.evil.textconv",
        "filter.evil.smudge",
        "gpg.program",
        "core.sshCommand",
        "alias.log",
        "core.alternateRefsCommand",
        "uploadpack.packObjectsHook",
    ):
        git(repository, "config", key, touch)
    git(repository, "config", "log.showSignature", "true")
    for hook in (repository / ".git/hooks").iterdir():
        hook.unlink()
    hook = repository / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\n{touch}\n")
    hook.chmod(0o755)
    assert [it.rule for it in found(repository)] == ["github-token"]
    assert not witness.exists()


def test_a_history_over_its_bounds_is_named(repository: Path) -> None:
    commit(repository, {str(i): f"{i}\n".encode() for i in range(5)})
    with pytest.raises(BoundExceededError, match="max_blobs = 4"):
        secrets_in_history(repository, DETECTOR, HistoryLimits(max_blobs=4))
    with pytest.raises(BoundExceededError, match="max_bytes = 5"):
        secrets_in_history(repository, DETECTOR, HistoryLimits(max_bytes=5))
