# SPDX-License-Identifier: Apache-2.0
"""Images for measuring, made of this machine's own files (seeded choice) and kept in a folder between runs."""

import glob
import hashlib
import os
import random
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tidegate.artifact import Descriptor, Digest, media_type
from tidegate.oci.layer_builder import BuiltLayer, Compression, LayerBuilder
from tidegate.oci.write import write_image

TINY_FILES: Final = 1_000_000
GB: Final = 1_000_000_000

_MB: Final = 1_000_000
_DPKG: Final = Path("/var/lib/dpkg")
_LINKS: Final = ("bin", "lib", "lib64", "sbin")
_UNOWNED: Final = (Path("/usr"), Path("/opt"), Path(sys.base_prefix).parent)
_MAX_FILE_BYTES: Final = 30 * _MB
_USUAL_FILES: Final = 36_000
_GZIP_LEVEL: Final = 2  # of isal: quick to make, and no quicker to inflate than what others write


def sample(cache: Path, name: str) -> Path:
    """The layout of one sample, tagged `bench`; built, in some minutes, when the folder has none."""
    layout = cache / name
    if not (layout / "index.json").exists():
        cache.mkdir(parents=True, exist_ok=True)
        _SAMPLES[name](layout)
    return layout


def _sized(total: int, layers: int, *, files: int = 1 << 30) -> Callable[[Path], None]:
    def build(layout: Path) -> None:
        _write(layout, _usual_builders(total, layers, files))

    return build


def _usual_builders(total: int, layers: int, files: int) -> list[LayerBuilder]:
    """Whole packages with their part of the package database in the first half, files nobody owns behind them."""
    builders = [LayerBuilder(compression=Compression.PLAIN, mtime=1) for _ in range(layers)]
    packages = _packages(total // 2)
    owned = [path for package in packages for path in package.files]
    taken = [*sorted(set(owned)), *_chosen(total - sum(path.stat().st_size for path in set(owned)), files, packages)]
    for at, path in enumerate(taken):
        index = min(at * layers // len(taken), layers - 1)
        builders[index].file(str(path).lstrip("/"), path, mode=path.stat().st_mode & 0o7777)
    for name in _LINKS:
        builders[0].symlink(name, f"usr/{name}")
    builders[0].file("etc/os-release", Path("/etc/os-release").read_bytes())
    builders[0].file("var/lib/dpkg/status", "\n".join(package.paragraph for package in packages))
    for record in (record for package in packages for record in package.records):
        builders[0].file(str(record).lstrip("/"), record)
    return builders


class _Package(NamedTuple):
    """An installed package of this machine: its paragraph in the database, its files there, and its own files."""

    paragraph: str
    records: list[Path]
    files: list[Path]


def _packages(total: int) -> list[_Package]:
    """Packages picked by a seeded choice until their files are that many bytes."""
    paragraphs = [text + "\n" for text in (_DPKG / "status").read_text().split("\n\n") if text.strip()]
    random.Random(7).shuffle(paragraphs)
    found: list[_Package] = []
    left = total
    for paragraph in paragraphs:
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        names = (fields["Package"], f"{fields['Package']}:{fields['Architecture']}")
        records = [path for name in names for path in (_DPKG / "info").glob(f"{glob.escape(name)}.*")]
        lists = [path for path in records if path.suffix == ".list"]
        listed = [_merged(Path(line)) for path in lists for line in path.read_text().splitlines()]
        files = [path for path in listed if path.is_relative_to("/usr") and _is_sample(path)]
        size = sum(path.stat().st_size for path in files)
        if size <= left:
            found.append(_Package(paragraph, records, files))
            left -= size
    return found


def _merged(path: Path) -> Path:
    """A path as it is where `/bin` and its like are links into `/usr`."""
    return Path("/usr", *path.parts[1:]) if path.parts[1:2] and path.parts[1] in _LINKS else path


def _is_sample(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size <= _MAX_FILE_BYTES


def _huge(layout: Path) -> None:
    """Five gigabytes, with two programs of 150 MB and two archives of 250 MB, each pair in layers read side by side."""
    with tempfile.TemporaryDirectory(dir=layout.parent) as folder:
        builders = _usual_builders(4_200 * _MB, 8, 1 << 30)
        for at in range(2):
            program, archive = Path(folder) / f"program-{at}", Path(folder) / f"archive-{at}.jar"
            _make_program(program, 150 * _MB)
            _make_archive(archive, 250 * _MB, at)
            builders[at].file(f"usr/local/bin/server-{at}", program, mode=0o755)
            builders[at].file(f"opt/service/service-{at}.jar", archive)
        _write(layout, builders)


def _make_program(path: Path, size: int) -> None:
    source = next(one for one in _below(Path("/usr/bin")) if one.open("rb").read(4) == b"\x7fELF")
    content = source.read_bytes()
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(content)


def _make_archive(path: Path, size: int, seed: int) -> None:
    noise = random.Random(seed)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Implementation-Title: service\nImplementation-Version: 1.0\n")
        for at in range(size // _MB):
            archive.writestr(f"com/example/Class{at}.class", b"\xca\xfe\xba\xbe\0\0\0\x34" + noise.randbytes(_MB))


def _tiny(layout: Path) -> None:
    builder = LayerBuilder(compression=Compression.PLAIN, mtime=1, parents=False)
    for at in range(TINY_FILES):
        builder.file(f"srv/data/{at // 1000:04d}/record-{at:07d}.json", b'{"at": %d}' % at)
    _write(layout, [builder])


def _text(layout: Path) -> None:
    """Half a gigabyte of text alone."""
    builder = LayerBuilder(compression=Compression.PLAIN, mtime=1)
    total = 0
    for path in _below(Path("/usr")):
        if path.suffix in {".py", ".js", ".json", ".h", ".txt", ".html", ".xml", ".ts", ".md", ".yaml"}:
            size = path.stat().st_size
            total += size
            builder.file(str(path).lstrip("/"), path)
        if total > 500 * _MB:
            break
    _write(layout, [builder])


def _chosen(total: int, files: int, packages: list[_Package]) -> list[Path]:
    """Files that no package of this machine owns, the rest of the sample's bytes."""
    owned = {line for path in (_DPKG / "info").glob("*.list") for line in path.read_text().splitlines()}
    room = files - sum(len(package.files) for package in packages)
    chosen: list[Path] = []
    left = total
    for path in (path for root in _UNOWNED for path in _below(root)):
        if left <= 0 or len(chosen) >= room:
            break
        if str(path) not in owned and _is_sample(path):
            chosen.append(path)
            left -= path.stat().st_size
    return sorted(chosen)


def _below(folder: Path) -> list[Path]:
    found = [path for path in _walk(folder) if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK)]
    found.sort()
    random.Random(7).shuffle(found)
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield Path(parent) / name


def _write(layout: Path, builders: list[LayerBuilder]) -> None:
    with tempfile.TemporaryDirectory(dir=layout.parent) as folder:
        built = [_packed(builder, Path(folder) / f"{at}.layer") for at, builder in enumerate(builders)]
        write_image(layout, "bench", built)


def _packed(builder: LayerBuilder, blob: Path) -> BuiltLayer:
    from isal import igzip

    plain_file = blob.with_suffix(".tar")
    plain = builder.build(to=plain_file)
    opened = igzip.open(blob, "wb", compresslevel=_GZIP_LEVEL)  # type: ignore[no-untyped-call]  # it has no stub
    with plain_file.open("rb") as source, opened as sink:
        while piece := source.read(1 << 20):
            sink.write(piece)
    plain_file.unlink()
    with blob.open("rb") as file:
        digest = Digest("sha256:" + hashlib.file_digest(file, "sha256").hexdigest())
    descriptor = Descriptor(media_type=media_type.OCI_LAYER_GZIP, digest=digest, size=blob.stat().st_size)
    return BuiltLayer(descriptor=descriptor, diff_id=plain.diff_id, blob=blob)


_SAMPLES: Final[dict[str, Callable[[Path], None]]] = {
    "usual": _sized(GB, 4, files=_USUAL_FILES),
    "0.34 GB": _sized(340 * _MB, 3),
    "1.5 GB": _sized(1_500 * _MB, 4),
    "1.5 GB in one layer": _sized(1_500 * _MB, 1),
    "3.3 GB": _sized(3_300 * _MB, 8),
    "5 GB": _huge,
    "text": _text,
    "tiny": _tiny,
}
