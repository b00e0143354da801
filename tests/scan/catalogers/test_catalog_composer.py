# SPDX-License-Identifier: Apache-2.0
"""PHP packages as Composer 1 and 2 and PEAR write them down."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from installed_forms import packages, read, refusal, takers_of, told
from installed_samples import COMPOSER_2, PEAR

from tidegate.inventory import Scope
from tidegate.scan.purl import component_purl

INSTALLED = "app/vendor/composer/installed.json"


def test_composer_2_tells_scope_licence_and_what_is_abandoned() -> None:
    alpha, beta, gamma = packages(INSTALLED, COMPOSER_2)
    assert (alpha.name, alpha.version, alpha.scope) == ("demo/alpha", "v1.4.0", Scope.RUNTIME)
    assert alpha.licenses == ("MIT", "GPL-2.0-only")
    assert alpha.checksums == ("sha1:a05d9054588b975bccbb8e1304c10a0a7fce8b34",)
    assert alpha.supplier == "Ann"
    assert alpha.deprecated == ""
    assert beta.deprecated == "abandoned, use demo/delta"
    assert (gamma.deprecated, gamma.scope) == ("abandoned", Scope.DEVELOPMENT)
    assert component_purl(alpha, None) == "pkg:composer/demo/alpha@v1.4.0"
    assert dict(gamma.qualifiers) == {"vcs_url": "git+https://example.org/gamma.git@9d544655"}


def test_composer_1_writes_a_list() -> None:
    text = b'[{"name": "A/B", "version": "1.0", "license": "MIT"}]\n'
    assert told(INSTALLED, text) == [("a/b", "1.0")]
    assert told(INSTALLED, b"[]") == []


def test_entries_without_a_name_are_told_of() -> None:
    facts, reason = read(INSTALLED, b'{"packages": [{"name": "a/b", "version": "1"}, {"version": "2"}, 7]}')
    assert [it.name for it in facts.packages] == ["a/b"]
    assert reason.startswith("2 entries could not be read")
    assert "not JSON" in refusal(INSTALLED, b'{"packages": [')
    assert takers_of("app/installed.json") == []


def test_pear_packages_bear_their_channel() -> None:
    (package,) = packages("usr/share/php/.registry/xml_util.reg", PEAR)
    assert (package.name, package.version, package.licenses) == ("pear.php.net/XML_Util", "1.4.5", ("BSD License",))
    assert component_purl(package, None) == "pkg:pear/pear.php.net/XML_Util@1.4.5"
    assert "no name or no version" in refusal("usr/share/php/.registry/a.reg", b"a:0:{}")
    assert takers_of("usr/share/php/.channels/pear.php.net.reg") == []


@pytest.mark.tools
def test_what_the_real_composer_shows_is_what_is_read(tmp_path: Path) -> None:
    composer = shutil.which("composer")
    if composer is None:
        pytest.skip("composer is missing; install it")
    for name, more in (("one", {"version": "v1.4.0"}), ("two", {"version": "2.0.1"}), ("dev", {"version": "dev-main"})):
        (tmp_path / "packages" / name).mkdir(parents=True)
        manifest = {"name": f"demo/{name}", "license": "MIT"} | more
        (tmp_path / "packages" / name / "composer.json").write_text(json.dumps(manifest))
    project = {
        "name": "demo/app",
        "repositories": [
            {"type": "path", "url": "packages/*", "options": {"symlink": False}},
            {"packagist.org": False},
        ],
        "require": {"demo/one": "^1", "demo/two": "^2"},
        "require-dev": {"demo/dev": "dev-main"},
    }
    (tmp_path / "composer.json").write_text(json.dumps(project))
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path), "COMPOSER_ALLOW_SUPERUSER": "1",
        "COMPOSER_DISABLE_NETWORK": "1",
    }  # fmt: skip
    for arguments in (["install", "--no-interaction", "--quiet"], ["show", "--format=json"]):
        done = subprocess.run(
            [composer, *arguments], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        )
    shown = {(it["name"], it["version"]) for it in json.loads(done.stdout)["installed"]}
    found = packages(INSTALLED, (tmp_path / "vendor" / "composer" / "installed.json").read_bytes())
    assert {(it.name, it.version) for it in found} == shown
    assert {it.name for it in found if it.scope is Scope.DEVELOPMENT} == {"demo/dev"}
