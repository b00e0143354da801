# SPDX-License-Identifier: Apache-2.0
"""Source provenance: of a real repository with signed commits and tags, and of what forges answer."""

import json
from pathlib import Path
from typing import Any

import pytest
from git_works import SshKeys, Work, needs_programs, signing_with_ssh

from tidegate.cli import main
from tidegate.development.protection import read_protection
from tidegate.errors import InvalidInputError
from tidegate.evidence.predicates.source import read_source

GITHUB: dict[str, Any] = {
    "url": "https://api.github.com/repos/team/app/branches/main/protection",
    "required_pull_request_reviews": {
        "required_approving_review_count": 2,
        "bypass_pull_request_allowances": {"users": [{"login": "robot"}], "teams": [], "apps": [{"slug": "ci"}]},
    },
    "required_status_checks": {"contexts": ["test"]},
    "required_signatures": {"enabled": True},
    "enforce_admins": {"enabled": False},
    "allow_force_pushes": {"enabled": False},
    "allow_deletions": {"enabled": True},
}


def read(answer: dict[str, Any]) -> Any:
    return read_protection(json.dumps(answer).encode(), ref="main", where="answer")


def test_what_github_answers() -> None:
    found = read(GITHUB)
    assert (found.required_reviews, found.force_push_blocked, found.deletion_blocked) == (2, True, False)
    assert (found.signatures_required, found.required_checks) == (True, ("test",))
    assert found.bypassed_by == ("robot", "ci", "administrators")
    bare = read({"allow_force_pushes": {"enabled": True}})
    assert (bare.required_reviews, bare.force_push_blocked, bare.bypassed_by) == (0, False, ("administrators",))


def test_what_gitlab_answers() -> None:
    answer = {
        "name": "main",
        "push_access_levels": [{"access_level": 40, "access_level_description": "Maintainers"}],
        "allow_force_push": False,
        "code_owner_approval_required": True,
    }
    found = read(answer)
    assert (found.required_reviews, found.force_push_blocked, found.bypassed_by) == (1, True, ("Maintainers",))
    closed = read(answer | {"push_access_levels": [{"access_level": 0}], "allow_force_push": None})
    assert (closed.force_push_blocked, closed.bypassed_by) == (False, ())


@pytest.mark.parametrize(
    "answer",
    [{}, {"message": "Not Found"}, GITHUB | {"required_status_checks": {"contexts": 5}}, {"forcePushBlocked": "yes"}],
)
def test_other_answers_are_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read(answer)


@needs_programs
def test_the_command_tells_who_signed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work, keys = Work(tmp_path / "work"), SshKeys(tmp_path)
    ann, eve = keys.make("ann"), keys.make("eve")
    keys.allow("ann@example.com", ann)
    work.git("remote", "add", "origin", "https://user:secret@host.example/team/app.git")
    work.git(*signing_with_ssh(ann), "commit", "-q", "--allow-empty", "-m", "x")
    work.git(*signing_with_ssh(eve), "tag", "-s", "a-tag", "-m", "by eve")
    work.git(*signing_with_ssh(ann), "tag", "-s", "v1", "-m", "by ann")
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps(GITHUB))
    words = ("--allowed-signers", str(keys.allowed), "--ref", "main", "--protection", str(answer))
    assert main(["predicate", "source", str(work.folder), *words]) == 0
    found = read_source(json.loads(capsys.readouterr().out), where="output")
    assert (found.repository, found.commit) == ("https://host.example/team/app.git", work.head())
    assert (found.tag, found.tree) == ("v1", work.git("rev-parse", "HEAD^{tree}"))
    assert found.signature is not None
    assert found.tag_signature is not None
    assert (found.signature.signer, found.tag_signature.signer) == ("ann@example.com", "ann@example.com")
    assert found.protection is not None
    assert found.protection.required_reviews == 2
    assert main(["predicate", "source", str(work.folder)]) == 0
    unknown = read_source(json.loads(capsys.readouterr().out), where="output")
    assert unknown.signature is not None
    assert (unknown.signature.verified, unknown.signature.signer) == (False, "")
