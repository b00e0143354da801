# SPDX-License-Identifier: Apache-2.0
"""Updates as changes of files: what each names is judged, and what may change is changed in its text. Pure."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from tidegate.artifact import Tag
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.execution.updates.judge import Judged, Proposal
from tidegate.execution.updates.known import Runs
from tidegate.execution.workload import DEFAULT_NAMESPACE
from tidegate.manifests.image_edit import NewImage, with_images
from tidegate.manifests.image_places import Form, ImagePlace, Path, image_places
from tidegate.values import Struct

MAX_PLACES: Final = 10_000
"""Places of all files together."""
SUFFIXES: Final = (".yaml", ".yml")

Ask = Callable[[Sequence[Runs]], Sequence[Judged]]
"""Judges places, in their order."""


class ChangedFile(Struct, frozen=True, kw_only=True):
    """A file that is to change.

    Attributes:
        path: from the folder on, with slashes.
    """

    path: str
    before: str
    after: str
    proposals: tuple[Proposal, ...]

    def diff(self) -> str:
        """The change as `git apply` and `patch -p1` take it."""
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        lines = difflib.unified_diff(before, after, f"a/{self.path}", f"b/{self.path}")
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


class PlacedJudgement(Struct, frozen=True, kw_only=True):
    """What was found for one place of a file."""

    path: str
    line: int
    judged: Judged


class FileUpdates(Struct, frozen=True, kw_only=True):
    """What was found for some files.

    Attributes:
        judged: every place that names an image.
        passed_over: files that cannot be read, or not be edited, and why.
    """

    changed: tuple[ChangedFile, ...]
    judged: tuple[PlacedJudgement, ...]
    passed_over: tuple[str, ...] = ()


class JudgedFiles(Struct, frozen=True, kw_only=True):
    """Files whose places were judged.

    Attributes:
        texts: of those that name images.
        places: all of them, with their files and what was found.
        passed_over: files that cannot be read, and why.
    """

    texts: Mapping[str, str]
    places: tuple[tuple[str, ImagePlace, Judged], ...]
    passed_over: tuple[str, ...]

    def updated(self, wants: Callable[[Proposal], bool] = lambda _: True) -> FileUpdates:
        """The files as the proposals that are wanted change them; a file that cannot be edited so is told."""
        by_file: dict[str, dict[Path, Proposal]] = {}
        for path, place, one in self.places:
            if one.proposal is not None and wants(one.proposal):
                by_file.setdefault(path, {})[place.path] = one.proposal
        changed: list[ChangedFile] = []
        passed = list(self.passed_over)
        for path, wanted in by_file.items():
            try:
                changed.append(_changed(path, self.texts[path], wanted))
            except InvalidInputError as error:
                passed.append(str(error))
        return FileUpdates(
            changed=tuple(one for one in changed if one.before != one.after),
            judged=tuple(PlacedJudgement(path=path, line=place.line, judged=one) for path, place, one in self.places),
            passed_over=tuple(passed),
        )


def judge_files(files: Iterable[tuple[str, bytes]], ask: Ask, *, cluster: str = "") -> JudgedFiles:
    """Finds what may be updated in files.

    Args:
        files: paths and contents.
        ask: judges.
        cluster: what they are applied to, as rules name it.

    Raises:
        BoundExceededError: more than `MAX_PLACES`.
    """
    texts: dict[str, str] = {}
    places: list[tuple[str, ImagePlace]] = []
    passed: list[str] = []
    for path, content in files:
        try:
            text = content.decode()
            found = image_places(text, where=path)
        except (InvalidInputError, UnicodeDecodeError) as error:
            passed.append(str(error) if isinstance(error, InvalidInputError) else f"{path}: not UTF-8 text")
            continue
        if found:
            texts[path] = text
            places += [(path, one) for one in found]
        if len(places) > MAX_PLACES:
            raise BoundExceededError("MAX_PLACES", MAX_PLACES, where=path)
    judged = ask([_runs(path, place, cluster) for path, place in places]) if places else ()
    return JudgedFiles(
        texts=texts,
        places=tuple((path, place, one) for (path, place), one in zip(places, judged, strict=True)),
        passed_over=tuple(passed),
    )


def _changed(path: str, text: str, wanted: Mapping[Path, Proposal]) -> ChangedFile:
    images = {
        place: NewImage(
            tag=Tag(one.to.tag) if one.to.tag else None,
            digest=one.to.digest,
            repository=one.to.repository if one.to.repository != one.runs.repository else None,
        )
        for place, one in wanted.items()
    }
    after = with_images(text, images, where=path)
    return ChangedFile(path=path, before=text, after=after, proposals=tuple(dict.fromkeys(wanted.values())))


def _runs(path: str, place: ImagePlace, cluster: str) -> Runs:
    named = place.reference
    in_object = bool(place.kind) and place.form is Form.WHOLE
    return Runs(
        cluster=cluster,
        namespace=place.namespace or (DEFAULT_NAMESPACE if place.kind else ""),
        kind=place.kind or "File",
        name=place.name if in_object else path,
        container=place.container,
        registry=named.registry,
        repository=named.repository,
        tag=named.tag,
        digest=named.digest,
    )
