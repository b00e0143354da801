# SPDX-License-Identifier: Apache-2.0
"""Go programs: what `go version -m` tells of a real one, in every form of file and of build information."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from program_forms import BASE, elf, go_in_line, go_pointed, go_text, macho, pe, universal

from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile
from tidegate.scan.catalogers.go_binary import GoBinaryCataloger, standard_library_version
from tidegate.scan.catalogers.go_build_info import GoBuildInfo, GoModule, go_build_info
from tidegate.scan.executables import executables_of

TEXT = go_text(
    "path\texample.com/app/cmd/app",
    "mod\texample.com/app\t(devel)\t",
    "dep\texample.com/one\tv1.2.3\th1:AAAA=",
    "dep\texample.com/two\tv2.0.0\th1:BBBB=",
    "=>\texample.com/fork/two\tv2.0.1\th1:CCCC=",
    "dep\texample.com/three\tv3.0.0",
    "=>\t./three\t(devel)\t",
)
FORMS = {
    "elf": elf({".text": b"x" * 40, ".go.buildinfo": go_in_line("go1.22.3", TEXT)}),
    "elf-32-big": elf({".go.buildinfo": go_in_line("go1.22.3", TEXT)}, wide=False, big=True),
    "elf-no-sections": elf({".go.buildinfo": go_in_line("go1.22.3", TEXT)}, stripped=True),
    "pe": pe({".text": b"x", ".data": bytes(16) + go_in_line("go1.22.3", TEXT)}),
    "macho": macho({"__text": b"x", "__go_buildinfo": go_in_line("go1.22.3", TEXT)}),
    "macho-32-big": macho({"__go_buildinfo": go_in_line("go1.22.3", TEXT)}, wide=False, big=True),
    "universal": universal(*[macho({"__go_buildinfo": go_in_line("go1.22.3", TEXT)})] * 2),
}


def packages_of(content: bytes) -> list[Package]:
    return list(GoBinaryCataloger().catalog(ImageFile(path="app/server", content=content)).packages)


def versions_of(content: bytes) -> dict[str, str]:
    return {package.name: package.version for package in packages_of(content)}


def info_of(content: bytes) -> GoBuildInfo | None:
    (program,) = executables_of(content, "app/server")
    return go_build_info(program, "app/server")


def with_flags(*settings: str) -> str:
    lines = ("mod\texample.com/app\t(devel)\t", *(f"build\t{setting}" for setting in settings))
    return versions_of(elf({".go.buildinfo": go_in_line("go1.22.3", go_text(*lines))}))["example.com/app"]


@pytest.mark.parametrize("form", FORMS)
def test_modules_replacements_and_the_standard_library_are_told(form: str) -> None:
    assert versions_of(FORMS[form]) == {
        "example.com/app": "(devel)",
        "example.com/one": "v1.2.3",
        "example.com/fork/two": "v2.0.1",
        "example.com/three": "v3.0.0",
        "stdlib": "1.22.3",
    }


def test_a_module_keeps_its_checksum() -> None:
    assert packages_of(FORMS["elf"])[0] == Package(
        kind=PackageKind.GOLANG, name="example.com/one", version=Version("v1.2.3"), checksums=("h1:AAAA=",)
    )


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("big", [True, False])
def test_build_information_from_before_1_18_is_reached_through_its_pointers(*, wide: bool, big: bool) -> None:
    start = 64 + 56 + 8 if wide else 52 + 32 + 12
    data = go_pointed("go1.17.2", TEXT, address=BASE + start, wide=wide, big=big)
    info = info_of(elf({".go.buildinfo": data}, wide=wide, big=big))
    assert info is not None
    assert info.go_version == "go1.17.2"
    assert info.path == "example.com/app/cmd/app"
    assert info.modules[1] == (
        GoModule("example.com/two", "v2.0.0", "h1:BBBB="),
        GoModule("example.com/fork/two", "v2.0.1", "h1:CCCC="),
    )


@pytest.mark.parametrize(
    ("settings", "version"),
    [
        (["-ldflags=-s -w"], "(devel)"),
        (['-ldflags="-s -w -X main.version=1.4.0"'], "v1.4.0"),
        (['-ldflags="-X \'main.Version=v2.1.0-rc.1\' -X main.commit=abc"'], "v2.1.0-rc.1"),
        (['-ldflags="-X example.com/lib.version=9.9.9 -X example.com/app/internal.appVersion=v1.0.1"'], "v1.0.1"),
        (['-ldflags="-X example.com/a/version.gitVersion=v1.36.3"'], "v1.36.3"),
        (['-ldflags="-X example.com/a.version=v1.0.0 -X example.com/b.version=v2.0.0"'], "(devel)"),
        (['-ldflags="-X main.goVersion=1.22.0 -X main.date=2024.01.02"'], "(devel)"),
        (["vcs.revision=0123456789abcdef0123", "vcs.time=2024-02-03T04:05:06Z", "vcs.modified=false"],
         "v0.0.0-20240203040506-0123456789ab"),
        (["vcs.revision=0123456789abcdef0123", "vcs.time=2024-02-03T04:05:06Z", "vcs.modified=true"],
         "v0.0.0-20240203040506-0123456789ab+dirty"),
        (["vcs.revision=../..", "vcs.time=yesterday"], "(devel)"),
    ],
)  # fmt: skip
def test_a_main_module_without_version_is_dated_by_its_builder(settings: list[str], version: str) -> None:
    assert with_flags(*settings) == version


@pytest.mark.parametrize(
    ("toolchain", "version"),
    [
        ("go1.22.3", "1.22.3"),
        ("go1.20", "1.20"),
        ("go1.20.4 X:boringcrypto", "1.20.4"),
        ("go1.22.3-1", "1.22.3"),
        ("go1.21rc2", "1.21.0-rc.2"),
        ("devel go1.23-0123456789 Mon Jan 1", "1.23.0-devel"),
        ("devel +0123456789 Mon Jan 1", ""),
        ("unknown", ""),
    ],
)
def test_the_standard_library_has_the_toolchains_version(toolchain: str, version: str) -> None:
    assert standard_library_version(toolchain) == version


def test_a_program_built_outside_of_modules_is_its_repositorys_when_its_flags_date_it() -> None:
    flags = r'build\t-ldflags="\t-w \t-X \"github.com/docker/cli/cli/version.Version=28.2.2\""'.replace(
        r"build\t", "build\t"
    )
    lines = ("path\tgithub.com/docker/cli/cmd/docker", flags)
    (module, _) = packages_of(elf({".go.buildinfo": go_in_line("go1.24.3", go_text(*lines))}))
    assert (module.name, module.version, module.basis) == ("github.com/docker/cli", "v28.2.2", Basis.RECOGNISED)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("path\texample.com/x/cmd/docker", "build\t-ldflags=-X=example.com/y.version=1.2.3"),
         {"example.com/x/cmd/docker": "(devel)"}),
        (("path\tgithub.com/docker/cli/cmd/docker", "build\t-ldflags=-w"),
         {"github.com/docker/cli/cmd/docker": "(devel)"}),
        (("path\tcmd/vet",), {"cmd/vet": "1.24.3"}),
        (("path\tcommand-line-arguments",), {}),
    ],
)  # fmt: skip
def test_a_program_built_outside_of_modules_is_told_by_its_main_package(
    lines: tuple[str, ...], expected: dict[str, str]
) -> None:
    found = versions_of(elf({".go.buildinfo": go_in_line("go1.24.3", go_text(*lines))}))
    assert found == {**expected, "stdlib": "1.24.3"}


def test_quoted_settings_are_read_as_go_quotes_them() -> None:
    text = go_text('build\t-ldflags="\\t-X \\"a=b\\""', "build\t-tags=`x y`", 'build\t"k=1"=v')
    info = info_of(elf({".go.buildinfo": go_in_line("go1.24.3", text)}))
    assert info is not None
    assert info.settings == {"-ldflags": '\t-X "a=b"', "-tags": "x y", "k=1": "v"}


def test_other_programs_and_other_files_tell_of_nothing() -> None:
    empty = [
        elf({".text": b"x"}),
        pe({".text": b"x"}),
        macho({"__text": b"x"}),
        b"MZ is how this text begins",
        b"\xca\xfe\xba\xbe\0\0\0\x34class",
    ]
    assert [packages_of(content) for content in empty] == [[]] * len(empty)


@pytest.mark.parametrize(
    "content",
    [
        b"\x7fELF",
        b"\x7fELF\x02\x01" + bytes(20),
        FORMS["elf"][:-200],
        FORMS["macho"][:60],
        FORMS["universal"][:60],
        elf({".go.buildinfo": go_in_line("go1.22.3", TEXT)[:-30]}),
        elf({".go.buildinfo": go_pointed("go1.17", TEXT, address=1 << 40)}),
        elf({".go.buildinfo": b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\xff\xff\xff\xff\x7f"}),
        elf({".go.buildinfo": b"\xff Go buildinf:\x07\x00" + bytes(32)}),
    ],
)
def test_a_broken_program_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(InvalidInputError):
        packages_of(content)


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize(
    ("system", "machine", "flags"),
    [
        ("linux", "amd64", ""),
        ("linux", "amd64", "-s -w -X main.version=1.2.3"),
        ("linux", "mips", ""),
        ("windows", "386", "-s -w"),
        ("darwin", "arm64", ""),
    ],
)
def test_a_program_that_go_made_is_told_as_go_tells_it(tmp_path: Path, system: str, machine: str, flags: str) -> None:
    go = shutil.which("go") or pytest.skip("go is missing; install Go 1.18 or later")
    program = build(tmp_path, go, system, machine, flags)
    said = subprocess.run([go, "version", "-m", program], capture_output=True, text=True, check=True).stdout
    info = info_of(program.read_bytes())
    assert info is not None
    assert told(program, info) == [
        line.rstrip("\t") for line in said.splitlines() if line.strip() and not line.startswith("\tbuild")
    ]
    versions = versions_of(program.read_bytes())
    assert versions["example.com/app"] == ("v1.2.3" if flags.endswith("1.2.3") else "(devel)")
    assert versions["example.com/fork"] == "v1.5.0"
    assert info.settings["GOARCH"] == machine
    assert info.settings.get("-ldflags", "") == flags


def told(program: Path, info: GoBuildInfo) -> list[str]:
    lines = [f"{program}: {info.go_version}", f"\tpath\t{info.path}"]
    main = [("mod", info.main)] if info.main else []
    rows = [row for module, replaced in info.modules for row in (("dep", module), ("=>", replaced))]
    for kind, module in [*main, *rows]:
        if module is not None:
            lines.append(f"\t{kind}\t{module.path}\t{module.version}\t{module.checksum}".rstrip("\t"))
    return lines


def build(folder: Path, go: str, system: str, machine: str, flags: str) -> Path:
    """A program with one module, replaced by another, out of a vendor folder: nothing comes from a network."""
    vendored = folder / "vendor" / "example.com" / "one"
    vendored.mkdir(parents=True)
    (vendored / "one.go").write_text("package one\n\nconst One = 1\n")
    replaced = "example.com/one v1.2.3 => example.com/fork v1.5.0"
    (folder / "vendor" / "modules.txt").write_text(
        f"# {replaced}\n## explicit\nexample.com/one\n# {replaced.replace(' v1.2.3', '')}\n"
    )
    (folder / "go.mod").write_text(
        "module example.com/app\n\ngo 1.17\n\nrequire example.com/one v1.2.3\n\n"
        "replace example.com/one => example.com/fork v1.5.0\n"
    )
    (folder / "main.go").write_text('package main\n\nimport "example.com/one"\n\nfunc main() { println(one.One) }\n')
    program = folder / "program"
    offline = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=vendor", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    environment = os.environ | {"GOOS": system, "GOARCH": machine} | offline
    command = [go, "build", "-buildvcs=false", f"-ldflags={flags}", "-o", str(program), "."]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    return program
