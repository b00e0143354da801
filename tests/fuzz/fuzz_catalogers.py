# SPDX-License-Identifier: Apache-2.0
"""All catalogers with the samples their own tests have, and what they read with: programs, archives, databases."""
# ruff: noqa: E501 - samples read best a line each

import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import fuzz_paths
from fuzz_parser import Parser, clean_text_of, told
from installed_samples import zipped
from program_forms import elf, go_in_line, go_text, macho, pe, universal
from test_every_cataloger import NOTE, samples_of

from tidegate.scan.cataloger import Cataloger, ImageFile, PartialError
from tidegate.scan.catalogers.installed.zip_archive import ZipArchive
from tidegate.scan.catalogers.locked.roster import LOCKED
from tidegate.scan.dispatch import Dispatch
from tidegate.scan.executables.executable import read_at
from tidegate.scan.executables.reading import executables_of
from tidegate.scan.listed import itself
from tidegate.scan.os_release import parse_os_release
from tidegate.scan.roster import CATALOGERS

_LOCK_SAMPLES = fuzz_paths.TESTS / "scan" / "locked" / "samples"
_BESIDE = frozenset({"go.sum", "package.json", "parent-pom.xml"})
_FORMS = {".json": "json", ".toml": "toml", ".xml": "xml", ".yaml": "yaml", ".yml": "yaml"}
_OF_ZIP = frozenset({".jar", ".war", ".ear"})
_MEMBER_BYTES = 1 << 20


_SETUP_PY = b"from setuptools import setup\nsetup(name='a', install_requires=['b==1.0', \"c>=2\"], extras_require={'x': ['d==3']})\n"
_POM = {
    "META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n",
    "META-INF/maven/g/a/pom.xml": b"<project><parent><groupId>g</groupId><version>1</version></parent><artifactId>a</artifactId>"
    b"<licenses><license><name>MIT</name></license></licenses></project>",
}


def catalogers() -> Iterator[Parser]:
    """One parser for each cataloger and path of its samples."""
    for cataloger in CATALOGERS:
        yield from _installed(cataloger)
    yield from _locked()
    yield Parser(
        name="lock-setup-py", form="text", read=_reads(_form_named("setup-py"), "setup.py"), samples=(_SETUP_PY,)
    )
    yield Parser(
        name="jar-with-pom", form="zip", read=_reads(_cataloger_named("java-archive"), "a.jar"), samples=(zipped(_POM),)
    )
    yield _zip()
    yield _programs()
    yield Parser(
        name="os-release",
        form="text",
        read=lambda data: told(parse_os_release(clean_text_of(data))),
        samples=(b'ID=alpine\nVERSION_ID="3.18.9"\nNAME=\'A "L"\'\nVERSION_CODENAME=x\n',),
    )


def _form_named(name: str) -> Cataloger:
    return next(form for form in LOCKED if form.name == name)


def _cataloger_named(name: str) -> Cataloger:
    return next(one for one in CATALOGERS if one.name == name)


def _installed(cataloger: Cataloger) -> Iterator[Parser]:
    samples = _samples(cataloger.name)
    paths = dict.fromkeys(sample.path for sample in samples)
    for number, path in enumerate(paths):
        of_path = tuple(sample.content for sample in samples if sample.path == path)
        yield Parser(
            name=f"catalog-{cataloger.name}" + (f"-{number}" if number else ""),
            form=_form(path, of_path[0]),
            read=_reads(cataloger, path),
            samples=of_path,
        )


@cache
def _samples(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - the type lies in the folder added above
    folder = Path(tempfile.mkdtemp(prefix="fuzz-samples-"))
    try:
        return samples_of(name, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _locked() -> Iterator[Parser]:
    dispatch = Dispatch(LOCKED)
    found: dict[tuple[str, str], list[bytes]] = {}
    for file in sorted(_LOCK_SAMPLES.rglob("*")):
        path = file.relative_to(_LOCK_SAMPLES).as_posix().partition("/")[2]
        if file.is_file() and file.name != "expected.txt" and file.name not in _BESIDE:
            (taker,) = dispatch.takers(path.encode())
            found.setdefault((taker.name, path), []).append(file.read_bytes())
    by_name: dict[str, int] = {}
    for (name, path), samples in sorted(found.items()):
        number = by_name[name] = by_name.get(name, -1) + 1
        taker = next(form for form in LOCKED if form.name == name)
        yield Parser(
            name=f"lock-{name}" + (f"-{number}" if number else ""),
            form=_form(path, samples[0]),
            read=_reads(taker, path),
            samples=tuple(samples),
        )


def _reads(cataloger: Cataloger, path: str) -> Callable[[bytes], object]:
    # Of a folder of sources every file beside can be read: here it is the same hostile one.
    reader = itself(cataloger)

    def read(data: bytes) -> object:
        looking = reader.beside(lambda _path: data) if hasattr(reader, "beside") else reader
        try:
            return told(looking.catalog(ImageFile(path=path, content=data)))
        except PartialError as error:
            return told(error.facts), told(error.reason)

    return read


def _form(path: str, sample: bytes) -> str:
    suffix = Path(path).suffix
    if sample[:2] == b"PK" or suffix in _OF_ZIP:
        return "zip"
    if b"\0" in sample:
        return "binary"
    head = sample.lstrip()[:1]
    return "json" if head in {b"{", b"["} else "xml" if head == b"<" else _FORMS.get(suffix, _by_name(path))


def _by_name(path: str) -> str:
    if path.endswith((".lock", "Pipfile")):
        return "toml" if any(word in path.lower() for word in ("cargo", "poetry", "pdm", "uv")) else "yaml"
    return "text"


def _zip() -> Parser:
    def read(data: bytes) -> object:
        archive = ZipArchive(data, where="a.zip")
        return [len(archive.read(it, max_bytes=_MEMBER_BYTES)) for it in archive.members(lambda _name: True)[:20]]

    samples = (zipped({"a": b"text" * 20, "b/c.txt": b"", "../d": b"x"}), zipped({"a": b"stored"}, packed=False))
    return Parser(name="zip-archive", form="zip", read=read, samples=samples)


def _programs() -> Parser:
    def read(data: bytes) -> object:
        seen = 0
        for program in executables_of(data, "app"):
            for name in (b".go.buildinfo", b".note.package", b".text", b"__go_buildinfo", b".data", b""):
                seen += len(program.section(name) or b"")
            segments = program.segments()
            seen += len(segments) + len(read_at(segments, program.content, segments[0].address if segments else 0, 64))
        return seen

    line = go_in_line("go1.22.3", go_text("mod\texample.com/a\tv1.0.0\t"))
    samples = (
        elf({".go.buildinfo": line, ".note.package": NOTE}),
        elf({".text": b"x"}, wide=False, big=True, stripped=True),
        pe({".data": line}),
        pe({".text": line}, wide=False),
        macho({"__go_buildinfo": line}),
        universal(macho({"__text": b"a"}), macho({"__text": b"b"}, wide=False, big=True)),
    )
    return Parser(name="executables", form="binary", read=read, samples=samples)
