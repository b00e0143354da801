# SPDX-License-Identifier: Apache-2.0
"""Images whose content is known to the last component: every ecosystem, and next to each what only looks like it.

A layer is a table of paths; a path that ends in `/-` takes away what the layers below have there.
"""

import json
import sys
import zlib
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[2] / "scan/catalogers"))
from installed_samples import manifest, pom_properties, zipped
from program_forms import elf, go_in_line, go_text, pe

GONE: Final = "/-"
SITE: Final = "usr/lib/python3/dist-packages"
VENV: Final = "opt/venv/lib/python3.11/site-packages"
GEMS: Final = "usr/local/lib/ruby/gems/3.2.0"
WINDOWS: Final = go_text("mod\texample.com/w\tv0.1.0")

Layer = dict[str, bytes]


def metadata(name: str, version: str) -> bytes:
    """Core metadata with a description that speaks of something else."""
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: other\nVersion: 9.9\n".encode()


def package_json(name: str, version: str, **more: object) -> bytes:
    """A manifest of npm's."""
    return json.dumps({"name": name, "version": version, **more}).encode()


def status(*packages: tuple[str, str, str]) -> bytes:
    """The database of dpkg: name, version, source."""
    return "".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nSource: {source}\nVersion: {version}\n\n"
        for name, version, source in packages
    ).encode()


def gemspec(name: str, version: str, platform: str = "ruby") -> bytes:
    """A specification as RubyGems writes it."""
    return (
        f"# -*- encoding: utf-8 -*-\n# stub: {name} {version} {platform} lib\n\nGem::Specification.new do |s|\n"
        f'  s.name = "{name}".freeze\n  s.version = "{version}"\n  s.licenses = ["MIT".freeze]\nend\n'
    ).encode()


def go_program(*lines: str, version: str = "go1.22.3") -> bytes:
    """A program with Go's build information."""
    return elf({".text": b"x" * 40, ".go.buildinfo": go_in_line(version, go_text(*lines))})


def crates(*names: tuple[str, str]) -> bytes:
    """What cargo-auditable leaves."""
    return zlib.compress(json.dumps({"packages": [{"name": a, "version": b} for a, b in names]}).encode())


def jar(group: str, artifact: str, version: str, **inner: bytes) -> bytes:
    """An archive with Maven's metadata; `inner` are archives under BOOT-INF/lib, `_` for `-` and `__` for `.`."""
    named = {f"BOOT-INF/lib/{key.replace('__', '.').replace('_', '-')}": value for key, value in inner.items()}
    return zipped(manifest(Implementation_Title="not the name") | pom_properties(group, artifact, version) | named)


DEBIAN: Final[list[Layer]] = [
    {
        "etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
        "var/lib/dpkg/status": status(
            ("python3-requests", "2.28.1+dfsg-1", "requests"),
            ("python3-pip-whl", "23.0.1+dfsg-1", "python-pip (23.0.1+dfsg-1)"),
            ("node-semver", "7.3.5-1", "node-semver"),
        )
        + b"Package: removed\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1-1\n\n",
        "var/lib/dpkg/info/python3-requests.list": f"/.\n/{SITE}/requests-2.28.1.egg-info/PKG-INFO\n".encode(),
        "var/lib/dpkg/info/python3-pip-whl.list": b"/.\n/usr/share/python-wheels/pip-23.0.1-py3-none-any.whl\n",
        "var/lib/dpkg/info/node-semver.list": b"/.\n/usr/share/nodejs/semver/package.json\n",
        f"{SITE}/requests-2.28.1.egg-info/PKG-INFO": metadata("requests", "2.28.1"),
        "usr/share/python-wheels/pip-23.0.1-py3-none-any.whl": zipped(
            {"pip-23.0.1.dist-info/METADATA": metadata("pip", "23.0.1"), "pip/_vendor/METADATA": metadata("no", "1")}
        ),
        "usr/share/nodejs/semver/package.json": package_json("semver", "7.3.5"),
        "usr/share/doc/METADATA": metadata("documentation", "1.0"),
        "usr/src/sdist-1.0/PKG-INFO": metadata("sdist", "1.0"),
        "usr/bin/plain": elf({".rodata": b"go1.22.3 path\texample.com/none time-0.1.45/src/lib.rs"}),
    },
    {
        f"{VENV}/Flask-2.0.1.dist-info/METADATA": metadata("Flask", "2.0.1"),
        f"{VENV}/Flask-2.0.1.dist-info/RECORD": b"flask/__init__.py,,\n",
        f"{VENV}/Django-3.2.dist-info/METADATA": metadata("Django", "3.2"),
        f"{VENV}/pip/_vendor/urllib3-1.26.5.dist-info/METADATA": metadata("urllib3", "1.26.5"),
        f"{VENV}/legacy.egg-info": metadata("legacy", "0.9"),
        f"{VENV}/zipped-1.4-py3.11.egg": zipped({"EGG-INFO/PKG-INFO": metadata("zipped", "1.4")}),
        f"{VENV}/unpacked-1.5-py3.11.egg/EGG-INFO/PKG-INFO": metadata("unpacked", "1.5"),
        f"{VENV}/virtualenv/embed/wheel-0.45.1-py3-none-any.whl": zipped(
            {
                "wheel-0.45.1.dist-info/METADATA": metadata("wheel", "0.45.1"),
                "wheel/_vendor/packaging-24.0.dist-info/METADATA": metadata("packaging", "24.0"),
            }
        ),
        "srv/web/package.json": package_json("shop", "2.3.4", dependencies={"lodash": "4.17.15"}),
        "srv/web/package-lock.json": b'{"packages": {"node_modules/absent": {"version": "1.0.0"}}}',
        "srv/web/node_modules/.package-lock.json": b'{"packages": {"node_modules/absent": {"version": "1.0.0"}}}',
        "srv/web/node_modules/lodash/package.json": package_json("lodash", "4.17.15"),
        "srv/web/node_modules/lodash/fp/package.json": b'{"main": "fp.js"}',
        "srv/web/node_modules/@babel/core/package.json": package_json("@babel/core", "7.12.0"),
        "srv/web/node_modules/@babel/core/node_modules/semver/package.json": package_json("semver", "5.7.1"),
        "srv/web/node_modules/nameless/package.json": b'{"version": "1.0.0"}',
        "srv/web/node_modules/unversioned/package.json": b'{"name": "unversioned"}',
        "srv/web/node_modules/.pnpm/ms@2.1.2/node_modules/ms/package.json": package_json("ms", "2.1.2"),
    },
    {
        "opt/app.jar": jar(
            "com.example",
            "app",
            "1.0.0",
            log4j_core_2__14__1__jar=jar("org.apache.logging.log4j", "log4j-core", "2.14.1"),
            bare_3__1__jar=zipped(manifest(Implementation_Vendor_Id="org.example", Implementation_Version="3.1")),
        ),
        "opt/shaded-2.0.jar": zipped(
            pom_properties("com.example", "shaded", "2.0") | pom_properties("com.google.guava", "guava", "30.1-jre")
        ),
        "opt/notes.jar": b"",
        "opt/jdk/release": b'IMPLEMENTOR="Example"\nJAVA_VERSION="17.0.9"\nJAVA_RUNTIME_VERSION="17.0.9+9"\n',
        "opt/release": b"nothing about Java\n",
        "usr/local/bin/server": go_program(
            "path\texample.com/app/cmd/server",
            "mod\texample.com/app\tv1.4.0\t",
            "dep\texample.com/one\tv1.2.3\th1:AAAA=",
            "dep\texample.com/two\tv2.0.0\th1:BBBB=",
            "=>\texample.com/fork\tv2.0.1\th1:CCCC=",
        ),
        "usr/local/go/pkg/tool/vet": go_program("path\tcmd/vet", version="go1.21.0"),
        "usr/local/bin/auditable": elf({".text": b"x", ".dep-v0": crates(("ripgrep", "13.0.0"), ("memchr", "2.5.0"))}),
        "usr/local/bin/plain-rust": elf(
            {".rodata": b"/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/time-0.1.45/src/lib.rs"}
        ),
        "usr/local/bin/tool.exe": pe(
            {".data": bytes(16) + go_in_line("go1.20", go_text("mod\texample.com/w\tv0.1.0"))}
        ),
        f"{GEMS}/specifications/rake-13.0.6.gemspec": gemspec("rake", "13.0.6"),
        f"{GEMS}/specifications/nokogiri-1.13.0-x86_64-linux.gemspec": gemspec("nokogiri", "1.13.0", "x86_64-linux"),
        f"{GEMS}/specifications/default/json-2.6.1.gemspec": gemspec("json", "2.6.1"),
        f"{GEMS}/gems/rake-13.0.6/rake.gemspec": gemspec("rake", "0.0.1"),
        "srv/php/vendor/composer/installed.json": b'{"packages": [{"name": "monolog/monolog", "version": "2.3.0"}]}',
        "srv/net/shop.deps.json": json.dumps(
            {
                "targets": {"net8": {"A.B/1.2.3": {"runtime": {"A.B.dll": {}}}}},
                "libraries": {"A.B/1.2.3": {"type": "package", "sha512": ""}, "shop/1.0.0": {"type": "project"}},
            }
        ).encode(),
        "opt/conda/conda-meta/zlib-1.2.13-0.json": b'{"name": "zlib", "version": "1.2.13", "build": "0"}',
    },
    {
        "srv/web/node_modules/lodash/package.json": package_json("lodash", "4.17.21"),
        f"{VENV}/Django-3.2.dist-info/-": b"",
        f"{VENV}/django/-": b"",
        "var/lib/dpkg/status": status(
            ("python3-requests", "2.28.1+dfsg-1", "requests"),
            ("python3-pip-whl", "23.0.1+dfsg-1", "python-pip (23.0.1+dfsg-1)"),
            ("node-semver", "7.3.5-1", "node-semver"),
            ("curl", "7.88.1-10+deb12u8", "curl"),
        ),
        "srv/old/node_modules/gone/package.json": package_json("gone", "1.0.0"),
    },
    {"srv/old/-": b""},
]

ALPINE: Final[list[Layer]] = [
    {
        "etc/os-release": b"ID=alpine\nVERSION_ID=3.18.9\n",
        "lib/apk/db/installed": b"P:musl\nV:1.2.4-r2\nA:x86_64\no:musl\nL:MIT\n\n"
        b"P:libcrypto3\nV:3.1.7-r0\nA:x86_64\no:openssl\n\n"
        b"P:py3-pip\nV:23.1.2-r0\nA:x86_64\no:py3-pip\nF:usr/lib/python3.11/site-packages/pip-23.1.2.dist-info\n"
        b"R:METADATA\n\n",
        "usr/lib/python3.11/site-packages/pip-23.1.2.dist-info/METADATA": metadata("pip", "23.1.2"),
    },
    {
        "usr/local/lib/node_modules/npm/package.json": package_json("npm", "9.8.1"),
        "usr/local/lib/node_modules/npm/node_modules/tar/package.json": package_json("tar", "6.1.11"),
        "usr/local/lib/node_modules/npm/node_modules/tar/test/fixtures/package.json": b"{ broken",
    },
]

IMAGES: Final = {"debian": DEBIAN, "alpine": ALPINE}
