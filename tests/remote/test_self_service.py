# SPDX-License-Identifier: Apache-2.0
"""What somebody does at a server by command, as far as they may: the server says so, not the command."""

from access_material import PASSWORD
from desk import Desk


def _logged_in(desk: Desk) -> Desk:
    done = desk.run("login", "--username", "anna", typed=PASSWORD)
    assert done.returncode == 0, done.stderr
    return desk


def _refused(desk: Desk, *words: str, said: str) -> None:
    done = desk.run(*words)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def test_tags(desk: Desk) -> None:
    _refused(desk, "tag", "holds", said="tidegate login")
    assert _logged_in(desk).run("tag", "holds").returncode == 0
    _refused(desk, "tag", "freeze", "team/app:1", "--why", "mine", said="you may not administer here")


def test_subscriptions(desk: Desk) -> None:
    hook = ("subscription", "add", "https://hook.example/")
    _refused(_logged_in(desk), *hook, "--owner", "bert", said="you may not administer here")
    done = desk.run(*hook)
    assert (done.returncode, " of anna is active" in done.stderr) == (0, True), done.stderr
    assert desk.run("subscription", "list", "--format", "table").stdout.count("anna") == 1
