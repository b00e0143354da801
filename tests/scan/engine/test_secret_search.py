# SPDX-License-Identifier: Apache-2.0
"""Every byte of a layer is searched for secrets, and a scanner that breaks over a file costs that file only."""

import io
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import pytest
from engine_parts import LineCataloger, WordScanner
from test_contents import entries_by_path, tar_of

from tidegate.artifact import Descriptor, Digest
from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts, LayerFacts, OutcomeStatus, SecretFact
from tidegate.scan.analyser import Analyser, ChunkScanner, SecretScanner
from tidegate.scan.analysis import analyse_layer
from tidegate.scan.cataloger import Cataloger, ImageFile, Wants
from tidegate.scan.limits import ScanLimits


@dataclass
class ChunkWordScanner(WordScanner):
    """Finds HUSH in files of any size; notes how large its chunks were."""

    chunks: dict[str, list[int]] = field(default_factory=dict)

    def scan_chunks(self, path: str, chunks: Iterator[bytes | memoryview]) -> list[SecretFact]:
        tail = b""
        sizes = self.chunks.setdefault(path, [])
        is_found = False
        for chunk in chunks:
            sizes.append(len(chunk))
            is_found = is_found or b"HUSH" in tail + bytes(chunk)
            tail = bytes(chunk)[-3:]
        return self.scan_batch([(path, b"HUSH")]) if is_found else []


class BreakingScanner(ChunkWordScanner):
    """Breaks over BREAK, in a batch as in chunks, where it does so at once."""

    def scan_batch(self, files: Sequence[tuple[str, bytes | memoryview]]) -> list[SecretFact]:
        for _, content in files:
            if b"BREAK" in bytes(content):
                raise ZeroDivisionError("scanner")
        return super().scan_batch(files)

    def scan_chunks(self, path: str, chunks: Iterator[bytes | memoryview]) -> list[SecretFact]:
        first = next(chunks)
        if b"BREAK" in bytes(first):
            raise ZeroDivisionError("scanner")
        return super().scan_chunks(path, chain((first,), chunks))


class SwallowingScanner(ChunkWordScanner):
    """Takes whatever goes wrong with its chunks for the end of the file."""

    def scan_chunks(self, path: str, chunks: Iterator[bytes | memoryview]) -> list[SecretFact]:
        try:
            return super().scan_chunks(path, chunks)
        except InvalidInputError:
            return []


class ProgramCataloger:
    """Notes every program it is handed."""

    name = "programs"
    version = 1
    wants = Wants(programs=True, max_bytes=40 << 20)

    def __init__(self) -> None:
        self.given: list[tuple[str, int]] = []

    def accepts(self, path: str) -> bool:
        if "odd" in path:
            raise KeyError(path)
        return "refused" not in path

    def catalog(self, file: ImageFile) -> FileFacts:
        self.given.append((file.path, len(file.content)))
        if "odd" in file.path:
            raise RecursionError("too deep")
        return FileFacts(path=file.path, cataloger=self.name)


LIMITS = ScanLimits(max_secret_file_bytes=100_000)


def analysed(
    blob: bytes,
    secrets: SecretScanner,
    limits: ScanLimits = LIMITS,
    roster: tuple[Cataloger, ...] = (LineCataloger(),),
) -> LayerFacts:
    analyser = Analyser(roster=roster, secrets=secrets, limits=limits)
    descriptor = Descriptor(media_type="application/vnd.oci.image.layer.v1.tar", digest=Digest.of(blob), size=len(blob))
    return analyse_layer(io.BytesIO(blob), descriptor, None, analyser)


def test_a_large_file_is_searched_to_its_end_across_the_borders_of_chunks() -> None:
    mebibyte = 1 << 20
    members = {
        "end": bytes(3 * mebibyte) + b"HUSH",
        "border": b"x" * (2 * mebibyte - 2 - 512 * 9) + b"HUSH" + b"x" * mebibyte,
        "none": b"x" * 2 * mebibyte,
        "small": b"HUSH",
    }
    scanner = ChunkWordScanner()
    assert isinstance(scanner, ChunkScanner)
    facts = analysed(tar_of(members), scanner)
    assert [secret.path for secret in facts.secrets] == ["border", "end", "small"]
    assert {path: sum(sizes) for path, sizes in scanner.chunks.items()} == {
        path: len(content) for path, content in members.items() if path != "small"
    }
    assert max(max(sizes) for sizes in scanner.chunks.values()) <= mebibyte
    assert not facts.outcomes


def test_a_scanner_that_breaks_over_a_file_costs_that_file_only() -> None:
    big = b"x" * 200_000
    members = {"a": b"HUSH", "b": b"BREAK", "c": b"HUSH", "d": b"BREAK" + big, "e": big + b"HUSH", "f": b"HUSH"}
    facts = analysed(tar_of(members), BreakingScanner())
    assert [secret.path for secret in facts.secrets] == ["a", "c", "e", "f"]
    assert [(it.plugin, it.location, it.status) for it in facts.outcomes] == [
        ("secrets", "b", OutcomeStatus.FAILED),
        ("secrets", "d", OutcomeStatus.FAILED),
    ]
    assert {it.reason for it in facts.outcomes} == {"ZeroDivisionError: scanner"}
    assert all(len(entry.sha256) == 32 for entry in entries_by_path(facts).values())


@pytest.mark.parametrize("scanner", [ChunkWordScanner(), BreakingScanner(), SwallowingScanner()])
def test_an_archive_that_is_cut_inside_a_large_file_is_no_trouble_of_the_scanner(scanner: SecretScanner) -> None:
    blob = tar_of({"big": b"x" * 3_000_000})[:2_500_000]
    with pytest.raises(InvalidInputError, match="cut short"):
        analysed(blob, scanner)


def test_programs_are_handed_over_whole_by_their_first_bytes() -> None:
    elf = b"\x7fELF" + bytes(96)
    members = {
        "bin/small": elf,
        "bin/large": elf + bytes(30 << 20),
        "bin/too-large": elf + bytes(41 << 20),
        "bin/refused": elf,
        "bin/odd": elf,
        "bin/text": b"ELF",
        "var/db/packages": elf,
    }
    cataloger = ProgramCataloger()
    facts = analysed(tar_of(members), ChunkWordScanner(), roster=(LineCataloger(), cataloger))
    assert cataloger.given == [
        ("bin/small", 100),
        ("bin/large", 100 + (30 << 20)),
        ("bin/odd", 100),
        ("var/db/packages", 100),
    ]
    assert [(it.plugin, it.location) for it in facts.outcomes] == [
        ("programs", "bin/odd"),
        ("programs", "bin/too-large"),
        ("lines", "var/db/packages"),
    ]
    assert ("bin/small", "programs") not in {(it.path, it.cataloger) for it in facts.files}


@pytest.mark.tools
def test_sparse_files_read_as_they_would_on_disk_piece_by_piece(tmp_path: Path) -> None:
    for name, regions in {"mid": ((700_000, b"HUSH"),), "start": ((0, b"#!"),), "empty": ()}.items():
        with (tmp_path / name).open("wb") as file:
            for at, data in regions:
                file.seek(at)
                file.write(data)
            file.truncate(2_000_000)
    for form in (["--format=gnu"], *(["--format=pax", f"--sparse-version={it}"] for it in ("0.0", "0.1", "1.0"))):
        command = ["tar", "-C", str(tmp_path), "-cS", *form, "mid", "start", "empty"]
        blob = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        facts = analysed(blob, ChunkWordScanner())
        assert [secret.path for secret in facts.secrets] == ["mid"]
        for path, entry in entries_by_path(facts).items():
            content = (tmp_path / path).read_bytes()
            assert (entry.size, entry.sha256) == (len(content), bytes.fromhex(Digest.of(content).hex))
        assert entries_by_path(facts)["start"].nature.value == "script"


def test_holes_over_the_bound_are_passed_over_and_told_once() -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in ("a", "b", "c"):
            info = tarfile.TarInfo(name)
            info.pax_headers = {"GNU.sparse.map": "5000000000,4", "GNU.sparse.size": "5000000004"}
            info.size = 4
            tar.addfile(info, io.BytesIO(b"HUSH"))
        tar.addfile(tarfile.TarInfo("plain"), io.BytesIO())
    facts = analysed(sink.getvalue(), ChunkWordScanner())
    assert [(it.plugin, it.location, it.status) for it in facts.outcomes] == [("secrets", "a", OutcomeStatus.PARTIAL)]
    assert "max_hole_bytes" in facts.outcomes[0].reason
    found = entries_by_path(facts)
    assert [(it.path, it.size, len(it.sha256)) for it in found.values()] == [
        ("a", 5_000_000_004, 0),
        ("b", 5_000_000_004, 0),
        ("c", 5_000_000_004, 0),
        ("plain", 0, 32),
    ]
