# SPDX-License-Identifier: Apache-2.0
"""Each rule of custody on a small made image: what dpkg lays elsewhere, whose folder it is, whose layer it is."""

import hashlib
from pathlib import Path

import pytest
from custody_images import BASE, PROGRAM, built, custody, explained, files_of, image, paths, scanned

from tidegate.artifact import Digest
from tidegate.inventory import Component, Ecosystem, Origin, PackageKind, PackageUrl, Version
from tidegate.inventory.component import Basis
from tidegate.inventory.custody import FileNature
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.scan.custody.package_places import PackagePlaces
from tidegate.scan.custody.package_scripts import MADE, PackageScripts
from tidegate.values import replace

INFO = "var/lib/dpkg/info"


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def debian(*, status: str = "", sums: str = "") -> LayerBuilder:
    paragraph = (
        "Package: weir\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nMaintainer: W <w@x.example>\n"
    )
    return (
        LayerBuilder()
        .file("etc/os-release", 'ID=debian\nVERSION_ID="12"\n')
        .file("var/lib/dpkg/status", paragraph + status)
        .file(f"{INFO}/weir.md5sums", sums)
        .file(f"{INFO}/weir.list", "".join(f"/{line.split('  ')[1]}\n" for line in sums.splitlines()))
    )


def component(kind: PackageKind, location: str, name: str = "x", **rest: object) -> Component:
    made = Component(
        kind=kind,
        name=name,
        version=Version("1"),
        purl=PackageUrl(f"pkg:{kind.value}/{name}@1"),
        ecosystem=Ecosystem(""),
        location=location,
        layer=Digest.of(b""),
        cataloger="c",
    )
    return replace(made, **rest)


def test_what_dpkg_lays_elsewhere_is_found_there(tmp_path: Path) -> None:
    base = debian(sums=f"{md5('old')}  usr/bin/tool\n{md5('w')}  bin/weir\n")
    base.file("var/lib/dpkg/diversions", "/usr/bin/tool\n/usr/bin/tool.distrib\n:\n")
    base.file("usr/bin/tool.distrib", "old", mode=0o755).symlink("bin", "usr/bin").file("usr/bin/weir", "w", mode=0o755)
    found = custody(image([built(tmp_path, base)], [BASE]))
    assert found.modified == found.missing == found.unexplained == ()
    told = explained(image([built(tmp_path, base)], [BASE]), "usr/bin/tool.distrib")
    assert told.package is not None
    assert told.package.name == "weir"


def test_what_dpkg_was_told_to_leave_out_is_not_missing(tmp_path: Path) -> None:
    sums = "".join(
        f"{md5(name)}  {name}\n" for name in ("opt/extra/a", "opt/extra/keep", "opt/other", "usr/share/doc/w")
    )
    base = debian(sums=sums)
    base.file("etc/dpkg/dpkg.cfg.d/slim", "path-exclude=/opt/extra/*\npath-include=/opt/extra/keep\n")
    found = custody(image([built(tmp_path, base)], [BASE]))
    assert paths(found.missing) == {"opt/extra/keep", "opt/other"}
    assert found.left_out == 2


def test_configuration_is_marked_and_an_absent_package_owns_nothing(tmp_path: Path) -> None:
    gone = (
        "\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\nConffiles:\n /etc/gone.conf " + md5("g") + "\n"
    )
    base = debian(status=f"Conffiles:\n /etc/weir.conf {md5('as made')}\n{gone}", sums="")
    base.file("etc/weir.conf", "edited").file("etc/gone.conf", "g")
    base.file(f"{INFO}/weir.postinst", "#!/bin/sh\n", mode=0o755).file(
        f"{INFO}/gone.postinst", "#!/bin/sh\n", mode=0o755
    )
    base.file(f"{INFO}/gone.list", "/etc/gone.conf\n").file(f"{INFO}/weir.extra", PROGRAM, mode=0o755)
    found = custody(image([built(tmp_path, base)], [BASE]))
    assert [(file.path, file.is_configuration) for file in found.modified] == [("etc/weir.conf", True)]
    assert paths(found.unexplained) == {f"{INFO}/gone.postinst", f"{INFO}/weir.extra"}
    assert found.missing == ()


def test_a_layer_of_the_whole_system_is_not_in_house_and_run_is_not_copy(tmp_path: Path) -> None:
    base = debian(sums="").file("usr/bin/odd", PROGRAM, mode=0o755)
    made = LayerBuilder().file("usr/bin/made", PROGRAM, mode=0o755)
    own = LayerBuilder().file("usr/bin/own", PROGRAM, mode=0o755)
    layers = [built(tmp_path, it) for it in (base, made, own)]
    found = custody(
        image(layers, ["COPY rootfs / # buildkit", "RUN /bin/sh -c make # buildkit", "COPY own /usr/bin/ # buildkit"])
    )
    assert paths(found.unexplained) == {"usr/bin/odd", "usr/bin/made"}
    assert paths(found.in_house) == {"usr/bin/own"}
    scratch = custody(image([layers[2]], ["COPY own / # buildkit"]))
    assert paths(scratch.in_house) == {"usr/bin/own"}
    untold = custody(image([layers[2]], ["COPY own /", "COPY more /"]))
    assert paths(untold.unexplained) == {"usr/bin/own"}


@pytest.mark.parametrize(
    ("kind", "location", "owned", "foreign"),
    [
        (PackageKind.NPM, "app/node_modules/x/package.json", "app/node_modules/x/lib/a.js", "app/node_modules/y/a.js"),
        (PackageKind.NPM, "app/node_modules/@s/x/package.json", "app/node_modules/@s/x/a.js", "app/node_modules/@s/y"),
        (PackageKind.NPM, "app/package.json", "", "app/a.js"),
        (
            PackageKind.GEM,
            "usr/lib/ruby/specifications/x-1.gemspec",
            "usr/lib/ruby/gems/x-1/a.rb",
            "usr/lib/ruby/gems/x-2/a.rb",
        ),
        (PackageKind.COMPOSER, "app/vendor/composer/installed.json", "app/vendor/x/a.php", "app/vendor/y/a.php"),
        (PackageKind.PYPI, "s/x-1.egg/EGG-INFO/PKG-INFO", "s/x-1.egg/x/a.py", "s/x/a.py"),
        (PackageKind.PYPI, "s/x-1.dist-info/METADATA", "s/x-1.dist-info/INSTALLER", "s/x/a.py"),
        (PackageKind.GOLANG, "usr/bin/x", "", "usr/bin/x"),
    ],
)
def test_whose_folder_it_is(kind: PackageKind, location: str, owned: str, foreign: str) -> None:
    places = PackagePlaces([component(kind, location)])
    if owned:
        assert places.owner(owned) is not None
    assert places.owner(foreign) is None


def test_a_recognised_program_and_a_jar_are_packages_themselves() -> None:
    program = component(PackageKind.GENERIC, "usr/bin/redis-server", basis=Basis.RECOGNISED)
    jar = component(PackageKind.MAVEN, "app/x.jar", checksums=("sha1:00",))
    inner = component(PackageKind.MAVEN, "app/fat.jar", checksums=("sha1:00",), qualifiers={"inner-path": "lib/x.jar"})
    places = PackagePlaces([program, jar, inner])
    assert places.owner("usr/bin/redis-server") is program
    assert places.owner("app/x.jar") is jar
    assert places.owner("app/fat.jar") is None


def test_every_row_of_what_scripts_make_is_used_and_never_for_programs() -> None:
    for kind in (PackageKind.DEB, PackageKind.APK, PackageKind.RPM, PackageKind.ALPM, PackageKind.OPKG):
        scripts = PackageScripts([component(kind, "db")])
        for row in MADE:
            path = f"{row.path[:-1]}x" if row.path[-1] == "*" else f"{row.path}x" if row.path[-1] == "/" else row.path
            assert not row.path.startswith("/")
            if kind in row.kinds:
                assert scripts.made(path, FileNature.DATA)
            for nature in (FileNature.PROGRAM, FileNature.SCRIPT):
                assert scripts.made(path, nature) == ""
    assert PackageScripts([]).made("etc/ld.so.cache", FileNature.DATA) == ""
    assert len({(row.path, row.kinds) for row in MADE}) == len(MADE)


def test_an_owned_language_package_is_told_by_the_distributions_list(tmp_path: Path) -> None:
    info = "usr/lib/python3/dist-packages/brook-1.dist-info"
    metadata = "Metadata-Version: 2.1\nName: brook\nVersion: 1\n"
    base = debian(sums=f"{md5(metadata)}  {info}/METADATA\n")
    base.file(f"{info}/METADATA", metadata).file(f"{info}/RECORD", "../../../bin/brook,sha256=" + "A" * 43 + ",1\n")
    inventory = scanned(image([built(tmp_path, base)], [BASE]))
    assert inventory.custody is not None
    assert inventory.custody.missing == ()
    assert files_of(inventory.custody, Origin.UNEXPLAINED) == 1  # os-release, which nobody lists here


def test_bytecode_is_of_the_package_of_its_source_and_a_program_called_so_is_not(tmp_path: Path) -> None:
    home = "usr/lib/python3/dist-packages"
    base = debian(sums=f"{md5('a = 1')}  {home}/weir.py\n").file(f"{home}/weir.py", "a = 1")
    base.file(f"{home}/__pycache__/weir.cpython-311.pyc", b"\xa7\x0d\x0d\x0a code").file(
        f"{home}/weir.pyc", b"\x03\xf3"
    )
    base.file(f"{home}/__pycache__/weir.cpython-312.pyc", PROGRAM, mode=0o755)
    source = image([built(tmp_path, base)], [BASE])
    assert paths(custody(source).unexplained) == {f"{home}/__pycache__/weir.cpython-312.pyc"}
    for compiled in (f"{home}/__pycache__/weir.cpython-311.pyc", f"{home}/weir.pyc"):
        told = explained(source, compiled)
        assert told.package is not None, compiled
        assert told.package.name == "weir"
