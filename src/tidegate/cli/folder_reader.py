# SPDX-License-Identifier: Apache-2.0
"""Reads trees of sources to facts for `tidegate check`; what is remembered of one is not read again."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.cli.call import Call
from tidegate.cli.secret_options import SecretChoice
from tidegate.development.folder.facts import FolderFacts
from tidegate.development.folder.git_ignored import SourcesOnly
from tidegate.development.folder.kept import KeptFacts, look_of
from tidegate.development.folder.tree_of_git import print_of, written
from tidegate.evidence import Misconfiguration
from tidegate.settings import Settings

if TYPE_CHECKING:
    from tidegate.checks.check import CheckSet
    from tidegate.checks.inline import Heard
    from tidegate.development.git.repository import TreeFile
    from tidegate.oci.image import Folder


class TreeReader:
    """Reads work trees and trees of git.

    Args:
        settings: bounds, and where answers are kept.
        own: further checks; `own_text` what they are written as.
        secrets: by which rules secrets are looked for.
        at: the day that words in comments are judged for.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        own: "Sequence[CheckSet]",
        own_text: Sequence[bytes],
        secrets: SecretChoice,
        at: date,
    ) -> None:
        from tidegate.assembly.scanner import source_version

        self._settings = settings
        self._own = own
        self._detector = secrets.detector()
        self._at = at
        checks = hashlib.sha256(b"\0".join(own_text)).hexdigest()
        by = (source_version(settings, self._detector), checks, at.isoformat())
        self._kept = KeptFacts(settings.scan.cache_dir / "folders", by)

    def of_work_tree(self, call: Call, root: Path, passed_over: SourcesOnly) -> FolderFacts:
        """What a folder holds now.

        Raises:
            TidegateError: it cannot be read, or is over a bound.
        """
        look = look_of(root, passed_over)
        known = self._kept.get(f"{look.mark} {root}")
        if known is not None:
            return known
        facts = self._read(call, root, str(root), passed_over)
        if look.is_settled and look_of(root, passed_over).mark == look.mark:
            self._kept.keep(f"{look.mark} {root}", facts)
        return facts

    def of_tree(self, call: Call, repository: Path, files: "Sequence[TreeFile]", name: str) -> FolderFacts:
        """What files of git hold.

        Raises:
            TidegateError: git cannot read them, or they are over a bound.
        """
        tree = f"git {print_of(files)} {name}"
        known = self._kept.get(tree)
        if known is None:
            with written(repository, files) as root:
                known = self._read(call, root, name, SourcesOnly())
            self._kept.keep(tree, known)
        return known

    def _read(self, call: Call, root: Path, name: str, passed_over: SourcesOnly) -> FolderFacts:
        from tidegate.assembly.scanner import build_scanner
        from tidegate.cli.check_documents import judge_documents
        from tidegate.cli.progress import ProgressLine
        from tidegate.development.folder.brought_by import asked_in
        from tidegate.development.folder.locked_places import lines_of
        from tidegate.oci.image import Folder
        from tidegate.scan.parts import ScanParts

        folder = Folder(name=name, root=root, is_source=True)
        with ProgressLine(shown=call.shows_progress) as line:
            line.tell(f"reading {name}")
            parts = ScanParts(packages=True, secrets=True, custody=False)
            scanner = build_scanner(self._settings, secrets=self._detector, parts=parts, passed_over=passed_over)
            inventory = scanner(folder)
        guarded = _twelve_factor(folder, passed_over)
        judged = judge_documents(call, [root], own=self._own, at=self._at, passed_over=passed_over, beside=guarded)
        documents = frozenset(judged.documents)
        elsewhere = {path: found for path, found in guarded.items() if path not in documents}
        heard = [self._heard(folder, path, found) for path, found in elsewhere.items()]
        return FolderFacts(
            inventory=inventory,
            documents=tuple(judged.documents),
            misconfigurations=(*judged.found, *(it for one in heard for it in one.counting)),
            suppressed=(*judged.suppressed, *(it for one in heard for it in one.suppressed)),
            idle=tuple(judged.idle),
            outcomes=tuple(judged.outcomes),
            asked={
                path: asked_in(path, lambda name: _bytes(folder, name))
                for path in sorted({one.location for one in inventory.components})
            },
            lines=dict(lines_of(inventory.components, lambda path: _bytes(folder, path))),
        )

    def _heard(self, folder: "Folder", path: str, found: Sequence[Misconfiguration]) -> "Heard":
        """What a file that is no document says of the guardrails; that it speaks of others in vain is no news."""
        from tidegate.checks.inline import heed_comments

        return heed_comments(found, _bytes(folder, path), path=path, at=self._at)


def _twelve_factor(folder: "Folder", passed_over: SourcesOnly) -> Mapping[str, Sequence[Misconfiguration]]:
    from tidegate.cli.check_documents import files_below
    from tidegate.development.twelve_factor.judging import judge_tree
    from tidegate.development.twelve_factor.tree import SourceTree

    quiet = Call()
    quiet.quiet = True
    paths = [it.relative_to(folder.root).as_posix() for it in files_below(quiet, folder.root, passed_over)]
    found: dict[str, list[Misconfiguration]] = {}
    for one in judge_tree(SourceTree(paths, lambda path: _bytes(folder, path))):
        found.setdefault(one.location, []).append(one)
    return found


def _bytes(folder: "Folder", path: str) -> bytes:
    from tidegate.development.folder.locked_places import MAX_LOCK_BYTES
    from tidegate.scan.folder import read_below

    try:
        size, content = read_below(folder, path.encode("utf-8", "surrogateescape"), MAX_LOCK_BYTES)
    except OSError:
        return b""
    return content if size <= MAX_LOCK_BYTES else b""
