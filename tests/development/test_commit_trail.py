# SPDX-License-Identifier: Apache-2.0
"""The trail of commits over real repositories: who signed, who wrote, who reviewed, and what was rewritten."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from git_works import SshKeys, Work, needs_programs, run, signing_with_ssh

from tidegate.cli import main
from tidegate.development.commits.allowed_signers import parse_allowed_signers
from tidegate.development.commits.rules import Demands
from tidegate.development.commits.ssh_signature import SshTrust
from tidegate.development.commits.trail import TrailQuestion, check_commits
from tidegate.development.commits.trailers import parse_trailers
from tidegate.development.commits.verifying import Trust
from tidegate.development.git.objects import parse_commit
from tidegate.development.git.repository import Repository
from tidegate.errors import InvalidInputError, NotFoundError, UsageError
from tidegate.evidence import parse_statement
from tidegate.evidence.predicates.commits import CommitTrail
from tidegate.signing.envelope import verify
from tidegate.signing.keys import SigningKey, TrustedKeys

pytestmark = needs_programs
AT = datetime(2026, 6, 1, tzinfo=UTC)
BOB = "Bob <bob@example.com>"


def check(work: Work, commits: str, trust: Trust | None = None, **asked: Any) -> CommitTrail:
    names = ("last_tip", "reflog", "repository")
    question = {name: asked.pop(name) for name in names if name in asked}
    demands = Demands(**{"signed": False, **asked})
    return check_commits(
        Repository(work.folder),
        TrailQuestion(commits=commits, trust=trust or Trust(), demands=demands, **question),
        at=AT,
    )


def problems(trail: CommitTrail) -> list[tuple[str, ...]]:
    return [commit.problems for commit in trail.commits]


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path / "work")


def test_a_range_is_what_git_says_it_is(work: Work) -> None:
    names = [work.commit(f"number {n}") for n in range(4)]
    trail = check(work, f"{names[1]}..main")
    assert [commit.id for commit in trail.commits] == names[2:]
    assert (trail.base, trail.tip, trail.count, trail.passed) == (names[1], names[3], 2, True)
    assert [commit.id for commit in check(work, "main").commits] == names
    assert check(work, f"{names[2]}..").count == 1
    work.git("tag", "-a", "v1", "-m", "v1", names[0])
    assert check(work, "v1..main").base == names[0]


@pytest.mark.parametrize("commits", ["a...b", "..main", "main..main", "main..main^"])
def test_what_is_no_range_is_refused(work: Work, commits: str) -> None:
    work.commit("one")
    work.commit("two")
    with pytest.raises(UsageError):
        check(work, commits)


@pytest.mark.parametrize("commits", ["nothing..main", "--all", "-n1..main", "main..--output=x", "HEAD^{tree}"])
def test_names_are_no_options(work: Work, commits: str) -> None:
    work.commit("one")
    with pytest.raises(NotFoundError):
        check(work, commits)


def test_people_are_held_against_patterns(work: Work) -> None:
    work.commit("by ann")
    work.commit("by eve", who="Eve <eve@elsewhere.net>")
    work.commit("written by eve", "--author", "Eve <eve@elsewhere.net>")
    assert problems(check(work, "main", people=("*@example.com",))) == [
        (),
        ("unknown-author", "unknown-committer"),
        ("unknown-author",),
    ]
    assert problems(check(work, "main", people=("*", "!eve@*")))[1:] == [
        ("unknown-author", "unknown-committer"),
        ("unknown-author",),
    ]


def test_a_sign_off_must_be_the_authors(work: Work) -> None:
    work.commit("with", "-s")
    work.commit("without")
    work.commit("of another\n\nSigned-off-by: Bob <bob@example.com>")
    work.commit("of both", "--author", BOB, "-s")
    assert problems(check(work, "main", sign_off=True)) == [(), ("no-sign-off",), ("no-sign-off",), ("no-sign-off",)]


def test_who_wrote_it_does_not_review_it(work: Work) -> None:
    work.commit("no review")
    work.commit("own\n\nReviewed-by: Ann <ANN@example.com>")
    work.commit(f"other\n\nReviewed-by: {BOB}")
    work.commit(f"together\n\nCo-authored-by: {BOB}\nApproved-by: {BOB}")
    work.commit(f"two\n\nReviewed-by: {BOB}\nReviewed-by: Bobby <bob@example.com>\nApproved-by: Cat <cat@example.com>")
    assert problems(check(work, "main", reviews=1)) == [("unreviewed",), ("unreviewed",), (), ("unreviewed",), ()]
    assert problems(check(work, "main", reviews=2))[-1] == ()
    assert problems(check(work, "main", reviews=3))[-1] == ("unreviewed",)


def test_a_merge_that_was_reviewed_covers_what_it_brings_in(work: Work) -> None:
    first = work.commit("first")
    work.git("checkout", "-q", "-b", "side")
    side = [work.commit(f"side {n}", path="side", who=BOB) for n in range(2)]
    work.git("checkout", "-q", "main")
    main_commit = work.commit("unreviewed on main")
    work.git(
        "merge",
        "-q",
        "--no-ff",
        "-m",
        "merge\n\nReviewed-by: Cat <cat@example.com>\nReviewed-by: Bob <bob@example.com>",
        "side",
    )
    trail = check(work, f"{first}..main", reviews=1)
    found = {commit.id: commit.problems for commit in trail.commits}
    assert found == {side[0]: (), side[1]: (), main_commit: ("unreviewed",), work.head(): ()}
    assert (trail.merges, trail.reviewed) == (1, 3)
    assert problems(check(work, f"{first}..main", reviews=2)).count(("unreviewed",)) == 3


@pytest.mark.parametrize(
    "message",
    [
        "title\n\nReviewed-by: A <a@b>\nSigned-off-by: C <c@d>",
        "title\n\nbody\n\nReviewed-by: A <a@b>",
        "title\n\nbody\nReviewed-by: A <a@b>",
        "title\n\nReviewed-by: A <a@b>\nsome words\nmore words",
        "title\n\nSigned-off-by: A <a@b>\nsome words\nmore words",
        "title\n\nSigned-off-by: A <a@b>\none\ntwo\nthree\nfour",
        "title\n\nSigned-off-by: A <a@b>\none\ntwo\nthree",
        "title\n\n(cherry picked from commit abc)\nReviewed-by: A <a@b>",
        "title\n\nReviewed-by: A\n  continued <a@b>\nOther: x",
        "Reviewed-by: A <a@b>",
        "title\nReviewed-by: A <a@b>",
        "title\n\nReviewed-by : A <a@b>",
        "title\n\nReviewed-by:A <a@b>",
        "title\n\nReviewed-by: A <a@b>\n\nbody again",
        "title\n\nReviewed by: A <a@b>",
        "title\n\nreviewed-BY: A <a@b>\n\n\n",
        "title\n\n Reviewed-by: A <a@b>",
        "title\n\nReviewed-by:\nOther: b",
    ],
)
def test_trailers_are_what_git_says_they_are(message: str) -> None:
    said = run("git", "interpret-trailers", "--parse", "--no-divider", given=f"{message}\n".encode()).decode()
    theirs = [
        (line.partition(":")[0].strip().lower(), " ".join(line.partition(":")[2].split())) for line in said.splitlines()
    ]
    assert [(it.token, " ".join(it.value.split())) for it in parse_trailers(message)] == theirs


def test_what_the_last_check_recorded_must_still_be_there(work: Work) -> None:
    work.commit("one")
    second = work.commit("two")
    third = work.commit("three")
    assert check(work, "main", last_tip=second).passed
    work.git("reset", "-q", "--hard", second)
    work.commit("another three")
    trail = check(work, "main", last_tip=third)
    assert (trail.passed, trail.rewritten, trail.problems) == (False, True, ("rewritten",))
    gone = check(work, "main", last_tip="e" * 40)
    assert gone.problems == ("rewritten",)


def test_the_reflog_tells_of_force(work: Work, tmp_path: Path) -> None:
    first = work.commit("one")
    work.commit("two")
    clone = Work(tmp_path / "clone")
    clone.git("fetch", "-q", str(work.folder), "+main:refs/remotes/origin/main")
    work.commit("three")
    clone.git("fetch", "-q", str(work.folder), "+main:refs/remotes/origin/main")
    assert check(clone, "origin/main", reflog="refs/remotes/origin/main").passed
    work.git("reset", "-q", "--hard", first)
    work.commit("instead")
    clone.git("fetch", "-q", str(work.folder), "+main:refs/remotes/origin/main")
    assert check(clone, "origin/main", reflog="refs/remotes/origin/main").problems == ("rewritten",)


def test_a_clone_that_was_cut_off_says_so(work: Work, tmp_path: Path) -> None:
    for n in range(4):
        work.commit(f"{n}")
    shallow = tmp_path / "shallow"
    run("git", "clone", "-q", "--depth", "2", work.folder.as_uri(), str(shallow))
    trail = check_commits(
        Repository(shallow),
        TrailQuestion(commits="HEAD", trust=Trust(), demands=Demands(signed=False)),
        at=AT,
    )
    assert (trail.passed, trail.count) == (False, 2)
    assert trail.problems == ("shallow", "hidden-parents")


def test_grafts_and_replacements_hide_nothing(work: Work) -> None:
    names = [work.commit(f"{n}", who="Eve <eve@x>" if n == 1 else "Ann <ann@example.com>") for n in range(4)]
    (work.folder / ".git" / "info").mkdir(exist_ok=True)
    (work.folder / ".git" / "info" / "grafts").write_text(f"{names[2]} {names[0]}\n")
    trail = check(work, f"{names[0]}..main", people=("*@example.com",))
    assert not trail.passed
    assert "grafted" in trail.problems
    assert "hidden-parents" in trail.problems or any(commit.problems for commit in trail.commits)
    (work.folder / ".git" / "info" / "grafts").unlink()
    work.git("replace", "--graft", names[2], names[0])
    replaced = check(work, f"{names[0]}..main", people=("*@example.com",))
    assert [commit.problems for commit in replaced.commits] == [("unknown-author", "unknown-committer"), (), ()]


def test_an_object_that_is_not_what_its_name_says_is_refused(work: Work) -> None:
    name = work.commit("one")
    raw = work.raw(name)
    with pytest.raises(InvalidInputError, match="whose content is that of"):
        parse_commit(raw.replace(b"one", b"two"), name=name)
    work.commit("two")
    other = work.git("commit-tree", "-m", "another beginning", "HEAD^{tree}")
    folder = work.folder / ".git" / "objects"
    target = folder / name[:2] / name[2:]
    target.chmod(0o644)
    target.write_bytes((folder / other[:2] / other[2:]).read_bytes())
    with pytest.raises(InvalidInputError):
        check(work, "main")


@pytest.mark.parametrize("raw", [b"", b"tree x\n\n", b"garbage", b"tree " + b"a" * 40 + b"\n\nm"])
def test_malformed_commits_are_refused(work: Work, raw: bytes) -> None:
    work.commit("one")
    name = work.store(raw)
    with pytest.raises((InvalidInputError, NotFoundError)):
        check(work, "main")
    with pytest.raises(InvalidInputError):
        parse_commit(raw, name=name)


def test_a_folder_without_a_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no git repository"):
        Repository(tmp_path)


def command(work: Work, *words: str) -> int:
    return main(["check", "--commits", *words, str(work.folder)])


def test_the_command_checks_tells_and_writes_evidence(
    work: Work, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = SshKeys(tmp_path)
    ann = keys.make("ann")
    keys.allow("ann@example.com", ann)
    work.git("config", "gpg.format", "ssh")
    work.git("config", "user.signingkey", str(ann))
    first = work.commit(f"one\n\nReviewed-by: {BOB}", "-S")
    asked = ("main", "--allowed-signers", str(keys.allowed), "--own-signature", "--reviews", "1")
    signing = SigningKey.generate()
    signing.save(tmp_path / "signing.pem")
    kept = tmp_path / "trail.json"
    image = "sha256:" + "a" * 64
    more = ("--statement", str(kept), "--key", str(tmp_path / "signing.pem"), "--image", f"team/app@{image}")
    assert command(work, *asked, *more) == 0
    assert "1 commit to" in capsys.readouterr().out
    envelope = verify(kept.read_bytes(), TrustedKeys.of([signing.verifying]))
    assert [it.commit for it in envelope.statement.commits] == [first]
    assert [it.digest for it in envelope.statement.subjects] == [image]
    assert envelope.statement.predicate["demanded"] == ["signed", "own-signature", "reviews=1"]
    work.commit("unsigned")
    assert command(work, *asked, "--last", str(kept), "--format", "json") == 1
    trail = json.loads(capsys.readouterr().out)
    assert trail["commits"][1]["problems"] == ["unsigned", "unreviewed"]
    assert (trail["lastTip"], trail["rewritten"]) == (first, False)
    bare = tmp_path / "bare.json"
    assert command(work, "main", "--unsigned-ok", "--statement", str(bare)) == 0
    assert parse_statement(bare.read_bytes()).predicate["passed"] is True
    work.git("checkout", "-q", "--orphan", "fresh")
    work.commit("history begins anew")
    capsys.readouterr()
    assert main(["check", "--commits", "HEAD", "--unsigned-ok", "--last", str(bare), str(work.folder)]) == 1
    assert "rewritten" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("main",), "nobody's signature counts yet"),
        (("main", "--unsigned-ok", "--format", "sarif"), "no place for commits"),
        (("none..main", "--unsigned-ok"), "no commit is called"),
    ],
)
def test_the_command_says_what_is_missing(
    work: Work, words: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    work.commit("one")
    assert command(work, *words) == 2
    assert said in capsys.readouterr().err


def test_many_commits_are_checked_in_one_go(work: Work, tmp_path: Path) -> None:
    keys = SshKeys(tmp_path)
    ann = keys.make("ann")
    keys.allow("*@example.com", ann)
    for n in range(20):
        work.git(*signing_with_ssh(ann), "commit", "-q", "--allow-empty", "-m", f"{n}")
    trust = Trust(ssh=SshTrust(signers=parse_allowed_signers(keys.allowed.read_bytes(), where="allowed")))
    trail = check(work, "main", trust, signed=True, own_signature=True)
    assert (trail.passed, trail.signed, trail.count) == (True, 20, 20)
