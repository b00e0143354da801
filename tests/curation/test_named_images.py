# SPDX-License-Identifier: Apache-2.0
"""Images that texts name, as their own tools would pull them; and what a name is resolved to."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.artifact import Digest, Repository, Tag
from tidegate.curation.intake.imports import resolve
from tidegate.curation.intake.named_images import MAX_NAMES, NamedImage, named_images
from tidegate.curation.intake.upstream import Upstream, Upstreams
from tidegate.curation.keeping.name_pattern import Patterns
from tidegate.errors import BoundExceededError, InvalidInputError

DIGEST = Digest.of(b"x")
LIST = f"""
# our bases
alpine:3.20
docker.io/library/debian:12-slim   bases/debian:12   # another name
quay.io/team/app@{DIGEST}
alpine:3.20
"""
DOCKERFILE = """
ARG VERSION=3.12
FROM docker.io/library/python:${VERSION}-slim AS build
COPY --from=ghcr.io/astral-sh/uv:0.5 /uv /bin/
FROM scratch
COPY --from=build /app /app
"""
COMPOSE = """
services:
  web:
    image: nginx:1.27
  own:
    build: .
  cache:
    image: redis:7
"""
MANIFEST = """
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  spec:
    template:
      spec:
        initContainers: [{name: a, image: "busybox:1.36"}]
        containers: [{name: b, image: "team/app:1"}, {name: c, image: "busybox:1.36"}]
        volumes: [{name: v, image: {reference: "quay.io/data/model:2"}}]
- apiVersion: batch/v1
  kind: CronJob
  spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: "job:1"}]}}}}}
- apiVersion: v1
  kind: ConfigMap
  data: {image: "not:this"}
"""


def names(text: str, where: str) -> list[str]:
    return [one.name for one in named_images(text.encode(), where=where)]


def test_a_list_is_read_line_by_line() -> None:
    assert named_images(LIST.encode(), where="images.txt") == (
        NamedImage(name="alpine:3.20"),
        NamedImage(name="docker.io/library/debian:12-slim", target="bases/debian:12"),
        NamedImage(name=f"quay.io/team/app@{DIGEST}"),
    )


@pytest.mark.parametrize("where", ["Dockerfile", "standard input"])
def test_a_dockerfile_names_what_it_stands_on_and_copies_from(where: str) -> None:
    assert names(DOCKERFILE, where) == ["docker.io/library/python:3.12-slim", "ghcr.io/astral-sh/uv:0.5"]


@pytest.mark.parametrize("where", ["compose.yaml", "standard input"])
def test_a_compose_file_names_what_it_does_not_build(where: str) -> None:
    assert names(COMPOSE, where) == ["nginx:1.27", "redis:7"]


@pytest.mark.parametrize("where", ["deployment.yaml", "standard input"])
def test_a_manifest_names_every_container_wherever_a_pod_is_described(where: str) -> None:
    assert sorted(names(MANIFEST, where)) == ["busybox:1.36", "job:1", "quay.io/data/model:2", "team/app:1"]


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(InvalidInputError, match="more than a name and a target"):
        named_images(b"a b c", where="x")
    with pytest.raises(InvalidInputError, match="is no text"):
        named_images(b"\xff\xfe", where="x")
    with pytest.raises(InvalidInputError, match="template"):
        named_images(b"apiVersion: v1\nimage: {{ .Values.image }}\n", where="x.yaml")
    with pytest.raises(BoundExceededError):
        named_images("".join(f"a:{n}\n" for n in range(MAX_NAMES + 1)).encode(), where="x")


@given(st.binary(max_size=300), st.sampled_from(["x", "x.yaml", "Dockerfile", "compose.yaml"]))
def test_any_text_is_read_or_refused(raw: bytes, where: str) -> None:
    try:
        named_images(raw, where=where)
    except InvalidInputError:
        return


def upstream(**more: object) -> Upstream:
    said: dict[str, object] = {
        "name": "hub",
        "registry": "docker.io",
        "path": "library",
        "under": Repository("hub"),
        "repositories": Patterns(("**",)),
        "fresh": timedelta(0),
        **more,
    }
    return Upstream(**said)  # type: ignore[arg-type] # what a test changes


@pytest.mark.parametrize(
    ("name", "target", "wanted"),
    [
        ("alpine", "", ("docker.io/library/alpine:latest", "hub/alpine", "latest")),
        ("alpine:3.20", "", ("docker.io/library/alpine:3.20", "hub/alpine", "3.20")),
        (f"alpine:3@{DIGEST}", "", (f"docker.io/library/alpine:3@{DIGEST}", "hub/alpine", DIGEST)),
        ("alpine:3", "bases/alpine", ("docker.io/library/alpine:3", "bases/alpine", "3")),
        ("alpine:3", "bases/alpine:4", ("docker.io/library/alpine:3", "bases/alpine", "4")),
        (f"alpine@{DIGEST}", "bases/alpine:4", (f"docker.io/library/alpine@{DIGEST}", "bases/alpine", "4")),
    ],
)
def test_a_name_is_resolved_to_its_source_and_our_name(name: str, target: str, wanted: tuple[str, str, str]) -> None:
    found = resolve(Upstreams([upstream()]), NamedImage(name=name, target=target))
    assert (found.source, found.repository, found.locator) == wanted
    assert found.problem == ""


@pytest.mark.parametrize(
    ("name", "target", "problem"),
    [
        ("quay.io/team/app", "", "no upstream brings"),
        ("docker.io/team/app", "", "no upstream brings"),
        ("alpine:${TAG}", "", "not a tag"),
        ("ALPINE", "", "not a repository"),
        ("alpine:3", "hub/other", "is called as its upstream calls it"),
        ("alpine:edge", "", "not among those taken"),
        (f"alpine@{DIGEST}", "", "a digest must come by a tag"),
    ],
)
def test_a_name_nobody_brings_says_why(name: str, target: str, problem: str) -> None:
    upstreams = Upstreams([upstream(tags=Patterns(("3*",)))])
    assert problem in resolve(upstreams, NamedImage(name=name, target=target)).problem


def test_the_longest_beginning_decides_whose_a_name_is() -> None:
    outer = upstream(name="outer", path="", under=Repository("all"))
    inner = upstream(name="inner", path="library", under=Repository("all/official"))
    both = Upstreams([outer, inner])
    assert both.of(Repository("all/official/alpine")) is inner
    assert both.of(Repository("all/team/app")) is outer
    assert both.of(Repository("allother/x")) is None
    assert inner.source(Repository("all/official/alpine"), Tag("3")).repository == "library/alpine"
    with pytest.raises(InvalidInputError, match="two upstreams"):
        Upstreams([outer, upstream(name="other", under=Repository("all"))])
