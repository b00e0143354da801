# SPDX-License-Identifier: Apache-2.0
"""What updates read: policies, tags, and files of others in which images are put."""

from collections.abc import Iterator
from datetime import UTC, datetime

from fuzz_parser import Parser, clean_text_of, told

from tidegate.artifact import Digest, Tag
from tidegate.errors import InvalidInputError
from tidegate.execution.updates.rule_file import load_update_policy
from tidegate.execution.updates.tag_version import read_tag, step_between
from tidegate.execution.updates.window import read_window
from tidegate.manifests.image_edit import NewImage, with_images
from tidegate.manifests.image_places import image_places

_POLICY = b"""\
apiVersion: tidegate.dev/v1
kind: UpdatePolicy
metadata: {name: h}
spec:
  rules:
    - {name: a, images: [x/*], steps: [patch], minimumAge: 3d, windows: [Mon-Fri 09:00-16:00 UTC], mayBring: low}
    - {name: b, distribution: any, apply: asked, group: rule, deadline: 5m, onlyFixes: false, early: true}
"""
_FILES = (
    b"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: &x 'a/b:1.2'}]} # c\n",
    b"kind: Kustomization\nimages:\n  - name: a/b\n    newTag: 1.2 # c\n  - {name: b, digest: sha256:00, newTag: v1}\n",
    b'web:\n  image: {registry: r.example, repository: a/b, tag: "1.2", digest: ""}\nhook: {image: a/b:1}\n',
    b"x: &a {image: a/b:1}\ny: {<<: *a, z: 1}\n",
)
_NEW = NewImage(tag=Tag("1.2.3"), digest=Digest("sha256:" + "0" * 64))


def updates() -> Iterator[Parser]:
    yield Parser(
        name="update-policy",
        form="yaml",
        read=lambda data: load_update_policy({"p": clean_text_of(data)}),
        samples=(_POLICY,),
    )
    yield Parser(name="image-edit", form="yaml", read=_edited, samples=_FILES)
    yield Parser(name="tag-version", form="line", read=_tag, samples=(b"1.2.3-alpine3.20", b"v1.0-rc1", b"1.2-r5"))
    yield Parser(
        name="window", form="line", read=_window, samples=(b"Mon-Fri 09:00-16:00 Europe/Berlin", b"22:00-02:00")
    )


def _edited(data: bytes) -> object:
    """One place at a time: what can be edited is proved by the editor itself, and is the same a second time."""
    text = data.decode("utf-8", "replace")
    for place in _told_places(text):
        try:
            made = with_images(text, {place: _NEW}, where="f")
        except InvalidInputError:
            continue
        assert with_images(made, {place: _NEW}, where="f") == made
    return None


def _told_places(text: str) -> list[tuple[str | int, ...]]:
    """The first of them."""
    return [place.path for place in image_places(text, where="f")][:4]


def _tag(data: bytes) -> object:
    found = read_tag(clean_text_of(data))
    return told(found), found and step_between(found, found)


def _window(data: bytes) -> object:
    return read_window(clean_text_of(data)).opens_at(datetime(2026, 11, 30, tzinfo=UTC))
