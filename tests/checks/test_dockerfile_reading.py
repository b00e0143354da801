# SPDX-License-Identifier: Apache-2.0
"""Dockerfiles as BuildKit's own parser reads them (moby/buildkit `frontend/dockerfile/parser`)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.checks.dockerfile import MAX_BYTES, MAX_INSTRUCTIONS, Instruction, parse_dockerfile
from tidegate.checks.documents import check_document, kind_by_content, kind_by_name
from tidegate.checks.shell import commands_of, has_pipe
from tidegate.checks.words import substituted, words_of
from tidegate.errors import BoundExceededError, InvalidInputError


def _parsed(text: str) -> tuple[Instruction, ...]:
    return parse_dockerfile(text.encode(), where="Dockerfile").instructions


def test_lines_go_on_over_comments_and_empty_lines() -> None:
    run, user = _parsed("FROM a\nRUN a \\  \n  # no\n\n  && b\\\nc \\\\\nUSER x")[1:]
    assert (run.text, run.line) == ("a   && bc \\\\", 2)
    assert (user.text, user.line) == ("x", 7)


@pytest.mark.parametrize(
    "head", ["# escape=`", "# syntax=docker/dockerfile:1\n# ESCAPE = `", "#!/usr/bin/env x\n#escape=`"]
)
def test_the_escape_directive_holds(head: str) -> None:
    last = _parsed(f"{head}\nFROM a\nCOPY C:\\x\\ `\n C:\\y\\\n")[-1]
    assert last.words == ("C:\\x\\", "C:\\y\\")


def test_a_directive_after_a_comment_is_a_comment() -> None:
    assert parse_dockerfile(b"# x\n# escape=`\nFROM a\n", where="x").directives == {}


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("RUN <<EOF\na\n b\nEOF", "a\n b"),
        ("RUN <<-EOF\n\ta\n\tEOF", "\ta"),
        ("RUN <<'E' cat\n$a\nE", "$a"),
        ('COPY <<a <<"b" /x/\n1\na\n2\nb', "1\n2"),
        ("RUN cat <<EOF > /x && id\nUSER a\nEOF", "USER a"),
        ("RUN 3<<EOF\nx\nEOF", "x"),
        ("ONBUILD RUN <<EOF\nx\nEOF", "x"),
        ("RUN <<EOF\r\nx\r\nEOF\r", "x"),
        ("RUN echo '<<EOF'", ""),
        ("RUN cat <<< word", ""),
        ("RUN echo $((1<<N))", ""),
        ('RUN ["cat", "<<EOF"]', ""),
        ("CMD cat <<EOF", ""),
    ],
)
def test_heredocs(text: str, body: str) -> None:
    parsed = _parsed(f"FROM a\n{text}\nUSER u")
    assert parsed[1].heredoc == body
    assert parsed[-1].keyword == "USER"


def test_a_heredoc_without_its_end_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="<<EOF without its end"):
        _parsed("FROM a\nRUN <<EOF\nx")


def test_flags_are_taken_off() -> None:
    one = _parsed('FROM a\nRUN --mount=type=cache,target=/c --mount=type=secret,id="a b" --network=none id --x')[1]
    assert one.flags == {"mount": "type=cache,target=/c type=secret,id=a b", "network": "none"}
    assert one.text == "id --x"


def test_what_onbuild_does_is_a_trigger() -> None:
    one = _parsed("FROM a\nonbuild copy . /app")[1]
    assert (one.keyword, one.words, one.is_trigger) == ("COPY", (".", "/app"), True)
    with pytest.raises(InvalidInputError, match="ONBUILD FROM"):
        _parsed("FROM a\nONBUILD FROM b")


def test_the_list_form_is_json_or_nothing() -> None:
    assert _parsed('FROM a\nCMD ["a", "b c"]')[1].words == ("a", "b c")
    assert not _parsed("FROM a\nCMD ['a']")[1].is_exec


def test_what_is_no_dockerfile_is_refused() -> None:
    for text in ("", "RUN id", "FROM a\n" + "ONBUILD " * 50_000, "FROM a\nFRUM b", "FROM a\nRUN <<A\n"):
        with pytest.raises(InvalidInputError):
            _parsed(text)
    with pytest.raises(BoundExceededError, match="MAX_BYTES"):
        _parsed("FROM a\n" + "#" * MAX_BYTES)
    with pytest.raises(BoundExceededError, match="MAX_INSTRUCTIONS"):
        _parsed("FROM a\n" * (MAX_INSTRUCTIONS + 1))


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("$A", "1"),
        ("${A}", "1"),
        ("${A:-2}", "1"),
        ("${B:-2}", "2"),
        ("${B-2}", "2"),
        ("${E:-2}", "2"),
        ("${A:+3}", "3"),
        ("${B:+3}", ""),
        ("$AB", "$AB"),
        ("${B}", "${B}"),
        ("${B:?no}", "${B:?no}"),
        ("a:${A}.${B:-x}-$A$", "a:1.x-1$"),
        ("${", "${"),
    ],
)
def test_references_are_put_in(text: str, made: str) -> None:
    assert substituted(text, {"A": "1", "E": ""}) == made


def test_values_do_not_grow_without_end() -> None:
    assert substituted("$A$A", {"A": "x" * 5000}) == "$A$A"
    doubling = "FROM a\nARG A=xx\n" + "ENV A=$A$A\n" * 1000 + "USER $A\n"
    assert check_document(doubling.encode(), path="Dockerfile", kind="dockerfile") is not None


def test_words_lose_their_quotes() -> None:
    assert words_of("a 'b c' \"d \\\" e\" f\\ g h'i'") == ["a", "b c", 'd " e', "f g", "hi"]
    assert words_of("a 'b c") == ["a", "b c"]


def test_commands_of_a_shell() -> None:
    told = "set -e; if ! /usr/bin/a -b; then A=1 c; fi && sudo -u x env X=y d 2>&1 | e & V=$(f g)"
    assert commands_of(told) == ["set -e", "a -b", "c", "fi", "sudo -u x env X=y d 2>&1", "env X=y d 2>&1", "e", "f g)"]
    assert has_pipe("a | b")
    assert not has_pipe("a || b")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Dockerfile", "dockerfile"),
        ("Dockerfile.prod", "dockerfile"),
        ("app.dockerfile", "dockerfile"),
        ("Containerfile", "dockerfile"),
        ("dockerfile.py", ""),
        ("Dockerfile.dockerignore", ""),
        ("docker-compose.override.yml", "compose"),
        ("compose.yaml", "compose"),
        ("deploy.json", "manifest"),
        ("README.md", ""),
    ],
)
def test_a_name_tells_what_it_is(name: str, kind: str) -> None:
    assert kind_by_name(name) == kind


def test_content_tells_what_has_no_name() -> None:
    assert kind_by_content(b"# x\nfrom alpine\n") == "dockerfile"
    assert kind_by_content(b"apiVersion: v1\ndata:\n  FROM x\n") == "manifest"


_PIECES = st.sampled_from(
    [
        "FROM a",
        "FROM ${X:-b} AS c",
        "RUN ",
        "ONBUILD ",
        "COPY --from=c ",
        "USER ",
        "ENV A b",
        "ARG X",
        "ENV ",
        "<<E",
        "E\n",
        "\\\n",
        "\n",
        "# escape=`\n",
        '"',
        "'",
        "$",
        "${",
        "`",
        "|",
        "&&",
        "[",
        '["a"]',
        "--mount=",
        "\t",
        "\r\n",
        "\0",
        "é",
    ]
)


@pytest.mark.property
@given(st.lists(_PIECES, max_size=40).map("".join) | st.text(max_size=200))
def test_nothing_but_named_errors_comes_out_of_any_dockerfile(text: str) -> None:
    with suppress(InvalidInputError):
        check_document(text.encode(), path="Dockerfile", kind="dockerfile")


@pytest.mark.property
@given(st.text(max_size=200), st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3))
def test_words_and_references_never_fail(text: str, values: dict[str, str]) -> None:
    words_of(text)
    substituted(text, values)
    commands_of(text)
    has_pipe(text)
