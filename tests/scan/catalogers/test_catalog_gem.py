# SPDX-License-Identifier: Apache-2.0
"""Ruby gems: specifications as RubyGems and as people write them; what is code is left alone."""

import contextlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from installed_forms import packages, read, refusal, takers_of, told
from installed_samples import GENERATED_GEMSPEC

from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, PackageKind
from tidegate.scan.purl import component_purl

SPECIFICATIONS = "usr/local/bundle/specifications"
HAND_WRITTEN = b"""
require_relative "lib/tide/version"
Gem::Specification.new do |spec|
  spec.name        = 'tide'
  spec.version     = %s
  spec.authors     = ["Ann", 'Bob']
  spec.licenses    = %%w[MIT Ruby]
  spec.required_ruby_version = ">= 2.5"
  spec.add_dependency "other", "9.9.9"
  spec.version == "7.7.7"
end
"""


def test_the_form_rubygems_writes_is_read_whole() -> None:
    (package,) = packages(f"{SPECIFICATIONS}/tide-two-0.5.0.pre1-x86_64-linux.gemspec", GENERATED_GEMSPEC)
    assert (package.kind, package.name, package.version) == (PackageKind.GEM, "tide-two", "0.5.0.pre1")
    assert package.licenses == ("Apache-2.0", "MIT")
    assert package.supplier == "Cy, Di"
    assert package.basis is Basis.INSTALLED
    assert component_purl(package, None) == "pkg:gem/tide-two@0.5.0.pre1?platform=x86_64-linux"


@pytest.mark.parametrize(
    ("version", "found"),
    [
        (b'"1.2.3"', [("tide", "1.2.3")]),
        (b"'1.2.3'.freeze", [("tide", "1.2.3")]),
        (b'Gem::Version.new("1.2.3")', [("tide", "1.2.3")]),
        (b"Gem::Version.new '1.2.3'", [("tide", "1.2.3")]),
        (b"Tide::VERSION", []),
        (b'File.read("VERSION").strip', []),
        (b'"#{major}.0"', []),
    ],
)
def test_plain_literals_of_hand_written_ones_are_read(version: bytes, found: list[tuple[str, str]]) -> None:
    assert told("app/tide.gemspec", HAND_WRITTEN % version) == found
    assert told("app/vendor/bundle/ruby/3.1.0/bundler/gems/tide-0a1b2c/tide.gemspec", HAND_WRITTEN % version) == found


def test_what_a_hand_written_one_tells_besides() -> None:
    (package,) = packages("app/tide.gemspec", HAND_WRITTEN % b'"1.2.3"')
    assert package.licenses == ("MIT", "Ruby")
    assert package.supplier == "Ann, Bob"
    assert package.basis is Basis.DECLARED


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        (f"{SPECIFICATIONS}/a-1.gemspec", True),
        ("usr/lib/ruby/gems/3.1.0/specifications/default/a-1.gemspec", True),
        ("usr/share/rubygems-integration/all/specifications/a-1.gemspec", True),
        ("usr/local/bundle/gems/a-1/a.gemspec", False),
        ("usr/local/bundle/bundler/gems/a-0123456789ab/a.gemspec", True),
        ("app/a.gemspec", True),
    ],
)
def test_the_specification_inside_an_installed_gem_is_not_told_twice(path: str, taken: bool) -> None:
    assert takers_of(path) == (["gem"] if taken else [])


def test_rubygems_own_specification_without_a_version_takes_it_from_its_file_name() -> None:
    text = b'Gem::Specification.new do |s|\n  s.name = "a".freeze\n  s.version = VERSION\nend\n'
    assert told(f"{SPECIFICATIONS}/a-2.0.gemspec", text) == [("a", "2.0")]
    assert "no name or no version" in refusal(f"{SPECIFICATIONS}/b.gemspec", text)
    assert told("app/b.gemspec", text) == []


@pytest.mark.property
@given(st.lists(st.sampled_from(["s.name = ", '"', "'", "[", "%w[", "a", "1.0", "\\", "\n", " ", "Gem::Version.new("])))
@settings(deadline=None)
def test_ruby_of_any_kind_is_survived(pieces: list[str]) -> None:
    with contextlib.suppress(InvalidInputError):
        read(f"{SPECIFICATIONS}/a-1.0.gemspec", "".join(pieces).encode())


@pytest.mark.tools
def test_what_the_real_gem_installs_is_what_is_read(tmp_path: Path) -> None:
    gem = shutil.which("gem")
    if gem is None:
        pytest.skip("gem is missing; install Ruby")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "tide.rb").write_text("")
    for platform in ("ruby", "x86_64-linux"):
        text = HAND_WRITTEN.decode() % '"1.2.3"'
        text = text.replace('require_relative "lib/tide/version"', "").replace('  spec.version == "7.7.7"\n', "")
        text = text.replace(
            "end\n", f'  spec.platform = "{platform}"\n  spec.summary = "x"\n  spec.files = ["lib/tide.rb"]\nend\n'
        )
        (tmp_path / "tide.gemspec").write_text(text)
        subprocess.run([gem, "build", "tide.gemspec"], cwd=tmp_path, check=True, capture_output=True)
    for built in sorted(tmp_path.glob("*.gem")):
        command = [
            gem,
            "install",
            "--local",
            "--no-document",
            "--force",
            "--ignore-dependencies",
            "--install-dir",
            "home",
        ]
        subprocess.run([*command, built], cwd=tmp_path, check=True, capture_output=True)
    home = {"GEM_HOME": f"{tmp_path}/home", "GEM_PATH": f"{tmp_path}/home", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    command = [gem, "list", "--local", "--all"]
    listed = subprocess.run(command, env=home, check=True, capture_output=True, text=True).stdout
    shown = re.search(r"^tide \((.*)\)$", listed, re.MULTILINE)
    assert shown is not None
    files = sorted((tmp_path / "home" / "specifications").glob("*.gemspec"))
    found = [package for file in files for package in packages(f"{SPECIFICATIONS}/{file.name}", file.read_bytes())]
    assert {(it.name, it.version) for it in found} == {("tide", "1.2.3")}
    assert shown[1] in {"1.2.3 ruby x86_64-linux", "1.2.3 x86_64-linux ruby", "1.2.3"}
    assert {dict(it.qualifiers).get("platform", "ruby") for it in found} == {"ruby", "x86_64-linux"}
    assert {it.licenses for it in found} == {("MIT", "Ruby")}
