# SPDX-License-Identifier: Apache-2.0
"""Layers laid over each other: against a naive file system, against umoci, links against the kernel itself."""

import ctypes
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.artifact import Digest
from tidegate.inventory import LayerFacts, Link, LinkKind
from tidegate.oci.squash import MAX_LINKS, Overlay
from tidegate.oci.write import LayerBuilder, write_image

_NAMES = ("a", "b", "c")
_PATHS = sorted({"/".join(parts) for x in _NAMES for y in _NAMES for parts in ((x,), (x, y), (x, y, "a"), (x, y, "b"))})
_TARGETS = ["a", "b", "../b", "/a/b", "../../../c/a", ".", "..", "/", "c/../a", "", "/b/", "a/a/a"]
_ZERO = Digest("sha256:" + "0" * 64)


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One layer: path to kind (`d`, `f`, `l`), link targets, whiteouts and opaque folders."""

    entries: Mapping[str, str]
    targets: Mapping[str, str] = field(default_factory=dict)
    whiteouts: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()


def _well_formed(entries: dict[str, str]) -> dict[str, str]:
    """Drops entries below something of the same layer that is no folder."""
    kept: dict[str, str] = {}
    for path in sorted(entries):
        parts = path.split("/")
        if all(kept.get("/".join(parts[:depth]), "d") == "d" for depth in range(1, len(parts))):
            kept[path] = entries[path]
    return kept


def _fits(entries: Mapping[str, str], folder: str) -> bool:
    """Whether a layer may have a folder there."""
    parts = folder.split("/")
    return all(entries.get("/".join(parts[:depth]), "d") == "d" for depth in range(1, len(parts) + 1))


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _touches(entries: Mapping[str, str], path: str) -> bool:
    return any(own == path or own.startswith(f"{path}/") for own in entries)


@st.composite
def specs(draw: st.DrawFn, kinds: str = "dfl") -> Spec:
    entries = _well_formed(draw(st.dictionaries(st.sampled_from(_PATHS), st.sampled_from(kinds), max_size=6)))
    targets = {path: draw(st.sampled_from(_TARGETS[:9])) for path, kind in entries.items() if kind == "l"}
    gone = draw(st.lists(st.sampled_from(_PATHS), max_size=2, unique=True))
    opaque = draw(st.lists(st.sampled_from(["", *_PATHS]), max_size=1))
    return Spec(
        entries=entries,
        targets=targets,
        whiteouts=tuple(path for path in gone if _fits(entries, _parent(path)) and not _touches(entries, path)),
        opaque=tuple(path for path in opaque if _fits(entries, path)),
    )


def overlay(layers: list[Spec]) -> Overlay:
    facts = []
    trees = {}
    for at, spec in enumerate(layers):
        name = str(at)
        links = tuple(Link(path=path, target=to, kind=LinkKind.SYMBOLIC) for path, to in spec.targets.items())
        hard = tuple(
            Link(path=path, target=kind[1:], kind=LinkKind.HARD)
            for path, kind in spec.entries.items()
            if kind.startswith("h")
        )
        facts.append(
            LayerFacts(
                analyser=name,
                digest=_ZERO,
                diff_id=_ZERO,
                size=0,
                entries=len(spec.entries),
                whiteouts=spec.whiteouts,
                opaque=spec.opaque,
                links=links + hard,
            )
        )
        trees[name] = spec.entries
    return Overlay(facts, lambda layer: trees[layer.analyser])


class NaiveFileSystem:
    """Applies layers one after the other to a flat map, in the plainest way: path to (kind, layers, target)."""

    def __init__(self, layers: list[Spec]) -> None:
        self.nodes: dict[str, tuple[str, set[int], str]] = {}
        for at, spec in enumerate(layers):
            for path in spec.opaque:
                self._remove(path, itself=False)
                self._folder(path, None)
            for path in spec.whiteouts:
                self._remove(path, itself=True)
                self._folder(_parent(path), None)
            for path in sorted(spec.entries):
                self._put(path, spec.entries[path], at, spec.targets.get(path, ""))

    def _remove(self, path: str, *, itself: bool) -> None:
        start = f"{path}/" if path else ""
        for known in list(self.nodes):
            if known.startswith(start) or (itself and known == path):
                del self.nodes[known]

    def _put(self, path: str, kind: str, at: int, target: str) -> None:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            self._folder("/".join(parts[:depth]), None)
        if kind == "d":
            self._folder(path, at)
        else:
            self._remove(path, itself=True)
            self.nodes[path] = (kind, {at}, target)

    def _folder(self, path: str, at: int | None) -> None:
        if not path:
            return
        for depth in range(1, path.count("/") + 2):
            above = "/".join(path.split("/")[:depth])
            if self.nodes.get(above, ("", set(), ""))[0] != "d":
                self._remove(above, itself=True)
                self.nodes[above] = ("d", set(), "")
        if at is not None:
            self.nodes[path][1].add(at)


@pytest.mark.property
@settings(max_examples=300, deadline=None)
@given(st.lists(specs(), min_size=1, max_size=4))
def test_shows_what_a_naive_file_system_shows(layers: list[Spec]) -> None:
    seen = overlay(layers)
    nodes = NaiveFileSystem(layers).nodes
    for path in _PATHS:
        owners = nodes.get(path, ("", set(), ""))[1]
        assert seen.owner(path) == (max(owners) if owners else None), path
    for at, spec in enumerate(layers):
        for path in spec.entries:
            visible = at in nodes.get(path, ("", set(), ""))[1]
            assert (seen.hidden_by(at, path) is None) == visible, (at, path)


_OPENAT2 = 437
_IN_ROOT = 0x10


def kernel_resolve(root: Path, path: str) -> str | None:
    """openat2(2) with RESOLVE_IN_ROOT: what the kernel says a chrooted process would reach."""
    libc = ctypes.CDLL(None, use_errno=True)
    how = (ctypes.c_uint64 * 3)(os.O_PATH | os.O_CLOEXEC, 0, _IN_ROOT)
    top = os.open(root, os.O_PATH)
    try:
        fd = libc.syscall(_OPENAT2, top, os.fsencode(path or "."), how, ctypes.sizeof(how))
        if fd < 0:
            return None
        try:
            real = Path(f"/proc/self/fd/{fd}").readlink()
        finally:
            os.close(fd)
        return "" if real == root else str(real.relative_to(root))
    finally:
        os.close(top)


@pytest.fixture(scope="module")
def openat2() -> Callable[[Path, str], str | None]:
    if kernel_resolve(Path("/"), "proc") != "proc":
        pytest.skip("this kernel has no openat2; run on Linux 5.6 or later")
    return kernel_resolve


@pytest.mark.property
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layer=specs(), asked=st.lists(st.sampled_from([*_PATHS, *_TARGETS]), min_size=1, max_size=6))
def test_links_lead_where_the_kernel_says(
    openat2: Callable[[Path, str], str | None], layer: Spec, asked: list[str]
) -> None:
    seen = overlay([Spec(entries=layer.entries, targets=layer.targets)])
    with tempfile.TemporaryDirectory() as text:
        root = Path(text).resolve()
        for path, kind in layer.entries.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            if kind == "d":
                (root / path).mkdir(exist_ok=True)
            elif kind == "l":
                (root / path).symlink_to(layer.targets[path])
            else:
                (root / path).write_bytes(b"")
        for path in asked:
            trimmed = path.rstrip("/")
            assert seen.resolve(trimmed) == openat2(root, trimmed), trimmed


def test_follows_forty_links_and_not_one_more() -> None:
    links = {f"l{at}": f"l{at + 1}" for at in range(MAX_LINKS)}
    seen = overlay([Spec(entries={**dict.fromkeys(links, "l"), f"l{MAX_LINKS}": "f"}, targets=links)])
    assert seen.resolve("l0") == f"l{MAX_LINKS}"
    longer = {"k": "l0", **links}
    seen = overlay([Spec(entries={**dict.fromkeys(longer, "l"), f"l{MAX_LINKS}": "f"}, targets=longer)])
    assert seen.resolve("k") is None


def test_a_loop_and_a_very_long_target_lead_nowhere() -> None:
    seen = overlay([Spec(entries={"a": "l", "b": "l", "c": "l"}, targets={"a": "b", "b": "a", "c": "x/" * 5000})])
    assert seen.resolve("a") is None
    assert seen.resolve("c") is None


def test_links_never_leave_the_image() -> None:
    seen = overlay([Spec(entries={"etc/passwd": "f", "x": "l"}, targets={"x": "../../../../etc/passwd"})])
    assert seen.resolve("x") == "etc/passwd"
    assert seen.resolve("/../../etc/../etc/passwd") == "etc/passwd"


def test_a_hard_link_keeps_the_bytes_it_was_bound_to() -> None:
    below = Spec(entries={"db/status": "f"})
    middle = Spec(entries={"copy": "hdb/status", "link": "l"}, targets={"link": "copy"})
    above = Spec(entries={"db/status": "f"})
    seen = overlay([below, middle, above])
    assert seen.content("link") == (0, "db/status")
    assert seen.content("db/status") == (2, "db/status")


def test_hard_links_in_circles_have_no_content() -> None:
    assert overlay([Spec(entries={"a": "hb", "b": "ha"})]).content("a") is None


@pytest.mark.parametrize(
    "above",
    [
        Spec(entries={}, whiteouts=("usr/lib/x",)),
        Spec(entries={}, whiteouts=("usr",)),
        Spec(entries={}, opaque=("usr/lib",)),
        Spec(entries={}, opaque=("",)),
        Spec(entries={"usr": "l"}, targets={"usr": "other"}),
        Spec(entries={"usr/lib": "f"}),
        Spec(entries={"usr/lib/x": "f"}),
        Spec(entries={"usr/lib/x": "d"}),
        Spec(entries={"usr/lib/x/y": "f"}),
    ],
)
def test_each_way_of_hiding_hides(above: Spec) -> None:
    seen = overlay([Spec(entries={"usr/lib/x": "f"}), Spec(entries={}), above])
    assert seen.hidden_by(0, "usr/lib/x") == 2


def test_what_hides_does_not_hide_its_own_layer() -> None:
    seen = overlay([Spec(entries={"a/b": "f"}), Spec(entries={"a/b": "f"}, whiteouts=("a",), opaque=("a",))])
    assert seen.owner("a/b") == 1
    assert seen.hidden_by(1, "a/b") is None
    assert seen.hidden_by(0, "a/b") == 1


def test_trees_are_not_read_before_they_are_needed() -> None:
    def never(_: LayerFacts) -> Mapping[str, str]:
        raise AssertionError("read")

    facts = LayerFacts(analyser="", digest=_ZERO, diff_id=_ZERO, size=0, entries=0)
    Overlay([facts, facts], never)


@pytest.mark.tools
@pytest.mark.property
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layers=st.lists(specs(kinds="ddff"), min_size=2, max_size=4))
def test_shows_what_umoci_unpacks(umoci: Callable[..., str], layers: list[Spec]) -> None:
    """Folders and files only: what lies under another layer's symbolic link is where engines differ."""
    with tempfile.TemporaryDirectory() as text:
        work = Path(text)
        built = []
        for at, spec in enumerate(layers):
            builder = LayerBuilder()
            for path in spec.whiteouts:
                builder.whiteout(path)
            for path in spec.opaque:
                builder.opaque(path)
            for path, kind in spec.entries.items():
                if kind == "d":
                    builder.folder(path)
                else:
                    builder.file(path, f"{at} {path}")
            built.append(builder.build())
        write_image(work / "layout", "t", built)
        umoci("unpack", "--rootless", "--image", f"{work}/layout:t", work / "out")
        root = work / "out/rootfs"
        seen = overlay(layers)
        real = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}
        owners = {path: seen.owner(path) for path in _PATHS}
        ours = {
            path: f"{at} {path}" for path, at in owners.items() if at is not None and layers[at].entries[path] == "f"
        }
        assert ours == real


def test_nothing_lies_behind_a_file() -> None:
    seen = overlay([Spec(entries={"a": "f", "c": "f", "d": "d"})])
    assert seen.resolve("c/../a") is None
    assert seen.resolve("d/../a") == "a"
