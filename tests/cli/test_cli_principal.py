# SPDX-License-Identifier: Apache-2.0
"""`tidegate principal` and `tidegate grant`: the record itself, before any server runs."""

import io

import pytest
from cli_run import Run


def _say(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_user_and_a_robot(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _say(monkeypatch, "a long enough password\nrest\n")
    assert run("principal", "user", "anna", "--group", "devs").status == 0
    made = run("principal", "robot", "ci", "--days", "10")
    assert made.out.startswith("tgr_")
    assert "cannot be shown again" in made.err
    listed = run("principal", "list", "--format", "json")
    assert [(item["name"], item["groups"]) for item in listed.json] == [("anna", ["devs"]), ("robot$ci", [])]
    assert made.out.strip() not in listed.out
    assert "argon2" not in listed.out
    assert "anna" in run("principal", "list").out
    renewed = run("principal", "renew", "ci")
    assert renewed.out != made.out
    for words in (
        ("principal", "groups", "anna", "--group", "ops"),
        ("principal", "disable", "anna"),
        ("principal", "enable", "anna"),
        ("principal", "remove", "anna"),
    ):
        assert run(*words).status == 0, words
    assert run("principal", "remove", "anna").status == 2


@pytest.mark.parametrize(
    ("typed", "words", "said"),
    [
        ("", ("principal", "user", "anna"), "no password on standard input"),
        ("short\n", ("principal", "user", "anna"), "too short"),
        ("a long enough password", ("principal", "user", "robot$x"), "not a user's name"),
        ("", ("principal", "robot", "ci", "--days", "400"), "identity.robot_max_days"),
        ("", ("principal", "renew", "nobody"), "no such principal"),
        ("", ("grant", "give", "anna", "***", "pull"), "not a pattern"),
        ("", ("grant", "give", "anna", "**", "pul"), "did you mean pull"),
        ("", ("grant", "give", "anna", "**", "pull", "--if", "request.nothing"), "condition:1:"),
        ("", ("grant", "revoke", "abc"), "no such grant"),
        ("", ("grant", "ask", "a", "push", "--hours", "1", "--why", "x"), "a grant is asked of a server"),
        ("", ("grant", "ask", "a", "push", "--why", "x"), "--hours"),
        ("", ("grant", "ask", "a", "push", "--hours", "1"), "--why"),
    ],
)
def test_what_is_wrong_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, typed: str, words: tuple[str, ...], said: str
) -> None:
    _say(monkeypatch, typed)
    ran = run(*words)
    assert (ran.status, said in ran.err) == (2, True), ran.err


def test_a_grant_is_given_shown_and_revoked(run: Run) -> None:
    words = ("grant", "give", "robot$ci", "team-a/**", "pull", "push", "--if", "request.by_digest", "--hours", "2")
    assert run(*words, "--why", "release day").status == 0
    (item,) = run("grant", "list", "--format", "json").json
    assert (item["verbs"], item["condition"], item["reason"]) == (["pull", "push"], "request.by_digest", "release day")
    assert "team-a/**" in run("grant", "list", "--state", "active").out
    assert run("grant", "revoke", item["id"][:8], "--why", "over").status == 0
    assert run("grant", "revoke", item["id"]).status == 1
    assert run("grant", "list", "--holder", "anna", "--format", "json").json == []
