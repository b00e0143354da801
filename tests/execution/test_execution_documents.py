# SPDX-License-Identifier: Apache-2.0
"""YAML and JSON as kubectl reads them, and nothing that could hurt."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.manifests.documents import read_documents
from tidegate.manifests.limits import ManifestLimits

SCALARS = """\
apiVersion: x.dev/v1
kind: Foo
metadata: {name: a}
data: {a: &x {b: 1}, b: *x, yes: on, t: 2020-01-01, s: 1:30, o: 0777, h: 0x1f, f: 1e3, n: "~", q: 0o17, u: 1_000,
  v: .5, w: +5, m: {<<: *x, c: 2}, over: {<<: *x, b: 3}, two: {<<: [*x, {b: 5, d: 6}]},
  bb: 0b11, e: "", p: 5., r: 1.0, ver: 1.10, 80: x, neg: -0x10,
  nz: -0, TT: TRUE, tt: tRue, quoted: 'yes', tagged: !!str 12, no1: n, text: a b, empty: "null", lit: "1.10"}
"""


@pytest.mark.tools
def test_plain_scalars_mean_what_kubectl_takes_them_for(kubectl: Any, tmp_path: Path) -> None:
    file = tmp_path / "foo.yaml"
    file.write_text(SCALARS)
    theirs = kubectl("annotate", "-f", file, "a=b")["data"]
    (ours,) = read_documents(SCALARS.encode(), where="foo.yaml")
    assert ours["data"] == theirs
    for name, value in theirs.items():
        assert isinstance(ours["data"][name], bool) == isinstance(value, bool), name


def test_many_documents_and_empty_ones() -> None:
    raw = b"---\n---\na: 1\n---\n# nothing\n---\nb: 2\n...\n"
    assert read_documents(raw, where="f") == [{"a": 1}, {"b": 2}]


def test_json_is_read_as_json() -> None:
    assert read_documents(b' {"a": [1, 2.5, null, "yes", {"b": true}]}', where="f") == [
        {"a": [1, 2.5, None, "yes", {"b": True}]}
    ]


def test_an_alias_is_a_copy_not_the_same_map() -> None:
    (document,) = read_documents(b"a: &x {k: 1}\nb: *x", where="f")
    document["a"]["k"] = 2
    assert document["b"] == {"k": 1}


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@pytest.mark.property
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
        max_leaves=20,
    ).map(lambda value: {"value": value})
)
def test_what_yaml_and_json_writers_write_comes_back(document: dict[str, Any]) -> None:
    assert read_documents(json.dumps(document).encode(), where="f") == [document]
    written = yaml.safe_dump(document, default_style='"').encode()  # unquoted, PyYAML's words differ from kubectl's
    assert read_documents(written, where="f") == [document]


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"a: 1\nb: 2\na: 3", "f:3: the key 'a' stands twice in one map"),
        (b'{"a": 1, "a": 2}', "f: the key 'a' stands twice in one map"),
        (b"true: 1\nyes: 2", "f:2: the key 'true' stands twice"),
        (b"a: *b", "f:1: the alias *b points at nothing, or at itself"),
        (b"a: &b [*b]", "f:1: the alias *b points at nothing, or at itself"),
        (b"a: !!python/object/apply:os.system [id]", "is none of JSON's types"),
        (b"a: !!binary aGk=", "is none of JSON's types"),
        (b"a: !!set {b: c}", "is none of JSON's types"),
        (b"a: [", "f:2: not YAML: "),
        (b"a: b: c", "f:1: not YAML: mapping values are not allowed"),
        (b"? [a]\n: b", "f:1: a key of a map must be text"),
        (b"a: \x00", "not YAML: "),
        (b"\xff\xfe\x00", "f: not UTF-8 text"),
        (b'{"a": "\\ud800"}', "f: half of a surrogate pair stands alone"),
        (b"b: &x {a: 1}\nc: {a: 2, <<: *x}", "f:2: << must stand before the keys it shares"),
        (b"b: &x {a: 1}\nc: {<<: *x, a: 2, a: 3}", "f:2: the key 'a' stands twice"),
        (b"b: &x {a: 1}\nc: {<<: *x, <<: *x}", "f:2: the key '<<' stands twice"),
        (b"a: 1\n<<: [1]", "f:2: << must name a map"),
        (b"%YAML 9.9\n---\na: 1", "f:1: not YAML: "),
    ],
)
def test_broken_input_is_one_clear_line(raw: bytes, error: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_documents(raw, where="f")
    assert error in str(caught.value)
    assert "\n" not in str(caught.value)


def _bomb() -> bytes:
    lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 12)]
    return b"\n".join(lines)


@pytest.mark.parametrize(
    ("raw", "bound"),
    [
        (_bomb(), "max_nodes"),
        (b"[" * 100_000, "max_depth"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "max_depth"),
        (b"- " * 5000, "max_depth"),
        (b'{"a": [' + b"1," * 600_000 + b"1]}", "max_nodes"),
        (b"- a\n" * 600_000, "max_nodes"),
        (b"---\na: 1\n" * 2001, "max_documents"),
        (b" " * (16 * 1024 * 1024 + 1), "max_bytes"),
    ],
    ids=["aliases", "brackets", "json depth", "dashes", "json nodes", "nodes", "documents", "bytes"],
)
def test_bombs_name_the_limit_they_are_over(raw: bytes, bound: str) -> None:
    with pytest.raises(BoundExceededError) as caught:
        read_documents(raw, where="f")
    assert caught.value.bound == bound


def test_200_megabytes_are_refused_before_they_cost_memory() -> None:
    raw = bytes(200 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(BoundExceededError):
            read_documents(raw, where="f")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_limits_are_those_handed_in() -> None:
    with pytest.raises(BoundExceededError) as caught:
        read_documents(b"a: {b: {c: 1}}", where="f", limits=ManifestLimits(max_depth=3))
    assert (caught.value.bound, caught.value.limit) == ("max_depth", 3)
    assert read_documents(b"a: {b: 1}", where="f", limits=ManifestLimits(max_depth=3)) == [{"a": {"b": 1}}]
