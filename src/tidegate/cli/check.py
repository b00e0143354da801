# SPDX-License-Identifier: Apache-2.0
"""`tidegate check`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.check_fix import FixChoice, fix_options, mend_folder
from tidegate.cli.check_folder import FolderQuestion, check_folder
from tidegate.cli.check_tools import ToolChoice, tool_options
from tidegate.cli.click_verb import verb
from tidegate.cli.commit_options import CommitOptions, DemandOptions, commit_options, demand_options
from tidegate.cli.judging_options import Judging
from tidegate.cli.output import Output
from tidegate.cli.report_output import report_output_options
from tidegate.development.folder.ranking import SECRET_SEVERITY, counting
from tidegate.errors import UsageError
from tidegate.evidence import Finding, Misconfiguration, ScanReport, Severity
from tidegate.values import replace

if TYPE_CHECKING:
    from datetime import date

    from tidegate.checks.check import CheckSet
    from tidegate.examination.report import Said
    from tidegate.inventory import LocatedSecret
    from tidegate.settings import Settings

_SEVERITIES: Final = tuple(severity.value for severity in reversed(Severity))
_FILE: Final = click.Path(path_type=Path)
_HOST: Final = "host:"
_IMAGES: Final = ("oci:", "oci-archive:", "docker-archive:", "registry:")


@verb(
    "check",
    examples=(
        ("tidegate check .", "dependencies, secrets and set-up of a folder, what is new against main first"),
        ("tidegate check . --against main --fail-on high", "exit 1 on what a branch brings that is high or worse"),
        ("tidegate check --staged --fail-on high", "before a commit: what is staged, against the last one"),
        ("tidegate check . --fix --dry-run", "what would be mended without asking anybody, as a diff"),
        ("tidegate check . --sast --report zap.json --report junit.xml", "with what other tools found, in one order"),
        ("tidegate check Dockerfile --fail-on high", "exit 1 on what is high or worse, for a pipeline"),
        ("helm template chart | tidegate check -", "a chart, rendered"),
        ("tidegate check oci:./image --format sarif -o image.sarif", "how an image is set up, for code scanning"),
        ("tidegate check host:/ --fail-on high", "how this machine is set up to run containers; as root it sees all"),
        ("tidegate check host:/ --scap arf.xml", "and what OpenSCAP found on it, in one report"),
        ("tidegate check deploy.yaml --checks our-checks.yaml", "with checks of your own beside"),
        (
            "tidegate check --commits main..HEAD --allowed-signers signers",
            "who signed each commit, and whether they may",
        ),
        (
            "tidegate check --commits v1..v2 --gpg-keys keys.asc --reviews 1 --statement trail.json --key signing.pem",
            "signed and reviewed by others, as a signed statement a policy can ask for",
        ),
    ),
)
@report_output_options
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("--checks", "files", multiple=True, type=_FILE, metavar="FILE", help="Further checks.")
@click.option("--scap", multiple=True, type=_FILE, metavar="FILE", help="Results of OpenSCAP for a host: XCCDF or ARF.")
@click.option("--severity", type=click.Choice(_SEVERITIES), help="Show only what is that bad or worse.")
@click.option("--fail-on", type=click.Choice(_SEVERITIES[:-1]), help="Exit 1 when something is that bad or worse.")
@click.option(
    "--ignorefile", multiple=True, type=_FILE, metavar="FILE", help="Trivy's ignore file. [.trivyignore here]"
)
@click.option("--against", metavar="BRANCH", help="Hold a folder against this branch. [the remote's default, or main]")
@click.option("--all", "everything", is_flag=True, help="Count what was there before, too, for --fail-on.")
@click.option("--staged", is_flag=True, help="Look at what is staged in a folder, against the last commit.")
@click.option(
    "--index",
    type=_FILE,
    envvar="GIT_INDEX_FILE",
    metavar="FILE",
    help="Git's index for --staged. [git tells hooks]",
)
@click.option("--history", is_flag=True, help="Look for secrets in all commits of a folder, too.")
@tool_options
@fix_options
@click.option("--commits", metavar="A..B", help="Check commits instead: from A, which is not checked, to B.")
@commit_options
@demand_options
@click.option("--last", type=_FILE, metavar="FILE", help="Statement of the last check: its tip must still be there.")
@click.option("--reflog", default="", metavar="REF", help="A ref that must only ever have moved forward.")
@click.option("--statement", type=_FILE, metavar="FILE", help="Write what was found as an in-toto statement.")
@click.option("--key", type=_FILE, metavar="FILE", help="Private key that signs it, into a DSSE envelope.")
@click.option("--image", "images", multiple=True, metavar="NAME@DIGEST", help="An image the statement is about too.")
def command(
    call: Call,
    *,
    outputs: tuple[Output, ...],
    targets: tuple[str, ...],
    files: tuple[Path, ...],
    scap: tuple[Path, ...],
    severity: str | None,
    fail_on: str | None,
    ignorefile: tuple[Path, ...],
    against: str | None,
    everything: bool,
    staged: bool,
    index: Path | None,
    history: bool,
    tools: ToolChoice,
    mending: FixChoice,
    commits: str | None,
    signers: CommitOptions,
    asked: DemandOptions,
    last: Path | None,
    reflog: str,
    statement: Path | None,
    key: Path | None,
    images: tuple[str, ...],
) -> int:
    """Find what is wrong in a folder of sources, and what is set up wrong in documents, images and hosts.

    TARGET is a file, a folder, - for standard input, one image: oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE,
    registry:REFERENCE; or one host: host:/, or host:/host where another's root is mounted. What a file is, its name and
    content tell. Helm charts are passed over: render them first.

    Of one folder everything is told in one order: dependencies of its lock files with known flaws, secrets, what
    Dockerfiles, Compose files and manifests set up wrong, and the twelve factors; each with its place, the reason, the
    fix and the way to accept it. What git ignores is passed over. In a git repository the folder is held against the
    last commit it shares with --against: what is new comes first and --fail-on counts that alone, unless --all is
    given. On the branch itself, with nothing new, everything counts. An unchanged folder is not read again.

    Reports of other tools (--report) and what Bandit and Semgrep find (--sast) join them. --fix mends what can be
    mended without asking its author, pins images by what registries say now, leaves alone what is not committed, and
    then tells what remains; --dry-run shows a diff instead.

    A comment such as tidegate:ignore=TG-DF-002 above a line silences a check there, an ignore file by id and path.
    --severity chooses what is shown, never what --fail-on counts; a secret counts as high. Of a host the versions of
    kernel, distribution and runtimes are told too, with end of life and advisories from the knowledge file.

    With --commits, TARGET is the folder of a git repository (here, when none is named). Each commit of the range is
    held to its name; its signature (SSH, OpenPGP or X.509), author, committer and trailers are held against what is
    asked for. Exit status 1 when something speaks against a commit, or against the range: rewritten since the last
    check (--last, --reflog), or incomplete. What was found is evidence: --statement writes it.
    """
    if commits is not None:
        from tidegate.cli.check_commits import CommitsAsked, check_trail

        trail = CommitsAsked(
            commits=commits,
            signers=signers,
            asked=asked,
            last=last,
            reflog=reflog,
            statement=statement,
            key=key,
            images=images,
        )
        return check_trail(call, outputs, targets, trail)
    targets = targets or ((".",) if staged else ())
    if not targets and not scap:
        raise UsageError("nothing to check", remedy="name a file, a folder or an image; or --commits A..B")
    from tidegate.clock import system_clock

    is_asked = bool(against or everything or staged or history or tools.is_given or mending.fix)
    is_folder = _is_folder(targets, scap, is_asked=is_asked)
    mending.check()
    _refuse_forms(outputs, is_folder=is_folder)
    settings = call.settings()
    if mending.fix:
        diff = mend_folder(call, settings, Path(targets[0]), mending)
        if mending.dry_run:
            click.echo(diff, nl=False)
            return 0
    judging = Judging(vex=(), ignorefile=ignorefile, at=None, sector=None)
    found = judging.found(call, _sources(targets[0]) if is_folder else "")
    said = judging.said(call, found)
    at = system_clock().date()
    is_host = False
    if scap or any(target.startswith(_HOST) for target in targets):
        is_host = True
        report = _of_host(call, settings, targets, scap, own=_own(files), said=said, at=at)
    elif any(target.startswith(_IMAGES) for target in targets):
        report = _of_image(call, settings, targets, at)
    elif is_folder:
        question = FolderQuestion(
            folder=Path(targets[0]),
            against=None if everything and not against else against or "",
            staged=staged,
            index=index,
            own=_own(files),
            own_text=tuple(map(_text, files)),
            said=said,
            found=found,
            history=history,
            at=at,
            more=tools.found(call, Path(targets[0])),
        )
        report = check_folder(call, settings, question)
    else:
        report = _of_documents(call, targets, _own(files), at)
    if not (is_host or is_folder):
        report = _heeding(report, said, at)
    count = counting(report, everything=everything)
    failing = _as_bad(count, fail_on) if fail_on else []
    there = len(count.misconfigurations) + len(count.findings) + len(count.secrets)
    _write(outputs, _shown(report, severity), settings, is_folder=is_folder)
    if failing:
        new = "new and " if count.baseline and not everything else ""
        call.note(f"{len(failing)} of {there} are {new}{fail_on} or worse")
    return 1 if failing else 0


def _is_folder(targets: Sequence[str], scap: Sequence[Path], *, is_asked: bool) -> bool:
    """True for one folder, of which everything is told.

    Raises:
        UsageError: what only a folder can be asked was asked of something else.
    """
    is_folder = len(targets) == 1 and not scap and targets[0] != "-" and Path(targets[0]).is_dir()
    if is_asked and not is_folder:
        raise UsageError(
            "--against, --all, --staged, --history, --report, --sast and --fix are of one folder",
            remedy="name a folder alone",
        )
    return is_folder


def _sources(folder: str) -> str:
    """The folder as a target; the one the command runs in by its shortest name."""
    return "dir:." if Path(folder).resolve() == Path.cwd() else f"dir:{folder}"


def _shown(report: ScanReport, severity: str | None) -> ScanReport:
    if severity is None:
        return report
    least = Severity(severity).rank
    return replace(
        report,
        misconfigurations=tuple(one for one in report.misconfigurations if one.severity.rank >= least),
        findings=tuple(one for one in report.findings if one.severity.rank >= least),
        secrets=report.secrets if SECRET_SEVERITY.rank >= least else (),
    )


def _as_bad(report: ScanReport, threshold: str) -> "list[Misconfiguration | Finding | LocatedSecret]":
    """What counts for a threshold; of a host's software, and of dependencies, as in `tidegate scan`."""
    from tidegate.cli.scan import is_at_least

    least = Severity(threshold).rank
    wrong = [one for one in report.misconfigurations if one.severity.rank >= least]
    secrets = report.secrets if SECRET_SEVERITY.rank >= least else ()
    return [*wrong, *secrets, *(one for one in report.findings if is_at_least(one, threshold))]


def _text(file: Path) -> bytes:
    from tidegate.cli.check_documents import read_file

    return read_file(file)


def _own(files: Sequence[Path]) -> "list[CheckSet]":
    from tidegate.checks.check import load_checks
    from tidegate.cli.check_documents import read_file

    return [one for file in files for one in load_checks(read_file(file).decode(errors="replace"), file=str(file))]


def _of_documents(call: Call, targets: Sequence[str], own: "Sequence[CheckSet]", at: "date") -> ScanReport:
    from tidegate.cli.check_documents import judge_documents
    from tidegate.evidence import ScannedArtifact

    judged = judge_documents(call, [Path(target) for target in targets], own=own, at=at)
    if not judged.documents:
        call.warn("nothing to check: no Dockerfile, Compose file or Kubernetes manifest is there")
    for outcome in judged.outcomes:
        call.warn(outcome.reason)
    return ScanReport(
        artifact=ScannedArtifact(name=" ".join(targets), digest=judged.digest, layers=()),
        components=(),
        findings=(),
        secrets=(),
        configuration=None,
        support=(),
        outcomes=tuple(judged.outcomes),
        knowledge=None,
        at=at,
        misconfigurations=tuple(judged.found),
        suppressed_misconfigurations=tuple(judged.suppressed),
        idle=tuple(judged.idle),
        documents=tuple(judged.documents),
    )


def _of_host(
    call: Call,
    settings: "Settings",
    targets: Sequence[str],
    scap: Sequence[Path],
    *,
    own: "Sequence[CheckSet]",
    said: "Said",
    at: "date",
) -> ScanReport:
    from tidegate.cli.check_host import judge_host

    if len(targets) > 1 or not all(target.startswith(_HOST) for target in targets):
        raise UsageError("a host is checked alone", where=" ".join(targets), remedy="check one after the other")
    root = Path(targets[0].removeprefix(_HOST) or "/") if targets else None
    return judge_host(call, settings, root, scap=scap, own=own, said=said, at=at)


def _of_image(call: Call, settings: "Settings", targets: Sequence[str], at: "date") -> ScanReport:
    from tidegate.assembly.examiner import Examiner
    from tidegate.cli.inspection import Inspection, take_inventory

    if len(targets) > 1:
        raise UsageError("an image is checked alone", where=" ".join(targets), remedy="check one after the other")
    inspection = Inspection(target=targets[0], platform="", insecure=False, workers=None, cache_dir=None)
    inventory = take_inventory(call, settings, inspection)
    report = Examiner(settings).report(inventory, None, at=at)
    # What else was seen is for `tidegate scan` to tell.
    alone = replace(report, components=(), secrets=(), notices=(), support=(), custody=None, advice=())
    return replace(alone, documents=(inventory.name,))


def _heeding(report: ScanReport, said: "Said", at: "date") -> ScanReport:
    from tidegate.vex.product import Scene
    from tidegate.vex.silence import Found, silence

    heard = silence(Found(misconfigurations=report.misconfigurations), said.claims, Scene(), at=at)
    return replace(
        report,
        misconfigurations=heard.counting.misconfigurations,
        suppressed_misconfigurations=(*report.suppressed_misconfigurations, *heard.misconfigurations),
        idle=(*report.idle, *said.idle, *heard.idle),
    )


def _refuse_forms(outputs: Sequence[Output], *, is_folder: bool) -> None:
    for output in outputs:
        if output.form.startswith(("cyclonedx", "spdx") if is_folder else ("cyclonedx", "spdx", "gitlab")):
            raise UsageError(f"{output.form} has no place for checks", remedy="write sarif, or json")


def _write(outputs: Sequence[Output], report: ScanReport, settings: "Settings", *, is_folder: bool) -> None:
    from tidegate.cli.check_page import check_page
    from tidegate.cli.folder_page import folder_page
    from tidegate.cli.host_page import host_page
    from tidegate.cli.page import columns_of, write_page
    from tidegate.cli.report_output import write_report
    from tidegate.inventory import Inventory

    inventory = Inventory(digest=report.artifact.digest, name=report.artifact.name, layers=(), components=())
    for output in outputs:
        if output.form == "table":
            if is_folder:
                page = folder_page(report)
            else:
                page = host_page(report, columns=columns_of(output)) if report.components else check_page(report)
            write_page(output, page, colour=settings.colour)
        else:
            write_report([output], report, inventory, settings)
