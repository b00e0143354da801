# SPDX-License-Identifier: Apache-2.0
"""What a build needs, read from its Dockerfile: stages, bases, addresses; and the Dockerfile with its bases pinned."""

import pytest

from tidegate.artifact import Platform
from tidegate.checks.dockerfile import parse_dockerfile
from tidegate.development.build.pinned import pinned_dockerfile
from tidegate.development.build.stages import Plan, plan_of
from tidegate.errors import InvalidInputError, UsageError

AMD64 = Platform(os="linux", architecture="amd64")
TEXT = b"""# syntax=docker/dockerfile:1
ARG BASE=alpine:3.18
ARG NEVER
FROM --platform=$BUILDPLATFORM golang:1.22@sha256:%s AS Build
RUN --mount=type=bind,from=tools.example/lint:2,target=/lint \\
    --mount=type=cache,target=/root/.cache \\
    go build
ADD https://user:word@example.org/a.tar.gz?token=x /a

FROM ${BASE} AS unused
RUN true
FROM \\
   $BASE \\
   AS final
COPY --from=build /app /app
COPY --from=busybox:1 /bin/busybox /bin/
FROM final
USER 1000
""" % (b"a" * 64)


def _plan(text: bytes = TEXT, target: str = "", **arguments: str) -> Plan:
    return plan_of(
        parse_dockerfile(text, where="Dockerfile"),
        target=target,
        arguments=arguments,
        platform=AMD64,
        where="Dockerfile",
    )


def test_stages_that_nothing_needs_need_nothing() -> None:
    plan = _plan()
    assert [(one.number, one.title) for one in plan.stages] == [(0, "build"), (2, "final"), (3, "3")]
    golang = f"golang:1.22@sha256:{'a' * 64}"
    assert plan.bases == (golang, "tools.example/lint:2", "alpine:3.18", "busybox:1")
    assert [one.keyword for one in plan.chain(plan.final)] == ["COPY", "COPY", "USER"]
    assert plan.stages[0].urls == (("https://user:word@example.org/a.tar.gz?token=x", 8),)
    assert _plan(target="unused").bases == ("alpine:3.18",)
    assert _plan(target="2", BASE="debian:12").bases == (golang, "tools.example/lint:2", "debian:12", "busybox:1")


def test_lines_keep_their_numbers_when_bases_are_pinned() -> None:
    plan = _plan()
    aliases = {name: f"localhost/base-{number}:pinned" for number, name in enumerate(plan.bases)}
    pinned = pinned_dockerfile(TEXT, plan, aliases)
    again = plan_of(parse_dockerfile(pinned, where="pinned"), target="", arguments={}, platform=AMD64, where="pinned")
    assert again.bases == tuple(aliases.values())
    assert [one.line for stage in again.stages for one in stage.instructions] == [
        one.line for stage in plan.stages for one in stage.instructions
    ]
    assert pinned.count(b"\n") == TEXT.count(b"\n")


def test_a_frontend_is_fetched_by_nobody() -> None:
    text = b"# syntax=docker/dockerfile:1\n# escape=`\nFROM a `\n  AS b\n"
    pinned = pinned_dockerfile(text, _plan(text), {"a": "x"})
    assert pinned == b"# escape=`\n#\nFROM x AS b\n\n"
    assert parse_dockerfile(pinned, where="pinned").directives == {"escape": "`"}


def test_what_cannot_be_known_is_told_by_its_line() -> None:
    with pytest.raises(InvalidInputError, match="Dockerfile:2: FROM \\$WHAT depends"):
        _plan(b"ARG WHAT\nFROM $WHAT\n")
    with pytest.raises(UsageError, match="no stage is called 'nope'; choose of build, unused, final, 3"):
        _plan(target="nope")
