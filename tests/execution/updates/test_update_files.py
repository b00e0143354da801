# SPDX-License-Identifier: Apache-2.0
"""Updates as changes of files: only the names of images change, whatever else stands there, and twice is once."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from update_samples import digest, judged, running, shelved

from tidegate.artifact import Digest, Tag
from tidegate.errors import InvalidInputError
from tidegate.execution.updates.files import FileUpdates, judge_files
from tidegate.execution.updates.judge import Judged
from tidegate.execution.updates.known import Runs
from tidegate.manifests.documents import read_documents
from tidegate.manifests.image_edit import NewImage, with_images
from tidegate.manifests.image_places import image_places

NEW = NewImage(tag=Tag("1.25.4"), digest=digest("1.25.4"))
AFTER = f"1.25.4@{digest('1.25.4')}"

DEPLOYMENT = """\
# podinfo, by hand
apiVersion: apps/v1
kind: Deployment
metadata: {name: podinfo, namespace: shop}
spec:
  template:
    spec:
      initContainers:
      - {name: init, image: 'registry.example/team/app:1.25.3'}   # keep me
      containers:
        - name: web
          # the one that serves
          image: "registry.example/team/app:1.25.3@%s"  # and me
          env: []
        -   image: &side registry.example/team/app:1.25.3
            name: side
        -   image: *side
            name: other
""" % digest("1.25.3")  # noqa: UP031 - braces are YAML's here
KUSTOMIZATION = """\
kind: Kustomization
images:
  - name: team/app
    newTag: 1.25.3   # pinned below
  - {name: x, newName: registry.example/team/app, newTag: "1.25.3"}
  - name: team/app
    digest: %s
    newTag: 1.25.3
  - name: left-alone
""" % digest("1.25.3")  # noqa: UP031
VALUES = """\
web:
  image:
    registry: registry.example
    repository: team/app
    tag: 1.25.3
    pullPolicy: IfNotPresent
worker:
  image: {repository: registry.example/team/app, tag: "1.25.3", digest: ""}
hook: {image: team/app:1.25.3}
"""
HELM_RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: app}
spec:
  values:
    image: {repository: team/app, tag: 1.25.3}
"""
ROLLOUT = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: app}
spec: {template: {spec: {containers: [{name: a, image: team/app:1.25.3}]}}}
"""
ITEMS = """\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: team/app:1.25.3}]}}
"""
WINDOWS = DEPLOYMENT.replace("\n", "\r\n")


def updated(text: str) -> str:
    return with_images(text, {place.path: NEW for place in image_places(text, where="f")}, where="f")


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (DEPLOYMENT, 4),
        (WINDOWS, 4),
        (KUSTOMIZATION, 3),
        (VALUES, 3),
        (HELM_RELEASE, 1),
        (ROLLOUT, 1),
        (ITEMS, 1),
        ("---\n---\n" + ITEMS + "---\n" + VALUES, 4),
        ("image: team/app:1.25.3\n", 1),
    ],
)
def test_every_place_gets_the_new_image_and_nothing_else_changes(text: str, places: int) -> None:
    made = updated(text)
    found = image_places(made, where="f")
    assert len(found) == places
    assert {(one.reference.tag, one.reference.digest) for one in found} == {(NEW.tag, NEW.digest)}
    assert updated(made) == made
    assert [line.partition("#")[2] for line in made.splitlines() if "#" in line] == [
        line.partition("#")[2] for line in text.splitlines() if "#" in line
    ]
    lines = [line for line in made.splitlines() if str(NEW.digest) not in line and "1.25.4" not in line]
    assert set(lines) <= set(text.splitlines()), "a line without an image is as it was"


def test_how_each_form_pins_its_digest() -> None:
    assert f'image: "registry.example/team/app:{AFTER}"  # and me' in updated(DEPLOYMENT)
    assert f"image: &side registry.example/team/app:{AFTER}\n" in updated(DEPLOYMENT)
    block = updated(KUSTOMIZATION).splitlines()
    assert block[3:5] == ["    newTag: 1.25.4   # pinned below", f"    digest: {NEW.digest}"]
    values = yaml.safe_load(updated(VALUES))
    assert values["web"]["image"]["tag"] == AFTER
    assert values["worker"]["image"] | {"repository": ""} == {"repository": "", "tag": "1.25.4", "digest": NEW.digest}
    assert "\r\n" in updated(WINDOWS)
    assert "\n" not in updated(WINDOWS).replace("\r\n", "")


def test_a_tag_that_yaml_reads_as_a_number_is_put_in_quotes() -> None:
    image = NewImage(tag=Tag("1.30"), digest=digest("x"))
    text = "kind: Kustomization\nimages: [{name: team/app, newTag: '1.20'}, {name: b, newTag: v1}]\n"
    made = with_images(text, {place.path: image for place in image_places(text, where="f")}, where="f")
    assert [one["newTag"] for one in yaml.safe_load(made)["images"]] == ["1.30", "1.30"]


def test_a_text_that_an_alias_names_again_is_changed_once_for_both() -> None:
    text = "one: &s {image: team/app:1.25.3}\nother: *s\n"
    wanted = {place.path: NEW for place in image_places(text, where="f")}
    assert yaml.safe_load(with_images(text, wanted, where="f"))["other"] == {"image": f"team/app:{AFTER}"}
    with pytest.raises(InvalidInputError, match="another place shares its text"):
        with_images(text, dict([wanted.popitem()]), where="f")


def test_what_is_merged_elsewhere_is_refused() -> None:
    text = "x: &a {image: team/app:1.25.3}\ny:\n  <<: *a\n  z: 1\n"
    with pytest.raises(InvalidInputError, match="changing more than the images"):
        with_images(text, {image_places(text, where="f")[0].path: NEW}, where="f")


@pytest.mark.parametrize(
    "text",
    ["image: |\n  team/app:1.25.3\n", 'image: "team/app:1.\\u0032"\n', "image: ${IMAGE}\n", "image: [a]\n", "- 1\n"],
)
def test_what_is_written_in_another_way_is_no_place(text: str) -> None:
    assert image_places(text, where="f") == ()


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
trees = st.recursive(
    st.one_of(words, st.integers(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=60)
@given(trees, st.booleans(), st.sampled_from(["'", '"', None]))
def test_whatever_stands_around_stays(tree: object, flow: bool, quote: str | None) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "x": tree,
        "spec": {"containers": [{"name": "a", "y": tree, "image": "team/app:1.25.3", "z": tree}]},
    }
    text = yaml.safe_dump(document, default_flow_style=flow, default_style=quote, allow_unicode=True, sort_keys=False)
    before = read_documents(text.encode(), where="f")
    places = image_places(text, where="f")
    made = with_images(text, {places[0].path: NEW}, where="f")
    before[0]["spec"]["containers"][0]["image"] = f"team/app:{AFTER}"
    assert read_documents(made.encode(), where="f") == before


def ask(places: Sequence[Runs]) -> list[Judged]:
    """Knows team/app:1.25.3 and 1.25.4."""
    images = (shelved("1.25.3"), shelved("1.25.4"))
    return [
        judged(running(str(one.tag), repository=one.repository, digest=digest(str(one.tag))), *images)
        if one.repository.endswith("team/app")
        else judged(one)
        for one in places
    ]


def found_in(files: dict[str, str | bytes]) -> FileUpdates:
    pairs = [(path, one if isinstance(one, bytes) else one.encode()) for path, one in files.items()]
    return judge_files(pairs, ask).updated()


def test_a_folder_gives_a_patch_that_git_applies_and_a_second_time_nothing(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a/app.yaml": DEPLOYMENT,
        "values.yml": VALUES.rstrip("\n"),
        "other.yaml": "kind: x\n",
        "chart/templates/app.yaml": "image: {{ .Values.image }}\n{{- if x }}\n",
        "latin.yaml": b"image: \xe9\n",
    }
    found = found_in(files)
    assert [one.path for one in found.changed] == ["a/app.yaml", "values.yml"]
    assert len(found.judged) == 7
    assert [one.partition(":")[0] for one in found.passed_over] == ["chart/templates/app.yaml", "latin.yaml"]
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    patch = "".join(one.diff() for one in found.changed)
    subprocess.run(["git", "apply", "-p1"], cwd=tmp_path, input=patch.encode(), check=True)
    for one in found.changed:
        assert (tmp_path / one.path).read_text() == one.after
    again = found_in({path: (tmp_path / path).read_bytes() for path in files})
    assert again.changed == ()
    assert {why for one in again.judged for why in one.judged.why} == {
        "nothing newer of the line of 1.25.4 is on record"
    }


def test_where_it_stands_is_told_to_whoever_judges() -> None:
    seen: list[Runs] = []

    def note(places: Sequence[Runs]) -> list[Judged]:
        seen.extend(places)
        return ask(places)

    judge_files([("a.yaml", DEPLOYMENT.encode()), ("k.yaml", KUSTOMIZATION.encode())], note, cluster="prod")
    assert {(one.cluster, one.namespace, one.workload) for one in seen} == {
        ("prod", "shop", "Deployment/podinfo"),
        ("prod", "", "File/k.yaml"),
    }
    assert seen[1].digest == Digest(digest("1.25.3"))
