# SPDX-License-Identifier: Apache-2.0
"""The page on guardrails says what there is, and the words it gives for accepting a risk are heeded."""

from datetime import date

from guardrails_reference import PAGE, page_as_it_should_be

from tidegate.checks.inline import heed_comments
from tidegate.development.twelve_factor.judging import judge_tree
from tidegate.development.twelve_factor.rule import accepting
from tidegate.development.twelve_factor.tree import SourceTree


def test_the_table_is_that_of_the_rules() -> None:
    page = PAGE.read_text()
    assert page == page_as_it_should_be(page), "run tests/development/twelve_factor/guardrails_reference.py"


def test_a_comment_accepts_a_risk() -> None:
    files = {"Dockerfile": f"FROM a:1\n{accepting('TG-12F-802')}\nCMD nginx & php-fpm\n".encode()}
    found = [it for it in judge_tree(SourceTree(files, files.__getitem__)) if it.location == "Dockerfile"]
    assert [it.id for it in found] == ["TG-12F-802"]
    heard = heed_comments(found, files["Dockerfile"], path="Dockerfile", at=date(2030, 1, 1))
    assert heard.counting == ()
    assert [it.by.reason for it in heard.suppressed] == ["why it is right here"]


def test_a_comment_of_code_accepts_one_too() -> None:
    files = {
        "Dockerfile": b"FROM a:1\n",
        "server.js": b"// tidegate:ignore=TG-12F-702 behind a fixed map\napp.listen(3000)\n",
    }
    found = judge_tree(SourceTree(files, files.__getitem__))
    assert [it.id for it in found] == ["TG-12F-702"]
    assert heed_comments(found, files["server.js"], path="server.js", at=date(2030, 1, 1)).counting == ()
