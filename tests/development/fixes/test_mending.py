# SPDX-License-Identifier: Apache-2.0
"""Safe fixes: only what a finding asks for changes, the finding is gone, a second run changes nothing."""

import difflib
import re
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tidegate.artifact import Digest, Reference
from tidegate.checks.documents import check_document
from tidegate.development.fixes.mending import Mended, mend

sys.path.append(str(Path(__file__).parents[2] / "checks"))
from check_samples import document_of, samples

_DIGEST = Digest.of(b"an image")
_KINDS = {"dockerfile": "dockerfile", "kubernetes": "manifest"}
_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "fixes.md"
_SAFE = frozenset(re.findall(r"^\| `(TG-\w+-\d+)`", _PAGE.read_text(), re.MULTILINE))
"""What the page says is mended."""


def _resolve(_reference: Reference) -> Digest | None:
    return _DIGEST


def _docker(text: str) -> str:
    return mend(text.encode(), path="Dockerfile", kind="dockerfile", resolve=_resolve).raw.decode()


def _kube(text: str) -> str:
    return mend(text.encode(), path="k.yaml", kind="manifest").raw.decode()


def _ids(raw: bytes, kind: str) -> set[str]:
    return {it.id for it in check_document(raw, path="f", kind=kind) or ()}


def _bad() -> list[tuple[str, str]]:
    """Kind and text of each sample that a check objects to; manifests in block form as well."""
    found = [("dockerfile", 'FROM node:20\nCMD ["node", "a.js"]\n')]
    for one in samples():
        if one.subject not in _KINDS or one.at is None:
            continue
        text = document_of(one.subject, one.told)
        found.append((_KINDS[one.subject], text))
        if one.subject == "kubernetes":
            found.append(("manifest", yaml.safe_dump_all(yaml.safe_load_all(text), sort_keys=False)))
    return found


@pytest.mark.parametrize(("kind", "text"), _bad())
def test_whatever_is_mended_is_better_and_stays(kind: str, text: str) -> None:
    raw = text.encode()
    mended = mend(raw, path="f", kind=kind, resolve=_resolve)
    assert {it.check for it in mended.done} <= _SAFE
    assert (mended.raw == raw) == (not mended.done)
    assert _ids(mended.raw, kind) <= _ids(raw, kind)
    assert mend(mended.raw, path="f", kind=kind, resolve=_resolve) == Mended(raw=mended.raw)
    kept = [line for line in difflib.ndiff(raw.decode().split("\n"), mended.raw.decode().split("\n")) if line[0] == "-"]
    assert len(kept) <= len(mended.done), "no line is taken away that nothing was done to"


def test_the_page_names_what_is_mended_and_nothing_else() -> None:
    done = {it.check for kind, text in _bad() for it in mend(text.encode(), path="f", kind=kind, resolve=_resolve).done}
    assert done == _SAFE


def test_a_dockerfile_keeps_everything_else_byte_for_byte() -> None:
    text = (
        "# syntax=docker/dockerfile:1\r\nFROM  node:20-slim AS build\r\nFROM node\r\n"
        "RUN apt-get update && apt-get install -y \\\r\n      # why\r\n      curl && pip install x\r\n"
        "COPY . .\r\nCMD node  'a b.js' --x=1  "
    )
    assert _docker(text) == (
        f"# syntax=docker/dockerfile:1\r\nFROM  node:20-slim@{_DIGEST} AS build\r\nFROM node:latest@{_DIGEST}\r\n"
        "RUN apt-get update && apt-get install --no-install-recommends -y \\\r\n      # why\r\n"
        "      curl && pip install --no-cache-dir x\r\n"
        'COPY . .\r\nUSER node\r\nCMD ["node", "a b.js", "--x=1"]  '
    )


@pytest.mark.parametrize(
    "command",
    [
        "node $MAIN", "node a.js | tee b", "node *.js", "a && b", "cd /app", "A=b node a.js", "node ~/a.js",
        "echo `id`", "node a.js > b", "node 'a", "node a.js; b", "exec", ". ./env", "node a.js \\\n  --more",
        "node {a,b}", "! node a",
    ],
)  # fmt: skip
def test_what_a_shell_does_something_with_stays_in_shell_form(command: str) -> None:
    assert f"CMD {command}\n" in _docker(f"FROM own/base:1\nUSER a\nCMD {command}\n")


@pytest.mark.parametrize(
    "stage",
    [
        'ENTRYPOINT ["/entry"]\nCMD node a.js', "ENTRYPOINT node a.js\nCMD b",
        'SHELL ["/bin/bash", "-c"]\nCMD node a.js',
        "ONBUILD CMD node a.js", "CMD node a.js\nCMD node b.js",
    ],
)  # fmt: skip
def test_a_command_whose_form_others_see_stays(stage: str) -> None:
    text = f"FROM own/base:1\nUSER a\n{stage}\n"
    assert _docker(text).partition("\n")[2] == text.partition("\n")[2]


def test_exec_of_a_shell_is_what_exec_form_does() -> None:
    assert 'CMD ["node", "a.js"]\n' in _docker("FROM own/base:1\nCMD exec node a.js\n")


@pytest.mark.parametrize(
    ("base", "rest", "user"),
    [
        ("node:20", 'CMD ["node", "a.js"]', "node"),
        ("python:3.12-slim", 'EXPOSE 8080\nCMD ["python", "a.py"]', "65532:65532"),
        ("gcr.io/distroless/static", 'COPY a /a\nENTRYPOINT ["/a"]', "65532:65532"),
        ("scratch", 'COPY a /a\nENTRYPOINT ["/a"]', "65532:65532"),
        ("nginx:1", 'CMD ["nginx"]', None),
        ("own/base:1", 'CMD ["node", "a.js"]', None),
        ("python:3-windowsservercore", 'CMD ["python", "a.py"]', None),
        ("node:20", 'EXPOSE 80\nCMD ["node", "a.js"]', None),
        ("node:20", 'VOLUME /data\nCMD ["node", "a.js"]', None),
        ("node:20", 'ENTRYPOINT ["/docker-entrypoint.sh"]', None),
        ("debian:12", 'CMD ["nginx", "-g", "daemon off;"]', None),
        ("node:20", 'CMD ["node", "a.js"]\nRUN make', None),
        ("node:20", 'USER root\nCMD ["node", "a.js"]', None),
    ],
)
def test_a_user_only_where_neither_base_nor_start_needs_root(base: str, rest: str, user: str | None) -> None:
    made = _docker(f"FROM {base}\n{rest}\n")
    assert [line for line in made.split("\n") if line.startswith("USER") and "root" not in line] == (
        [f"USER {user}"] if user else []
    )


_MANIFEST = """# head
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  template:
    spec:
      # why they run
      containers:
      - name: a
        image: own:1   # the image
        ports: []
      - image: b:1
        name: b
        securityContext:
          # because
          runAsUser: 1000
          capabilities:
            add: [NET_BIND_SERVICE]
"""


def test_a_manifest_says_least_privilege_where_nobody_said_anything() -> None:
    made = _kube(_MANIFEST)
    pod = yaml.safe_load(made)["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    least = {"allowPrivilegeEscalation": False, "seccompProfile": {"type": "RuntimeDefault"}}
    first, second = (it["securityContext"] for it in pod["containers"])
    assert first == least | {"capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
    assert second == least | {"runAsUser": 1000, "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}}
    assert [it for it in difflib.ndiff(_MANIFEST.split("\n"), made.split("\n")) if it[0] == "-"] == []
    assert "# because\n          runAsUser" in made
    assert "# why they run\n      containers" in made


@pytest.mark.parametrize(
    "container",
    [
        "{name: a, image: b}",
        "&x {name: a, image: b}",
        '{"name": "a", "image": "b"}',
    ],
)
def test_what_is_in_braces_stays(container: str) -> None:
    text = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{container}]}}\n"
    assert _kube(text) == text


def test_what_somebody_said_is_never_overruled() -> None:
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  automountServiceAccountToken: true\n  containers:\n"
        "    - name: a\n      image: b\n      securityContext:\n        privileged: true\n        runAsUser: 0\n"
    )
    assert _kube(text) == text


def test_windows_pods_and_other_kinds_stay() -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  os: {name: windows}\n  containers:\n    - name: a\n"
    assert _kube(pod) == pod
    other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: p}\ndata:\n  a: b\n"
    assert _kube(other) == other


def test_images_of_a_manifest_are_pinned_and_keep_their_tag_and_comment() -> None:
    raw = mend(_MANIFEST.encode(), path="k.yaml", kind="manifest", resolve=_resolve).raw.decode()
    assert f"image: own:1@{_DIGEST}   # the image\n" in raw


def test_what_cannot_be_read_comes_back_as_it_was() -> None:
    for kind in ("dockerfile", "manifest", "compose", ""):
        for raw in (b"\xff", b"FROM", b"{", b"\xef\xbb\xbfFROM a\n", b""):
            assert mend(raw, path="f", kind=kind, resolve=_resolve) == Mended(raw=raw)


@given(st.text("FROMCDRUN aptinsel-\\\n\"'[]:@#1.\t\r", max_size=200))
def test_no_text_is_made_worse(rest: str) -> None:
    raw = f"FROM a:1\n{rest}".encode()
    mended = mend(raw, path="f", kind="dockerfile", resolve=_resolve)
    assert mend(mended.raw, path="f", kind="dockerfile", resolve=_resolve) == Mended(raw=mended.raw)
