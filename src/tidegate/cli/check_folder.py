# SPDX-License-Identifier: Apache-2.0
"""`tidegate check DIR`: everything that is wrong in a folder of sources, and what of it is new."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_choice
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate.cli.call import Call
from tidegate.cli.found_words import FoundWords
from tidegate.cli.secret_options import SecretChoice, heeding, with_history
from tidegate.errors import NotFoundError, TidegateError, UsageError
from tidegate.evidence import Finding, Misconfiguration, ScanReport
from tidegate.settings import Settings
from tidegate.values import replace

if TYPE_CHECKING:
    from tidegate.checks.check import CheckSet
    from tidegate.cli.folder_reader import TreeReader
    from tidegate.development.folder.branch import MergeBase, Place
    from tidegate.development.folder.facts import FolderFacts
    from tidegate.examination.report import Said
    from tidegate.knowledge.database import Knowledge

_SHORT: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderQuestion:
    """What is asked of a folder.

    Attributes:
        against: the branch it is held against; "" finds it, None holds it against nothing.
        staged: look at what is staged, not at the work tree.
        index: git's index, when it is not where it usually is: git tells hooks of `git commit -a`.
        own: further checks.
        own_text: what they are written as.
        said: what people said beforehand; `found` the ignore files that were not named.
        history: look for secrets in all commits, too.
        more: what others found, such as reports of other tools.
    """

    folder: Path
    against: str | None
    staged: bool
    index: Path | None
    own: "Sequence[CheckSet]"
    own_text: tuple[bytes, ...]
    said: "Said"
    found: FoundWords
    history: bool
    at: date
    more: tuple[Misconfiguration, ...] = ()

    @property
    def secrets(self) -> SecretChoice:
        """What is asked about secrets."""
        return SecretChoice(
            git_history=self.history,
            gitleaks_config=None,
            gitleaks_ignore=None,
            baseline=None,
            write_baseline=None,
            found=self.found,
        )


def check_folder(call: Call, settings: Settings, question: FolderQuestion) -> ScanReport:
    """The report of a folder, held against the branch it shall go to.

    Raises:
        NotFoundError: a branch was named, and nothing is shared with it; or `staged` where there is no repository.
        TidegateError: the folder cannot be read, or is over a bound.
    """
    from tidegate.development.folder.branch import place_of
    from tidegate.knowledge.database import Knowledge

    place = place_of(question.folder)
    if question.staged and place is None:
        raise UsageError("nothing can be staged", where=str(question.folder), remedy="it is no git repository")
    facts = _facts(call, settings, question, place)
    if not settings.db.exists():
        if facts.inventory.components:
            call.warn(
                f"no knowledge file at {settings.db}, so dependencies are listed and not judged; "
                "fetch one with `tidegate db update`, or build one with `tidegate db build`"
            )
        return _whole(call, settings, question, place, facts, None)
    with Knowledge.open(settings.db) as knowledge:
        return _whole(call, settings, question, place, facts, knowledge)


def _whole(
    call: Call,
    settings: Settings,
    question: FolderQuestion,
    place: "Place | None",
    facts: "FolderFacts",
    knowledge: "Knowledge | None",
) -> ScanReport:
    inventory = with_history(call, facts.inventory, question.secrets, f"dir:{question.folder}")
    report = _report(call, settings, question, replace(facts, inventory=inventory), knowledge)
    if not report.documents and not report.components and not report.secrets:
        call.warn("nothing to check: no lock file, Dockerfile, Compose file or Kubernetes manifest is there")
    if report.unmatched and knowledge is not None:
        call.warn(f"nothing is known of {', '.join(report.unmatched)}: no findings there prove nothing")
    for outcome in report.outcomes:
        call.warn(outcome.reason)
    if place is None or question.against is None:
        return report
    base = _base(call, place, question)
    return report if base is None else _held(call, settings, question, place, base, report, knowledge)


def _base(call: Call, place: "Place", question: FolderQuestion) -> "MergeBase | None":
    from tidegate.development.folder.branch import head_of, merge_base

    try:
        if question.staged and not question.against:
            return head_of(place)
        return merge_base(place, question.against or "")
    except NotFoundError as error:
        if question.against:
            raise
        call.note(f"held against nothing, so all counts as new: {error}")
        return None


def _held(
    call: Call,
    settings: Settings,
    question: FolderQuestion,
    place: "Place",
    base: "MergeBase",
    report: ScanReport,
    knowledge: "Knowledge | None",
) -> ScanReport:
    from tidegate.development.folder.comparing import compared
    from tidegate.development.folder.tree_of_git import files_of_commit

    quiet = Call()
    quiet.quiet = True
    try:
        files = files_of_commit(place.repository, base.commit, place.below)
        facts = _reader(settings, question).of_tree(quiet, place.repository.folder, files, str(question.folder))
    except TidegateError as error:
        if question.against:
            raise
        call.note(f"held against nothing, so all counts as new: {error}")
        return report
    # What other tools found is of the tree as it is.
    before = _report(quiet, settings, replace_choice(question, more=()), facts, knowledge)
    held = compared(report, before, against=base.branch, commit=base.commit)
    baseline = held.baseline
    if baseline is None or (base.is_itself and not (baseline.new or baseline.gone)):
        call.note(f"nothing is new since {base.branch} ({base.commit[:_SHORT]}), so all of it counts")
        return report
    gone = f", {baseline.gone} gone" if baseline.gone else ""
    call.note(
        f"held against {base.branch} ({base.commit[:_SHORT]}): "
        f"{len(baseline.new)} new, {baseline.known} known there{gone}"
    )
    return held


def _facts(call: Call, settings: Settings, question: FolderQuestion, place: "Place | None") -> "FolderFacts":
    from tidegate.development.folder.git_ignored import SourcesOnly, ignored_by_git
    from tidegate.development.folder.tree_of_git import files_of_index

    reader = _reader(settings, question)
    if question.staged and place is not None:
        files = files_of_index(place.repository.folder, place.below, index=question.index)
        return reader.of_tree(call, place.repository.folder, files, str(question.folder))
    ignored = ignored_by_git(question.folder) if place is not None else frozenset[str]()
    return reader.of_work_tree(call, question.folder, SourcesOnly(ignored))


def _report(
    call: Call,
    settings: Settings,
    question: FolderQuestion,
    facts: "FolderFacts",
    knowledge: "Knowledge | None",
) -> ScanReport:
    from tidegate.assembly.examiner import Examiner

    report = Examiner(settings).report(
        facts.inventory,
        knowledge,
        said=question.said,
        at=question.at,
        misconfigurations=(*facts.misconfigurations, *question.more),
    )
    report = heeding(call, report, question.secrets)
    return replace(
        report,
        findings=tuple(_placed(one, facts) for one in report.findings),
        suppressed_misconfigurations=(*facts.suppressed, *report.suppressed_misconfigurations),
        idle=(*facts.idle, *report.idle),
        outcomes=(*report.outcomes, *facts.outcomes),
        documents=facts.documents,
        heeded=tuple(file.place for file in question.secrets.found.files),
    )


def _placed(finding: Finding, facts: "FolderFacts") -> Finding:
    """A finding with its line, and who asks for its component."""
    from tidegate.development.folder.locked_places import key_of

    asked = facts.asked.get(finding.location)
    relation, way = asked.relation(finding.name) if asked else ("", ())
    line = facts.lines.get(key_of(finding.purl, finding.location), 0)
    return replace(finding, line=line, relation=relation, brought_by=way)


def _reader(settings: Settings, question: FolderQuestion) -> "TreeReader":
    from tidegate.cli.folder_reader import TreeReader

    return TreeReader(settings, own=question.own, own_text=question.own_text, secrets=question.secrets, at=question.at)
