# SPDX-License-Identifier: Apache-2.0
"""`tidegate verify --source DIR IMAGE`: did this image come from that commit?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate.cli.call import Call
from tidegate.cli.inspection import Inspection, open_inspected
from tidegate.cli.named_file import read_named_file
from tidegate.cli.output import Output
from tidegate.cli.page import Line, Style, piece, write_page
from tidegate.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from tidegate.artifact import Digest
    from tidegate.development.origin.verdict import KnownProvenance, SourceVerdict, Standing, Told
    from tidegate.oci.signatures import Hanging
    from tidegate.settings import Settings
    from tidegate.verification.policy import TrustPolicy

_MAX_PROVENANCE_BYTES: Final = 128 << 20
_SHOWN: Final = 20
"""Files of one list that a page names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAsked:
    """What was asked.

    Attributes:
        folder: of the repository.
        commit: a name of it; "" takes what is checked out, and looks for changes of the folder.
        policy: whose provenance is proof; None for nobody's.
        provenance: files of provenance beside what hangs on the image.
        accept: the least that makes exit status 0: `proved` or `claimed`.
    """

    image: str
    folder: Path
    commit: str = ""
    policy: "TrustPolicy | None" = None
    provenance: tuple[Path, ...] = ()
    accept: str = "proved"
    platform: str = ""
    insecure: bool = False


def verify_source(call: Call, output: Output, asked: SourceAsked) -> int:
    """Compares an image with a commit; exit status 1 unless it is as sure as was asked."""
    from tidegate.development.origin.verdict import Standing

    settings = call.settings()
    found = source_verdict(call, settings, asked)
    if output.form == "json":
        output.write_json(found)
    else:
        write_page(output, source_page(found), colour=settings.colour)
    accepted = {Standing.PROVED} if asked.accept == "proved" else {Standing.PROVED, Standing.CLAIMED}
    return 0 if found.standing in accepted else 1


def source_verdict(call: Call, settings: "Settings", asked: SourceAsked) -> "SourceVerdict":
    """Compares an image with a commit.

    Raises:
        TidegateError: image or repository cannot be read.
    """
    from tidegate.assembly.scanner import build_file_lister
    from tidegate.cli.progress import ProgressLine
    from tidegate.development.git.repository import Repository
    from tidegate.development.origin.source_of_image import compare_with_commit, own_files
    from tidegate.development.origin.verdict import (
        REVISION,
        judge_content,
        judge_label,
        judge_provenance,
        judge_source,
    )
    from tidegate.oci.image import Folder

    repository = Repository(asked.folder)
    commit = repository.resolve(asked.commit or "HEAD")
    changes = () if asked.commit or repository.is_bare else repository.changes()
    inspection = Inspection(
        target=asked.image, platform=asked.platform, insecure=asked.insecure, workers=None, cache_dir=None
    )
    with ProgressLine(shown=call.shows_progress) as line, open_inspected(call, settings, inspection, line) as source:
        if isinstance(source, Folder):
            raise UsageError("is a folder, not an image", where=asked.image, remedy="build an image of it first")
        files = own_files(build_file_lister(settings)(source), source.config, len(source.layers))
        content = compare_with_commit(files, repository, commit)
        annotations = source.manifest.annotations if source.manifest else {}
        revision = annotations.get(REVISION) or source.config.labels.get(REVISION, "")
        subject = source.digest
    provenance = _provenance(call, settings, asked, subject)
    return judge_source(
        image=subject,
        commit=commit,
        repository=repository.address,
        provenance=judge_provenance(provenance, commit),
        label=judge_label(str(revision), commit),
        files=judge_content(content),
        changes=changes,
        content=content,
    )


def _provenance(
    call: Call, settings: "Settings", asked: SourceAsked, subject: "Digest"
) -> "tuple[KnownProvenance, ...]":
    """What hangs on the image, and what was given."""
    from tidegate.clock import system_clock
    from tidegate.development.origin.provenance import bare_provenance, given_signature, known_provenance
    from tidegate.oci.signatures import Hanging
    from tidegate.verification.reading import read_all

    given = [(str(path), read_named_file(path, max_bytes=_MAX_PROVENANCE_BYTES)) for path in asked.provenance]
    hanging, repository = _hanging(call, settings, asked, subject)
    files = tuple(given_signature(content, where=name) for name, content in given)
    read = read_all(Hanging(attached=(*files, *hanging.attached), passed_over=hanging.passed_over))
    bare = (bare_provenance(content, subject, where=name) for name, content in given)
    found = known_provenance(read, subject, repository, asked.policy, system_clock())
    return (*found, *(one for one in bare if one is not None))


def _hanging(call: Call, settings: "Settings", asked: SourceAsked, subject: "Digest") -> "tuple[Hanging, str]":
    """What hangs on an image in a registry or a layout, and the repository; on one in an archive nothing does."""
    from tidegate.assembly.signing import open_signed_image
    from tidegate.oci.signatures import Hanging, signatures_on
    from tidegate.oci.target import parse_target

    try:
        with open_signed_image(settings, parse_target(asked.image), insecure=asked.insecure) as opened:
            return signatures_on(opened.place, subject), opened.repository
    except UsageError:
        return Hanging(), ""
    except OutsideError as error:
        call.warn(f"what hangs on the image cannot be asked for: {error}")
        return Hanging(), ""


def source_page(found: "SourceVerdict") -> Iterator[Line]:
    """The verdict, what each witness says, and the files that are not as in the commit."""
    yield (piece(f"from {found.commit[:12]}: ", Style.TITLE), piece(found.standing.value, _style(found.standing)))
    yield _told("provenance", found.provenance)
    yield _told("label", found.label)
    yield _told("files", found.files)
    if found.changes:
        count = f"{len(found.changes)} file{'' if len(found.changes) == 1 else 's'}"
        yield (piece(f"changed     {count} of the folder are not as in the commit, so it proves nothing", Style.WARN),)
    if found.content is not None:
        yield from _files("different", found.content.different, found.content.different_count)
        yield from _files("unmatched", found.content.unmatched, found.content.unmatched_count)
        if found.content.folders:
            yield (piece(f"folders     {', '.join(found.content.folders[:5])}", Style.FAINT),)


def _told(name: str, told: "Told") -> Line:
    return (piece(f"{name:<12}"), piece(f"{told.standing.value}: ", _style(told.standing)), piece(told.why))


def _files(name: str, listed: Sequence[str], count: int) -> Iterator[Line]:
    for path in listed[:_SHOWN]:
        yield (piece(f"{name:<12}{path}", Style.WARN if name == "different" else Style.FAINT),)
    if count > _SHOWN:
        yield (piece(f"{'':<12}and {count - _SHOWN} more; --format json tells 1000 of them", Style.FAINT),)


def _style(standing: "Standing") -> Style:
    return {"proved": Style.GOOD, "claimed": Style.NOTE, "unknown": Style.FAINT}.get(standing.value, Style.WARN)
