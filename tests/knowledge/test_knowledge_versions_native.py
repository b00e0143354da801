# SPDX-License-Identifier: Apache-2.0
"""Version keys of language registries against the registries' own comparators, over generated versions."""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from univers.versions import ConanVersion, NugetVersion

from tidegate.inventory import Version
from tidegate.knowledge.versions import ORDERS, InvalidVersionError

pytestmark = pytest.mark.property

BY_NAME = {order.name: order for order in ORDERS}
SLOW = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # a failing batch is told at once; making it smaller takes minutes
    suppress_health_check=[HealthCheck.too_slow],
)
MAVEN_JAR = Path("/usr/share/java/maven-artifact-3.x.jar")
COMPOSER_LOADERS = (Path("/usr/share/php/Composer/Semver/autoload.php"), Path("/usr/share/php/Composer/autoload.php"))
NODE_SEMVER = Path("/usr/lib/node_modules/npm/node_modules/semver")
NUMBER = st.sampled_from(["0", "0", "1", "2", "9", "10", "01", "00", "9" * 20])
Pairs = list[tuple[str, str]]


def pairs_of(text: st.SearchStrategy[str], tails: Sequence[str]) -> st.SearchStrategy[Pairs]:
    """Pairs of which half are neighbours: a version, and it with a tail."""
    near = st.tuples(text, st.sampled_from(tails)).map(lambda both: (both[0], both[0] + both[1]))
    return st.lists(st.one_of(st.tuples(text, text), near), min_size=60, max_size=80)


def judged(order: str, pairs: Pairs, signs: Sequence[int]) -> None:
    assert len(pairs) == len(signs)
    for (one, other), sign in zip(pairs, signs, strict=True):
        try:
            low, high = (BY_NAME[order].key(Version(text)) for text in (one, other))
        except InvalidVersionError as error:
            raise AssertionError(f"{one} or {other} is refused") from error
        assert (low > high) - (low < high) == sign, f"{one} against {other}"


def asked(command: list[str], pairs: Pairs) -> list[int]:
    text = "".join(f"{one} {other}\n" for one, other in pairs)
    said = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return [int(word) for word in said.stdout.split()]


def need(program: str, *files: Path, install: str) -> None:
    if not shutil.which(program) or not all(file.exists() for file in files):
        pytest.skip(f"needs {install}")


WORD = st.sampled_from(["alpha", "beta", "a", "b", "m", "rc", "cr", "snapshot", "sp", "foo", "jre", "RC", "Xyz"])
MAVEN = st.builds(
    lambda numbers, tails: ".".join(numbers) + "".join(tails),
    st.lists(NUMBER, min_size=1, max_size=4),
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["-", ""]), WORD, st.sampled_from(["", "1", "-2", "10"])).map("".join),
            st.sampled_from(["-1", "-2", "-10", "-1.2"]),
        ),
        max_size=2,
    ).filter(lambda tails: not (len(tails) > 1 and tails[0][-1].isalpha() and tails[1][0].isalpha())),
)


@SLOW
@pytest.mark.tools
@given(pairs_of(MAVEN, ["-1", ".0", "-alpha", "a1", "-0", "-x", "-ga", ".1"]))
def test_maven_is_comparable_version(pairs: Pairs) -> None:
    need("java", MAVEN_JAR, install="java and libmaven3-core-java")
    # Maven 3.9 reads `.word` otherwise; left out, and so is what has nothing before a `-`.
    pairs = [pair for pair in pairs if not any(re.search(r"(?i)-0+-|\.[a-z]|-0+[a-z]", text) for text in pair)]
    flat = [text for pair in pairs for text in pair]
    command = ["java", "-Xshare:auto", "-cp", f"{MAVEN_JAR}:/usr/share/java/commons-lang3.jar"]
    said = subprocess.run(
        [*command, "org.apache.maven.artifact.versioning.ComparableVersion", *flat],
        capture_output=True,
        text=True,
        check=True,
    )
    relations = re.findall(r"^ +\S+ (==|<|>) \S+$", said.stdout, re.MULTILINE)[::2]
    judged("maven", pairs, [{"<": -1, "==": 0, ">": 1}[one] for one in relations])


GEM = st.builds(
    lambda numbers, tail, more: ".".join(numbers) + tail + more,
    st.lists(NUMBER, min_size=1, max_size=4),
    st.sampled_from(["", ".a", ".rc1", ".pre.2", ".B", ".0.a.0", "-1", "-beta.3", ".a0b"]),
    st.sampled_from(["", ".0", ".1", ".0.b", ".z"]),
)


@SLOW
@pytest.mark.tools
@given(pairs_of(GEM, [".0", ".a", ".0.a", ".1", "-1"]))
def test_rubygems_is_gem_version(pairs: Pairs) -> None:
    need("ruby", install="ruby")
    pairs = [pair for pair in pairs if pair[1].count("-") <= 1]
    script = "STDIN.each_line { |l| a, b = l.split; puts Gem::Version.new(a) <=> Gem::Version.new(b) }"
    judged("rubygems", pairs, asked(["ruby", "-rrubygems", "-e", script], pairs))


COMPOSER = st.builds(
    lambda v, numbers, stability, dev: v + ".".join(numbers) + stability + dev,
    st.sampled_from(["", "v", "V"]),
    st.lists(st.sampled_from(["0", "1", "2", "10", "01", "123"]), min_size=1, max_size=4),
    st.sampled_from(
        ["", "", "-beta", "-beta1", "b2", "-RC1", "RC.2", "-alpha3", "a", "-p1", "-patch2", "-stable", "-pl3"]
    ),
    st.sampled_from(["", "", "-dev"]),
)


@SLOW
@pytest.mark.tools
@given(pairs_of(COMPOSER, ["+build"]))
def test_composer_is_composer_semver(pairs: Pairs) -> None:
    loader = next((path for path in COMPOSER_LOADERS if path.exists()), COMPOSER_LOADERS[0])
    need("php", loader, install="php-cli and composer")
    script = (
        f"error_reporting(0); require '{loader}'; $p = new Composer\\Semver\\VersionParser(); "
        "while ($l = fgets(STDIN)) { [$a, $b] = explode(' ', trim($l)); "
        'echo version_compare($p->normalize($a), $p->normalize($b)), "\\n"; }'
    )
    judged("composer", pairs, asked(["php", "-r", script], pairs))


@SLOW
@pytest.mark.tools
@given(
    pairs_of(
        st.builds(
            lambda core, pre, build: ".".join(map(str, core)) + pre + build,
            st.tuples(st.integers(0, 11), st.integers(0, 11), st.integers(0, 11)),
            st.sampled_from(["", "-0", "-a", "-a.1", "-1", "-alpha.10", "-rc.1.x", "-x-y"]),
            st.sampled_from(["", "+b", "+1"]),
        ),
        ["-x"],
    )
)
def test_npm_is_node_semver(pairs: Pairs) -> None:
    need("node", NODE_SEMVER, install="node and npm")
    pairs = [pair for pair in pairs if "+" not in pair[0] or pair[1] != pair[0] + "-x"]
    script = (
        f"const s = require({json.dumps(str(NODE_SEMVER))}); "
        "for (const l of require('fs').readFileSync(0, 'utf8').trim().split('\\n')) "
        "{ const [a, b] = l.split(' '); console.log(s.compare(a, b)); }"
    )
    judged("semver", pairs, asked(["node", "-e", script], pairs))


NUGET = st.builds(
    lambda core, pre: ".".join(map(str, core)) + pre,
    st.lists(st.integers(0, 11), min_size=1, max_size=4),
    st.sampled_from(["", "", "-alpha", "-beta.2", "-beta.10", "-5", "-rc-1"]),
)


@settings(max_examples=200)
@given(NUGET, NUGET)
def test_nuget_is_univers(one: str, other: str) -> None:
    # univers compares labels with regard to case and drops no number over 32 bits; both are left out here.
    low, high = NugetVersion(one), NugetVersion(other)
    judged("nuget", [(one, other)], [int(low > high) - int(low < high)])


CONAN = st.builds(
    lambda core, tail: ".".join(map(str, core)) + tail,
    st.lists(st.integers(0, 11), min_size=1, max_size=4),
    st.sampled_from(["", "", "-pre1", "-rc.2", "+b1"]),
)


@settings(max_examples=200)
@given(CONAN, CONAN)
def test_conan_is_univers(one: str, other: str) -> None:
    low, high = ConanVersion(one), ConanVersion(other)
    judged("conan", [(one, other)], [int(low > high) - int(low < high)])
