# SPDX-License-Identifier: Apache-2.0
""".NET, conda, zipped eggs, Java runtimes, R, Erlang, Haskell, Lua, Perl: what each record tells."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from installed_forms import packages, read, refusal, takers_of, told
from installed_samples import CONDA, DEPS, zipped

from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind, Scope
from tidegate.scan.catalogers.installed.paths import below
from tidegate.scan.purl import component_purl

META = "opt/conda/conda-meta/zlib-1.2.13-h5eee18b_0.json"
FRAMEWORK = "usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/Microsoft.NETCore.App.deps.json"


def test_a_dotnet_application_and_what_it_brings() -> None:
    found = {it.name: it for it in packages("app/shop.deps.json", DEPS)}
    assert {(it.name, it.version, it.scope) for it in found.values()} == {
        ("shop", "1.0.0", Scope.RUNTIME),
        ("Newtonsoft.Json", "13.0.1", Scope.RUNTIME),
        ("Only.Reference", "2.0.0", Scope.BUILD),
        ("Microsoft.NETCore.App.Runtime.linux-x64", "8.0.1", Scope.RUNTIME),
    }
    assert found["Newtonsoft.Json"].checksums == ("sha512:" + "00" * 64,)
    assert component_purl(found["Newtonsoft.Json"], None) == "pkg:nuget/Newtonsoft.Json@13.0.1"


def test_a_shared_framework_is_told_by_its_folder() -> None:
    text = b'{"libraries": {"Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": {"type": "package", "sha512": ""}}}'
    assert told(FRAMEWORK, text) == [
        ("Microsoft.NETCore.App.Runtime.linux-x64", "8.0.1"),
        ("Microsoft.NETCore.App", "8.0.1"),
    ]
    assert told("app/Microsoft.NETCore.App.deps.json", text)[1:] == []
    assert "no libraries" in refusal("app/x.deps.json", b"{}")
    assert takers_of("app/appsettings.json") == []


def test_a_conda_package_owns_files_as_they_are_after_installation() -> None:
    facts, reason = read(META, CONDA)
    assert reason == ""
    (package,) = facts.packages
    assert (package.kind, package.name, package.version) == (PackageKind.CONDA, "zlib", "1.2.13")
    assert package.checksums == ("sha256:" + "ab" * 32,)
    assert component_purl(package, None) == (
        "pkg:conda/zlib@1.2.13?build=h5eee18b_0&channel=conda-forge&subdir=linux-64&type=conda"
    )
    (owned,) = facts.ownership
    assert owned.paths == ("opt/conda/include/zlib.h", "opt/conda/lib/libz.so", "opt/conda/lib/libz.so.1")
    assert owned.checksums == b"\x11" * 32 + bytes(32) + b"\x44" * 32
    assert takers_of("opt/conda/conda-meta/history") == []


@pytest.mark.property
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "version", "files", "paths_data", "paths", "_path", "sha256", "license", "channel",
                             "libraries", "targets", "a/1.0", "type", "packages", "authors", "dist", "subdir"]),
            inner, max_size=5,
        ),
        max_leaves=12,
    )
)  # fmt: skip
@settings(deadline=None)
def test_json_of_any_shape_is_survived(document: object) -> None:
    content = json.dumps(document).encode()
    for path in (
        META,
        "a.deps.json",
        "vendor/composer/installed.json",
        "node_modules/a/package.json",
        "x/.meta/a/MYMETA.json",
    ):
        try:
            facts, _ = read(path, content)
        except InvalidInputError:
            continue
        for owned in facts.ownership:
            assert len(owned.checksums) in {0, 32 * len(owned.paths)}


def test_a_zipped_egg_tells_of_itself() -> None:
    text = b"Metadata-Version: 1.0\nName: My_Egg\nVersion: 1.0\nLicense: MIT\n\n"
    path = "usr/lib/python3/site-packages/My_Egg-1.0-py3.11.egg"
    (package,) = packages(path, zipped({"EGG-INFO/PKG-INFO": text, "my_egg.py": b""}))
    assert (package.kind, package.name, package.version) == (PackageKind.PYPI, "my-egg", "1.0")
    assert package.licenses == ("MIT",)
    assert "no metadata" in refusal(path, zipped({"my_egg.py": b""}))
    assert "zip" in refusal(path, b"nothing")


def test_java_runtimes_tell_their_maker() -> None:
    text = b'IMPLEMENTOR="Eclipse Adoptium"\nJAVA_RUNTIME_VERSION="17.0.9+9"\nJAVA_VERSION="17.0.9"\n'
    (package,) = packages("opt/java/openjdk/release", text)
    assert (package.name, package.version, package.supplier) == ("openjdk", "17.0.9+9", "Eclipse Adoptium")
    assert component_purl(package, None) == "pkg:generic/openjdk@17.0.9%2B9"
    assert told("opt/jdk8/release", b'JAVA_VERSION="1.8.0_392"\nOS_NAME="Linux"\n') == [("openjdk", "1.8.0_392")]
    assert told("opt/graal/release", b'JAVA_VERSION="21.0.1"\nGRAALVM_VERSION="23.1"\n') == [("graalvm", "21.0.1")]
    assert told("srv/app/release", b"VERSION=3\n") == []


def test_r_packages_that_are_built_or_lie_in_a_library() -> None:
    text = b"Package: abind\nVersion: 1.4-5\nLicense: LGPL (>= 2)\nMaintainer: Ann <a@b.c>\n"
    (package,) = packages("x/abind/DESCRIPTION", text + b"Built: R 4.2.2; ; 2023-01-01; unix\n")
    assert (package.kind, package.name, package.version) == (PackageKind.CRAN, "abind", "1.4-5")
    assert (package.licenses, package.supplier) == (("LGPL (>= 2)",), "Ann <a@b.c>")
    assert told("usr/lib/R/library/abind/DESCRIPTION", text) == [("abind", "1.4-5")]
    assert told("src/abind/DESCRIPTION", text) == []
    assert told("src/DESCRIPTION", text) == []


@pytest.mark.parametrize(
    ("text", "purl"),
    [
        (b'{application,cowboy,[{description,"x"},{vsn,"2.9.0"}]}.', "pkg:hex/cowboy@2.9.0"),
        (b'%% {vsn, "9"}\n{application, ssl,\n [{vsn, "10.8.7"}, {modules,[]}]}.', "pkg:otp/ssl@10.8.7"),
        (b"{application, 'Elixir_x', []}.", ""),
        (b'{application, phoenix, [{vsn, "1.7.0-rc.0"}]}.', "pkg:hex/phoenix@1.7.0-rc.0"),
    ],
)
def test_erlang_applications(text: bytes, purl: str) -> None:
    path = "opt/rel/lib/x-1/ebin/x.app"
    if purl:
        (package,) = packages(path, text)
        assert component_purl(package, None) == purl
    else:
        assert "no Erlang application" in refusal(path, text)
    assert takers_of("opt/x.app") == []


def test_haskell_lua_and_perl() -> None:
    conf = b"name:      aeson\nversion:   2.0.3.0\nlicense:   BSD-3-Clause\ndescription:\n    name: no\n"
    (package,) = packages("var/lib/ghc/package.conf.d/aeson-2.0.3.0.conf", conf)
    assert component_purl(package, None) == "pkg:hackage/aeson@2.0.3.0"
    rock = "usr/local/lib/luarocks/rocks-5.4/lpeg/1.0.2-1/lpeg-1.0.2-1.rockspec"
    (package,) = packages(rock, b'description = {\n  license = "MIT/X11",\n}\n')
    assert (component_purl(package, None), package.licenses) == ("pkg:luarocks/lpeg@1.0.2-1", ("MIT/X11",))
    assert takers_of("src/lpeg-1.0.2-1.rockspec") == []
    meta = b'{"name": "Mojolicious", "version": "9.31", "license": ["artistic_2", "unknown"], "author": ["Ann"]}'
    (package,) = packages("usr/local/lib/perl5/.meta/Mojolicious-9.31/MYMETA.json", meta)
    assert (package.kind, package.name, package.licenses) == (PackageKind.CPAN, "Mojolicious", ("artistic_2",))


@pytest.mark.parametrize(
    ("folder", "name", "path"),
    [
        ("opt/conda", "lib/x", "opt/conda/lib/x"),
        ("opt/conda", "../../../etc/x", "etc/x"),
        ("", "/usr/bin/x", "usr/bin/x"),
        ("", "usr//bin/./x", "usr/bin/x"),
        ("opt", "", ""),
        ("opt", "a\0b", ""),
        ("opt", "a" * 5000, ""),
        ("", "..", ""),
    ],
)
def test_paths_never_leave_the_image(folder: str, name: str, path: str) -> None:
    assert below(folder, name) == path


def test_wordpress_its_plugins_and_themes() -> None:
    (core,) = packages("var/www/wp-includes/version.php", b"<?php\n * x\n$wp_version = '6.4.1';\n$wp_db_version = 1;\n")
    assert component_purl(core, None) == "pkg:generic/wordpress@6.4.1"
    text = (
        b"<?php\r\n/**\r\n * Plugin Name: Akismet\r\n * Version: 5.3\r\n * License: GPLv2 or later\r\n * Author: Ann */"
    )
    (plugin,) = packages("var/www/wp-content/plugins/akismet/akismet.php", text)
    assert component_purl(plugin, None) == "pkg:generic/wordpress-plugin/akismet@5.3"
    assert (plugin.licenses, plugin.supplier) == (("GPLv2 or later",), "Ann")
    assert told("var/www/wp-content/themes/tt/style.css", b"/*\nTheme Name: TT\nVersion: 1.0\n*/") == [("tt", "1.0")]
    assert told("var/www/wp-content/plugins/akismet/other.php", b"<?php\n$version = 1;\n") == []
    assert takers_of("var/www/wp-content/plugins/akismet/inc/a.php") == []
    assert takers_of("var/www/index.php") == []
