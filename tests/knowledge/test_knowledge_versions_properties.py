# SPDX-License-Identifier: Apache-2.0
"""Version keys against the ecosystems' own comparators, over generated versions."""

import shutil
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version as PackagingVersion

from tidegate.inventory import Version
from tidegate.knowledge.versions import ORDERS, InvalidVersionError, VersionOrder, successor

pytestmark = pytest.mark.property

DEB, RPM, APK, PEP440, SEMVER = (
    next(order for order in ORDERS if order.name == name) for name in ("deb", "rpm", "apk", "pep440", "semver")
)
NUMBER = st.one_of(st.integers(0, 12).map(str), st.sampled_from(["00", "01", "010", "9" * 25, "0" + "9" * 24]))
SLOW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def sign(low: Any, high: Any) -> int:
    return int(low > high) - int(low < high)


def signs(order: VersionOrder, pairs: Sequence[tuple[str, str]]) -> list[int]:
    return [sign(order.key(Version(one)), order.key(Version(other))) for one, other in pairs]


def neighbours(text: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Pairs that often share most of their text: a version, and it with one piece put in."""

    def changed(one: str, piece: str, at: int) -> tuple[str, str]:
        at %= len(one) + 1
        return one, one[:at] + piece + one[at:]

    close = st.builds(
        changed, text, st.sampled_from(["0", "1", "a", "~", ".", ".0", "~1", "+", "^"]), st.integers(0, 30)
    )
    return st.lists(st.one_of(st.tuples(text, text), close), min_size=30, max_size=40)


DEB_TEXT = st.builds(
    lambda epoch, head, tail, revision: f"{epoch}{head}{tail}{revision}",
    st.sampled_from(["", "0:", "1:", "01:", "2:"]),
    NUMBER,
    st.text("019az~.+", max_size=8),
    st.one_of(st.just(""), st.text("019az~.+", min_size=1, max_size=5).map("-{}".format)),
)


@SLOW
@pytest.mark.tools
@given(neighbours(DEB_TEXT))
def test_deb_is_dpkg(pairs: list[tuple[str, str]]) -> None:
    if not shutil.which("dpkg"):
        pytest.skip("needs dpkg")
    pairs = [(one, other) for one, other in pairs if "^" not in other]
    script = (
        'while read -r a b; do if dpkg --compare-versions "$a" lt "$b"; then echo -1; '
        'elif dpkg --compare-versions "$a" eq "$b"; then echo 0; else echo 1; fi; done'
    )
    said = subprocess.run(
        ["sh", "-c", script],
        input="".join(f"{one} {other}\n" for one, other in pairs),
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [int(line) for line in said.stdout.split()]
    valid = [(pair, want) for pair, want in zip(pairs, expected, strict=True) if all(_places(DEB, one) for one in pair)]
    assert signs(DEB, [pair for pair, _ in valid]) == [want for _, want in valid]


RPM_TEXT = st.builds(
    lambda epoch, head, release: f"{epoch}{head}{release}",
    st.sampled_from(["", "0:", "1:", "00:", "12:"]),
    st.text("0019azA~^._+", min_size=1, max_size=10),
    st.one_of(st.just(""), st.text("019az~^._", max_size=6).map("-{}".format)),
)


@SLOW
@pytest.mark.tools
@given(neighbours(RPM_TEXT))
def test_rpm_is_rpm(pairs: list[tuple[str, str]]) -> None:
    if not shutil.which("rpm"):
        pytest.skip("needs rpm")
    calls = " ".join(f'print(rpm.vercmp("{one}", "{other}") .. " ")' for one, other in pairs)
    said = subprocess.run(["rpm", "--eval", f"%{{lua:{calls}}}"], capture_output=True, text=True, check=True)
    assert signs(RPM, pairs) == [int(word) for word in said.stdout.split()]


PEP440_TEXT = st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(["", "v", "0!", "1!"]),
    st.lists(NUMBER, min_size=1, max_size=4).map(".".join),
    st.sampled_from(["", "a1", "a0", "alpha2", ".b1", "-rc.1", "c1", "rc10"]),
    st.sampled_from(["", ".post1", "-1", ".post0", ".rev3", "post"]),
    st.sampled_from(["", ".dev0", ".dev1", "dev", ".dev10"]),
    st.sampled_from(["", "+1", "+abc", "+abc.1", "+1.abc", "+10", "+ABC"]),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(PEP440_TEXT, min_size=2, max_size=40))
def test_pep440_is_packaging(texts: list[str]) -> None:
    pairs = list(pairwise(texts))
    expected = [sign(PackagingVersion(one), PackagingVersion(other)) for one, other in pairs]
    assert signs(PEP440, pairs) == expected


@given(PEP440_TEXT, st.text("abcz0129.-_ ", min_size=1, max_size=12))
def test_old_python_versions_are_before_all_standard_ones(standard: str, old: str) -> None:
    old = f"{old.strip()}-zz!"
    assert PEP440.key(Version(old)) < PEP440.key(Version(standard))


IDENTIFIER = st.one_of(
    NUMBER.map(lambda text: text.lstrip("0") or "0"), st.text("09aZ-", min_size=1, max_size=4).map("x{}".format)
)
SEMVER_PARTS = st.tuples(
    st.tuples(NUMBER, NUMBER, NUMBER), st.lists(IDENTIFIER, max_size=3), st.sampled_from(["", "+b", "+1.2"])
)


def precedence(
    one: tuple[tuple[str, str, str], list[str], str], other: tuple[tuple[str, str, str], list[str], str]
) -> int:
    """Semantic Versioning 2.0.0, section 11, word by word."""
    core = sign([int(part) for part in one[0]], [int(part) for part in other[0]])
    if core or not one[1] or not other[1]:
        return core or sign(not one[1], not other[1])
    for left, right in zip(one[1], other[1], strict=False):
        if left.isdecimal() and right.isdecimal():
            by_part = sign(int(left), int(right))
        elif left.isdecimal() or right.isdecimal():
            by_part = -1 if left.isdecimal() else 1
        else:
            by_part = sign(left, right)
        if by_part:
            return by_part
    return sign(len(one[1]), len(other[1]))


@given(SEMVER_PARTS, SEMVER_PARTS)
def test_semver_is_its_specification(
    one: tuple[tuple[str, str, str], list[str], str], other: tuple[tuple[str, str, str], list[str], str]
) -> None:
    texts = [".".join(core) + ("-" + ".".join(pre) if pre else "") + build for core, pre, build in (one, other)]
    assert signs(SEMVER, [(texts[0], texts[1])]) == [precedence(one, other)]


@given(st.sampled_from(ORDERS), st.text(max_size=40), st.text(max_size=40))
def test_any_text_has_a_key_or_is_refused(order: VersionOrder, one: str, other: str) -> None:
    keys = []
    for text in (one, other):
        try:
            keys.append(order.key(Version(text)))
        except InvalidVersionError:
            return
    low, high = sorted(keys)
    assert high < b"\xff"
    # The closed range of `low` holds `low` alone.
    assert (low <= high < successor(low)) == (low == high)


def _places(order: VersionOrder, text: str) -> bool:
    try:
        order.key(Version(text))
    except InvalidVersionError:
        return False
    return True
