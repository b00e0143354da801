# SPDX-License-Identifier: Apache-2.0
"""`tidegate check DIR --fix`: mends what can be mended safely, or shows what it would do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.gathered_options import gathered
from tidegate.errors import InvalidInputError, OutsideError, RefusedError, TidegateError, UsageError

if TYPE_CHECKING:
    from tidegate.artifact import Digest, Reference
    from tidegate.development.fixes.dockerfile import Resolve
    from tidegate.oci.image import Folder
    from tidegate.settings import Settings

_MAX_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FixChoice:
    """What was said on the command line."""

    fix: bool
    dry_run: bool
    force: bool
    no_pin: bool

    def check(self) -> None:
        """Holds the options to one another.

        Raises:
            UsageError: one makes no sense without the other.
        """
        if not self.fix and (self.dry_run or self.force or self.no_pin):
            raise UsageError("--dry-run, --force and --no-pin are of --fix", remedy="add --fix")


def mend_folder(call: Call, settings: "Settings", folder: Path, choice: FixChoice) -> str:
    """Mends the documents of a folder; what is done is told file by file.

    Args:
        call: is told.
        settings: of the registry that digests are asked of.
        folder: they lie below it.
        choice: what was said.

    Returns:
        The change as a unified diff.
    """
    from tidegate.checks.documents import kind_by_name
    from tidegate.development.fixes.mending import mend
    from tidegate.development.fixes.writing import unified_diff, write_mended
    from tidegate.oci.image import Folder

    diffs: list[str] = []
    root = Folder(name=str(folder), root=folder, is_source=True)
    with _resolving(call, settings, offline=choice.no_pin) as resolve:
        for path in _documents(folder):
            before = _read(root, path)
            mended = mend(before, path=path, kind=kind_by_name(Path(path).name), resolve=resolve)
            if not mended.done:
                continue
            if not choice.dry_run:
                try:
                    write_mended(folder, path, before, mended.raw, force=choice.force)
                except (RefusedError, InvalidInputError, OutsideError) as error:
                    call.warn(f"left as it is: {error}")
                    continue
            for done in mended.done:
                call.note(f"{path}:{done.line}: {done.what} ({done.check})")
            diffs.append(unified_diff(path, before, mended.raw))
    return "".join(diffs)


def _documents(folder: Path) -> list[str]:
    """What a report of the folder is about, too: no file that git ignores."""
    from tidegate.checks.documents import kind_by_name
    from tidegate.cli.check_documents import files_below
    from tidegate.development.folder.git_ignored import SourcesOnly, ignored_by_git

    quiet = Call()
    quiet.quiet = True
    files = files_below(quiet, folder, SourcesOnly(ignored_by_git(folder)))
    return [it.relative_to(folder).as_posix() for it in files if kind_by_name(it.name)]


def _read(root: "Folder", path: str) -> bytes:
    """Nothing for what is too long, a link, or gone meanwhile: there is nothing to mend in it."""
    from tidegate.scan.folder import read_below

    try:
        size, content = read_below(root, path.encode("utf-8", "surrogateescape"), _MAX_BYTES)
    except OSError:
        return b""
    return content if size <= _MAX_BYTES else b""


@contextmanager
def _resolving(call: Call, settings: "Settings", *, offline: bool) -> "Iterator[Resolve | None]":
    """Asks registries what tags mean now, once each; one that cannot be asked pins nothing, and that is told."""
    if offline:
        yield None
        return
    from tidegate.assembly.outward import build_outbound, build_registry_client

    known: dict[Reference, Digest | None] = {}
    with build_outbound(settings) as outbound:
        client = build_registry_client(settings, outbound)

        def resolve(reference: "Reference") -> "Digest | None":
            if reference not in known:
                try:
                    found = client.head(reference)
                    known[reference] = found.digest if found else None
                    if found is None:
                        call.warn(f"{reference} is not pinned: it is not there")
                except TidegateError as error:
                    known[reference] = None
                    call.warn(f"{reference} is not pinned: {error}")
            return known[reference]

        yield resolve


def fix_options(function: Callable[..., int]) -> Callable[..., int]:
    """Adds the options; the verb gets them as one `mending`."""
    return gathered(function, "mending", FixChoice, _options(), keys=FixChoice.__slots__)


def _options() -> list[click.Parameter]:
    return [
        click.Option(["--fix"], is_flag=True, help="Mend what can be mended safely in a folder's documents."),
        click.Option(["--dry-run"], is_flag=True, help="With --fix: show the change as a diff, and write nothing."),
        click.Option(["--force"], is_flag=True, help="With --fix: files with changes that are not committed, too."),
        click.Option(["--no-pin"], is_flag=True, help="With --fix: ask no registry for digests."),
    ]
