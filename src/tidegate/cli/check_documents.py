# SPDX-License-Identifier: Apache-2.0
"""The documents `tidegate check` was pointed at: found, read, judged, and what they say of checks themselves heeded."""

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate.artifact import Digest
from tidegate.cli.call import Call
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError
from tidegate.evidence import IdleWord, Misconfiguration, SuppressedMisconfiguration
from tidegate.inventory import Outcome, OutcomeStatus
from tidegate.scan.passing_over import NOTHING_PASSED_OVER, PassedOver

if TYPE_CHECKING:
    from tidegate.checks.check import CheckSet

MAX_FILES: Final = 100_000
"""Files of one folder that are looked at by name."""
MAX_FILE_BYTES: Final = 16 << 20

_SKIPPED: Final = frozenset({".git", "node_modules", ".venv", "vendor", "__pycache__"})
_STANDARD_INPUT: Final = Path("-")
_CHART: Final = "Chart.yaml"
_RENDER: Final = "render it: helm template {} | tidegate check -"


@dataclass(slots=True)
class Judged:
    """What came of all documents; `digest` is of their names and bytes."""

    documents: list[str] = field(default_factory=list)
    found: list[Misconfiguration] = field(default_factory=list)
    suppressed: list[SuppressedMisconfiguration] = field(default_factory=list)
    idle: list[IdleWord] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    digest: Digest = field(default_factory=lambda: Digest.of(b""))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    path: Path
    name: str
    kind: str
    is_named: bool


def judge_documents(
    call: Call,
    paths: Sequence[Path],
    *,
    own: Sequence["CheckSet"],
    at: date,
    passed_over: PassedOver = NOTHING_PASSED_OVER,
    beside: Mapping[str, Sequence[Misconfiguration]] | None = None,
) -> Judged:
    """Checks every document of the paths.

    Args:
        call: is told what was passed over.
        paths: files, folders that are looked through, `-` for standard input.
        own: further checks.
        at: the day ignores are judged for.
        passed_over: what of folders is not looked at.
        beside: what others objected to, by the name of the document: its comments are asked of that, too.

    Raises:
        NotFoundError: a path is not there.
        InvalidInputError: a file that was named is no such document; in folders it is told as an outcome.
    """
    from tidegate.cli.progress import ProgressLine

    judged = Judged()
    digests = hashlib.sha256()
    with ProgressLine(shown=call.shows_progress) as line:
        for document in _documents(call, paths, passed_over):
            line.tell(f"checking {document.name}, {len(judged.documents)} before it")
            raw = read_file(document.path)
            if _judge(judged, document, raw, own, at, (beside or {}).get(document.name, ())):
                digests.update(f"{document.name}\0{hashlib.sha256(raw).hexdigest()}\n".encode())
    judged.digest = Digest(f"sha256:{digests.hexdigest()}")
    return judged


def read_file(path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of a file, or of standard input, one more than `max_bytes` at most.

    Raises:
        OutsideError: it cannot be read.
    """
    try:
        if path == _STANDARD_INPUT:
            return sys.stdin.buffer.read(max_bytes + 1)
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error


def _judge(
    judged: Judged,
    document: _Document,
    raw: bytes,
    own: Sequence["CheckSet"],
    at: date,
    others: Sequence[Misconfiguration],
) -> bool:
    from tidegate.checks.documents import check_document, is_template, kind_by_content
    from tidegate.checks.inline import heed_comments

    kind = document.kind or kind_by_content(raw)
    beside = (document.path.parent / ".dockerignore", document.path.with_name(f"{document.path.name}.dockerignore"))
    has_ignore_file = document.path != _STANDARD_INPUT and any(one.is_file() for one in beside)
    try:
        found = check_document(raw, path=document.name, kind=kind, has_ignore_file=has_ignore_file, own=own)
    except InvalidInputError as error:
        if document.is_named:
            raise
        if kind != "manifest":  # any YAML may lie in a folder; what is named like a document should be one
            judged.outcomes.append(
                Outcome(plugin="check", status=OutcomeStatus.FAILED, location=document.name, reason=str(error))
            )
        return False
    if found is None:
        if document.is_named:
            remedy = _RENDER.format("CHART") if is_template(raw) else "name one of these"
            what = "a template" if is_template(raw) else "no Dockerfile, Compose file or Kubernetes manifest"
            raise InvalidInputError(what, where=document.name, remedy=remedy)
        return False
    heard = heed_comments((*found, *others), raw, path=document.name, at=at)
    judged.documents.append(document.name)
    judged.found += heard.counting
    judged.suppressed += heard.suppressed
    judged.idle += heard.idle
    return True


def _documents(call: Call, paths: Sequence[Path], passed_over: PassedOver) -> Iterator[_Document]:
    from tidegate.checks.documents import kind_by_name

    for path in paths:
        if path == _STANDARD_INPUT:
            yield _Document(path=path, name="standard input", kind="", is_named=True)
        elif path.is_dir():
            for file in files_below(call, path, passed_over):
                if kind := kind_by_name(file.name):
                    yield _Document(path=file, name=str(file.relative_to(path)), kind=kind, is_named=False)
        elif path.exists():
            yield _Document(path=path, name=str(path), kind=kind_by_name(path.name), is_named=True)
        else:
            raise NotFoundError("no such file or folder", where=str(path), remedy="check the path")


def files_below(call: Call, folder: Path, passed_over: PassedOver = NOTHING_PASSED_OVER) -> Iterator[Path]:
    """Regular files of a folder, sorted within each; links are not followed, templates of charts are passed over.

    Raises:
        InvalidInputError: more than `MAX_FILES`.
    """
    files = 0
    for here, folders, names in os.walk(folder):
        above = "" if Path(here) == folder else f"{Path(here).relative_to(folder).as_posix()}/"
        folders[:] = sorted(
            name for name in folders if name not in _SKIPPED and not passed_over.has_folder(f"{above}{name}")
        )
        if _CHART in names:
            call.note(f"{here} is a Helm chart, its templates are passed over; {_RENDER.format(here)}")
            folders[:] = [name for name in folders if name not in {"templates", "charts", "crds"}]
        for name in sorted(names):
            path = Path(here, name)
            files += 1
            if files > MAX_FILES:
                raise InvalidInputError(
                    f"holds more than {MAX_FILES} files", where=str(folder), remedy="name parts of it"
                )
            is_of_chart = _CHART in names and name.endswith((".yaml", ".yml", ".json"))
            if is_of_chart or passed_over.has(f"{above}{name}"):
                continue
            if path.is_file() and not path.is_symlink():
                yield path
