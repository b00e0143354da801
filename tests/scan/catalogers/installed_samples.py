# SPDX-License-Identifier: Apache-2.0
"""Sound files of the catalogers of what language package managers install: made here, in the forms the tools write."""

import gzip
import io
import json
import zipfile

from acceptance import Sample

GENERATED_GEMSPEC = b"""# -*- encoding: utf-8 -*-
# stub: tide-two 0.5.0.pre1 x86_64-linux lib

Gem::Specification.new do |s|
  s.name = "tide-two".freeze
  s.version = "0.5.0.pre1"
  s.platform = "x86_64-linux".freeze

  s.required_rubygems_version = Gem::Requirement.new("> 1.3.1".freeze) if s.respond_to? :required_rubygems_version=
  s.require_paths = ["lib".freeze]
  s.authors = ["Cy".freeze, "Di".freeze]
  s.date = "2026-11-22"
  s.homepage = "https://example.org".freeze
  s.licenses = ["Apache-2.0".freeze, "MIT".freeze]
  s.rubygems_version = "3.3.15".freeze
  s.summary = "version = two".freeze

  s.installed_by_version = "3.3.15" if s.respond_to? :installed_by_version
end
"""
COMPOSER_2 = b"""{"packages": [
 {"name": "demo/alpha", "version": "v1.4.0", "version_normalized": "1.4.0.0", "dist": {"type": "zip",
  "shasum": "a05d9054588b975bccbb8e1304c10a0a7fce8b34"}, "license": ["MIT", "GPL-2.0-only"],
  "authors": [{"name": "Ann", "email": "a@example.org"}], "install-path": "../demo/alpha"},
 {"name": "demo/beta", "version": "2.0.1", "license": ["BSD-3-Clause"], "abandoned": "demo/delta"},
 {"name": "demo/gamma", "version": "dev-main", "abandoned": true,
  "source": {"type": "git", "url": "https://example.org/gamma.git", "reference": "9d544655"}}],
 "dev": true, "dev-package-names": ["demo/gamma"]}"""
DEPS = b"""{"runtimeTarget": {"name": ".NETCoreApp,Version=v8.0", "signature": ""},
 "targets": {".NETCoreApp,Version=v8.0": {
  "shop/1.0.0": {"dependencies": {"Newtonsoft.Json": "13.0.1"}, "runtime": {"shop.dll": {}}},
  "Newtonsoft.Json/13.0.1": {"runtime": {"lib/net6.0/Newtonsoft.Json.dll": {}}},
  "Only.Reference/2.0.0": {"compile": {"ref/Only.Reference.dll": {}}},
  "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": {"runtime": {"System.dll": {}}}}},
 "libraries": {
  "shop/1.0.0": {"type": "project", "serviceable": false, "sha512": ""},
  "Newtonsoft.Json/13.0.1": {"type": "package", "serviceable": true, "sha512": "sha512-%s"},
  "Only.Reference/2.0.0": {"type": "package", "sha512": ""},
  "Some.Assembly/1.0.0.0": {"type": "reference"},
  "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": {"type": "runtimepack", "sha512": ""}}}""" % (
    b"AAAA" * 21 + b"AA=="
)
CONDA = json.dumps(
    {
        "name": "zlib",
        "version": "1.2.13",
        "build": "h5eee18b_0",
        "channel": "https://conda.example.org/conda-forge/linux-64",
        "subdir": "linux-64",
        "fn": "zlib-1.2.13-h5eee18b_0.conda",
        "license": "Zlib",
        "sha256": "ab" * 32,
        "files": ["include/zlib.h", "lib/libz.so", "lib/libz.so.1"],
        "paths_data": {
            "paths": [
                {"_path": "include/zlib.h", "path_type": "hardlink", "sha256": "11" * 32},
                {"_path": "lib/libz.so", "path_type": "softlink", "sha256": "22" * 32},
                {
                    "_path": "lib/libz.so.1",
                    "path_type": "hardlink",
                    "sha256": "33" * 32,
                    "sha256_in_prefix": "44" * 32,
                },
            ]
        },
    }
).encode()
MTREE = (
    b"#mtree\n/set type=file uid=0 gid=0 mode=644\n./.PKGINFO time=1.0 size=3 sha256digest=%s\n"
    b"./usr time=1.0 type=dir\n"
    b"./usr/bin/a\\040b time=1.0 mode=755 size=3 md5digest=%s sha256digest=%s\n./usr/lib/x time=1.0 type=link link=y\n"
) % (b"0" * 64, b"1" * 32, b"2" * 64)
DESC = (
    b"%NAME%\nbash\n\n%VERSION%\n5.2.026-2\n\n%BASE%\nbash\n\n%DESC%\nThe shell\n\n%ARCH%\nx86_64\n\n"
    b"%PACKAGER%\nAnn <a@example.org>\n\n%LICENSE%\nGPL-3.0-or-later\nMIT\n\n"
)
PEAR = (
    b'a:3:{s:7:"attribs";a:1:{s:7:"version";s:3:"2.0";}s:4:"name";s:8:"XML_Util";s:7:"channel";s:12:"pear.php.net";'
    b's:4:"lead";a:1:{s:4:"name";s:3:"Ann";}s:7:"version";a:2:{s:7:"release";s:5:"1.4.5";s:3:"api";s:5:"1.4.0";}'
    b's:7:"license";a:2:{s:7:"attribs";a:1:{s:3:"uri";s:3:"x/y";}s:8:"_content";s:11:"BSD License";}}'
)


def zipped(members: dict[str, bytes], *, packed: bool = True) -> bytes:
    """A zip archive of these members in this order, always the same bytes."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = archive.compression
            archive.writestr(entry, content)
    return whole.getvalue()


def pom_properties(group: str, artifact: str, version: str) -> dict[str, bytes]:
    """The metadata Maven leaves in an archive."""
    text = f"#Created by Apache Maven\n#Mon Jan 01\nversion={version}\ngroupId={group}\nartifactId={artifact}\n"
    return {f"META-INF/maven/{group}/{artifact}/pom.properties": text.encode()}


def manifest(**attributes: str) -> dict[str, bytes]:
    """A manifest; `_` in names stands for `-`."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in attributes.items())
    return {"META-INF/MANIFEST.MF": f"Manifest-Version: 1.0\r\n{lines}\r\n".encode()}


INNER = zipped(manifest(Bundle_License="MIT") | pom_properties("org.example", "inner", "2.0"))
WAR = zipped(
    manifest(Implementation_Title="shop", Implementation_Version="1.0")
    | pom_properties("org.example", "shop", "1.0")
    | {"WEB-INF/lib/inner-2.0.jar": INNER, "WEB-INF/lib/bare-3.1.jar": zipped(manifest(Bundle_Version="3.1"))}
)


def samples_of_installed() -> dict[str, list[Sample]]:
    """Samples by the name of their cataloger."""
    package = b'{"name": "@s/a", "version": "1.0.0", "license": "MIT", "author": {"name": "Ann", "email": "a@b.c"}}'
    return {
        "node": [
            Sample(path="app/node_modules/@s/a/package.json", content=package),
            Sample(
                path="app/.yarn/cache/a-npm-1.0.0-0123456789-10.zip",
                content=zipped({"node_modules/@s/a/package.json": package, "node_modules/@s/a/x/package.json": b"{}"}),
            ),
        ],
        "java-archive": [
            Sample(path="opt/inner-2.0.jar", content=INNER),
            Sample(path="opt/shop.war", content=WAR),
            Sample(path="opt/bare-3.1.jar", content=zipped({"a.class": b"x"}, packed=False)),
            Sample(
                path="app/META-INF/maven/org.example/a/pom.properties",
                content=pom_properties("org.example", "a", "1.0")["META-INF/maven/org.example/a/pom.properties"],
            ),
        ],
        "java-runtime": [
            Sample(
                path="opt/jdk/release",
                content=b'IMPLEMENTOR="Eclipse Adoptium"\nJAVA_RUNTIME_VERSION="17.0.9+9"\nJAVA_VERSION="17.0.9"\n',
            )
        ],
        "gem": [
            Sample(
                path="usr/local/bundle/specifications/tide-two-0.5.0.pre1-x86_64-linux.gemspec",
                content=GENERATED_GEMSPEC,
            )
        ],
        "composer": [
            Sample(path="app/vendor/composer/installed.json", content=COMPOSER_2),
            Sample(path="vendor/composer/installed.json", content=b'[{"name": "a/b", "version": "1.0"}]'),
        ],
        "dotnet": [Sample(path="app/shop.deps.json", content=DEPS)],
        "conda": [Sample(path="opt/conda/conda-meta/zlib-1.2.13-h5eee18b_0.json", content=CONDA)],
        "python-egg": [
            Sample(
                path="x/a-1.0-py3.11.egg",
                content=zipped({"EGG-INFO/PKG-INFO": b"Name: a\nVersion: 1.0\n\n", "a.py": b""}),
            ),
            Sample(
                path="x/a-1.0-py3-none-any.whl",
                content=zipped({"a.py": b"", "a-1.0.dist-info/METADATA": b"Name: a\nVersion: 1.0\n\n"}),
            ),
        ],
        "opkg": [
            Sample(path="usr/lib/opkg/status", content=b"Package: a\nVersion: 1-2\nStatus: install user installed\n\n"),
            Sample(path="usr/lib/opkg/info/a.list", content=b"/usr/bin/a\n/etc/a\n"),
        ],
        "alpm": [
            Sample(path="var/lib/pacman/local/bash-5.2.026-2/desc", content=DESC),
            Sample(
                path="var/lib/pacman/local/bash-5.2.026-2/files",
                content=b"%FILES%\netc/\netc/bash.bashrc\n\n%BACKUP%\netc/bash.bashrc\t0123\n\n",
            ),
            Sample(path="var/lib/pacman/local/bash-5.2.026-2/mtree", content=gzip.compress(MTREE, mtime=0)),
        ],
        "wordpress": [
            Sample(path="srv/wp-includes/version.php", content=b"<?php\n$wp_version = '6.4.1';\n"),
            Sample(
                path="srv/wp-content/plugins/akismet/akismet.php",
                content=b"<?php\n/**\n * Plugin Name: Akismet\n * Version: 5.3\n * License: GPLv2\n * Author: Ann */\n",
            ),
            Sample(path="srv/wp-content/themes/tt/style.css", content=b"/*\nTheme Name: TT\nVersion: 1.0\n*/\n"),
        ],
        "pear": [Sample(path="usr/share/php/.registry/xml_util.reg", content=PEAR)],
        "ghc-database": [
            Sample(
                path="var/lib/ghc/package.conf.d/aeson-2.0.3.0.conf",
                content=b"name:      aeson\nversion:   2.0.3.0\nlicense:   BSD-3-Clause\nmaintainer:\n    Ann\n",
            )
        ],
        "luarocks": [
            Sample(
                path="usr/local/lib/luarocks/rocks-5.4/lpeg/1.0.2-1/lpeg-1.0.2-1.rockspec",
                content=b'package = "lpeg"\nversion = "1.0.2-1"\ndescription = {\n   license = "MIT/X11"\n}\n',
            )
        ],
        "perl": [
            Sample(
                path="usr/local/lib/perl5/5.36/x86_64/.meta/Mojolicious-9.31/MYMETA.json",
                content=b'{"name": "Mojolicious", "version": "9.31", "license": ["artistic_2"], "author": ["Ann"]}',
            )
        ],
        "r-library": [
            Sample(
                path="usr/lib/R/library/abind/DESCRIPTION",
                content=b"Package: abind\nVersion: 1.4-5\nLicense: LGPL (>= 2)\nBuilt: R 4.2.2; ; 2023; unix\n",
            )
        ],
        "erlang-app": [
            Sample(
                path="opt/rel/lib/cowboy-2.9.0/ebin/cowboy.app",
                content=b'%% made\n{application, cowboy, [\n  {description, "Small"},\n  {vsn, "2.9.0"}\n]}.\n',
            )
        ],
    }
