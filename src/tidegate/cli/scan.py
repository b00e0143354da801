# SPDX-License-Identifier: Apache-2.0
"""`tidegate scan`."""

from collections.abc import Sequence
from dataclasses import replace as replace_choice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.inspection import Inspection, inspection_options, take_inventory
from tidegate.cli.judging_options import Judging, judging_options
from tidegate.cli.output import Output
from tidegate.cli.report_output import report_output_options, write_report
from tidegate.cli.secret_options import SecretChoice, heeding, secret_options, with_history
from tidegate.errors import NotFoundError
from tidegate.evidence import Finding, ScanReport, Severity
from tidegate.evidence.flaw import flaw_count
from tidegate.inventory import Inventory
from tidegate.settings import Settings
from tidegate.values import replace

if TYPE_CHECKING:
    from datetime import date

    from tidegate.examination.report import Said
    from tidegate.scan.parts import ScanParts

_KNOWLEDGE_REMEDY = "fetch one with `tidegate db update`, or build one with `tidegate db build`"
_SCANNERS = {
    **{name: name for name in ("packages", "secrets", "custody")},
    "vuln": "packages",
    "license": "packages",
    "secret": "secrets",
    "misconfig": "configuration",
}
"""What can be looked for, and the words of Trivy for it; the configuration is always looked at."""
_SEVERITIES = tuple(severity.value for severity in reversed(Severity))


def _severities(_context: click.Context, _option: click.Parameter, value: str | None) -> frozenset[Severity] | None:
    """Reads `critical,high`."""
    if value is None:
        return None
    words = [word.strip().lower() for word in value.split(",") if word.strip()]
    for word in words:
        if word not in _SEVERITIES:
            raise click.BadParameter(f"{word!r} is no severity, there are {', '.join(_SEVERITIES)}")
    return frozenset(map(Severity, words))


def _parts(_context: click.Context, _option: click.Parameter, value: str | None) -> "ScanParts | None":
    """Reads `packages,secrets`."""
    if value is None:
        return None
    from tidegate.scan.parts import ScanParts

    words = {word.strip().lower() for word in value.split(",") if word.strip()}
    unknown = words - _SCANNERS.keys()
    if unknown or not words:
        raise click.BadParameter(f"{', '.join(sorted(unknown)) or 'nothing'}: there are packages, secrets, custody")
    wanted = {_SCANNERS[word] for word in words}
    return ScanParts(packages="packages" in wanted, secrets="secrets" in wanted, custody="custody" in wanted)


@verb(
    "scan",
    examples=(
        ("tidegate scan oci:./image", "a folder that skopeo or buildah wrote"),
        (
            "tidegate scan docker-archive:image.tar --fail-on high",
            "exit 1 on high and critical findings, for a pipeline",
        ),
        ("tidegate scan registry.example/team/app:1.2 --platform linux/arm64", "where it lies, for another machine"),
        ("tidegate scan rootfs:/mnt/disk --format json -o report.json", "for a program"),
        ("tidegate scan sbom:image.cdx.json", "from a bill of materials, without the image"),
        (
            "tidegate scan oci:./image --format table --format sarif=scan.sarif --format html=scan.html",
            "several forms of one scan",
        ),
    ),
)
@report_output_options
@inspection_options
@secret_options
@judging_options
@click.option("--db", type=click.Path(path_type=Path), metavar="FILE", help="Knowledge file. [under --home]")
@click.option("-s", "--severity", callback=_severities, metavar="LIST", help="Show only these, like critical,high.")
@click.option(
    "--scanners", "parts", callback=_parts, metavar="LIST", help="Look for these alone: packages,secrets,custody."
)
@click.option("--fail-on", type=click.Choice(_SEVERITIES[:-1]), help="Exit 1 when a finding is that bad or worse.")
@click.option("--fail-on-unknown", is_flag=True, help="With --fail-on: what nobody rated counts as that bad, too.")
@click.option("--fail-on-secrets", is_flag=True, help="Exit 1 when there is a secret that nobody allowed.")
@click.option("--only-fixed", "--ignore-unfixed", "only_fixed", is_flag=True, help="Leave out what has no fix yet.")
def command(
    call: Call,
    *,
    outputs: tuple[Output, ...],
    inspection: Inspection,
    secrets: SecretChoice,
    judging: Judging,
    db: Path | None,
    parts: "ScanParts | None",
    severity: frozenset[Severity] | None,
    fail_on: str | None,
    fail_on_unknown: bool,
    fail_on_secrets: bool,
    only_fixed: bool,
) -> int:
    """Find what is in an image, and what is wrong with it.

    TARGET is oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, rootfs:DIR, dir:DIR, sbom:FILE or
    registry:REFERENCE. A bare word is guessed, and the guess is told.

    Findings come from the knowledge file (see tidegate db); without one only components and secrets are listed. A
    finding known to be exploited, or of a malicious package, counts for --fail-on whatever its severity; one that
    nobody rated does not, which is told, unless --fail-on-unknown is given. --severity chooses what is shown, never
    what --fail-on counts; --only-fixed chooses both. Secrets count for --fail-on-secrets alone, the configuration for
    tidegate check.

    Statements (--vex) and ignore files take findings out of the count; the report says who said so, and which of their
    words silenced nothing. Ignore files of Trivy are read where the command runs, and at the root of a dir: target
    with gitleaks' own (.gitleaks.toml, .gitleaksignore); the report names them, and --no-ignore-files leaves them out.
    The day of the knowledge decides on support and expiries, unless --at asks for another.
    """
    settings = call.settings(db=db, **inspection.flags, **judging.flags)
    _demand_knowledge(settings, is_demanded=db is not None or fail_on is not None)
    if parts is not None:
        call.note(f"looking for {parts.word.replace('+', ', ')} alone")
    found = judging.found(call, inspection.target, but=secrets.named)
    secrets = replace_choice(secrets, found=found)
    inventory = take_inventory(call, settings, inspection, secrets=secrets.detector(), parts=parts)
    inventory = with_history(call, inventory, secrets, inspection.target)
    report = _examine(call, settings, inventory, judging.said(call, found), judging.at)
    report = replace(heeding(call, report, secrets), heeded=tuple(file.place for file in found.files))
    if only_fixed:
        report = replace(report, findings=tuple(one for one in report.findings if one.fixed_version))
    failing = [one for one in report.findings if fail_on and is_at_least(one, fail_on, unknown_counts=fail_on_unknown)]
    if fail_on and not fail_on_unknown:
        tell_unrated(call, report.findings)
    if severity is not None:
        if hidden := flaw_count([one for one in report.findings if one.severity not in severity]):
            call.note(f"{hidden} of other severities {'is' if hidden == 1 else 'are'} not shown")
        report = replace(report, findings=tuple(one for one in report.findings if one.severity in severity))
    write_report(outputs, report, inventory, settings)
    if failing:
        call.note(_failing_words(failing, Severity(fail_on or "none"), unknown_counts=fail_on_unknown))
    leaking = len(report.secrets) if fail_on_secrets else 0
    if leaking:
        call.note(
            f"{leaking} {'secret is' if leaking == 1 else 'secrets are'} allowed by nobody: --fail-on-secrets says no"
        )
    return 1 if failing or leaking else 0


def tell_unrated(call: Call, findings: Sequence[Finding]) -> None:
    """Says how many flaws a threshold did not count because nobody rated them."""
    unrated = flaw_count([one for one in findings if one.severity is Severity.UNKNOWN and not _is_attacked(one)])
    if unrated:
        is_one = unrated == 1
        call.warn(
            f"{unrated} {'finding is' if is_one else 'findings are'} of unknown severity and "
            f"{'does' if is_one else 'do'} not count for --fail-on; --fail-on-unknown counts them"
        )


def _failing_words(failing: Sequence[Finding], threshold: Severity, *, unknown_counts: bool) -> str:
    """Why the threshold says no."""
    count = flaw_count(failing)
    named = "critical" if threshold is Severity.CRITICAL else f"{threshold} or worse"
    if unknown_counts and any(one.severity is Severity.UNKNOWN for one in failing):
        named += " or of unknown severity"
    attacked = any(_is_attacked(one) and one.severity.rank < threshold.rank for one in failing)
    beside = ", known to be exploited, or malicious" if attacked else ""
    return f"{count} {'finding is' if count == 1 else 'findings are'} {named}{beside}: --fail-on {threshold} says no"


def _demand_knowledge(settings: Settings, *, is_demanded: bool) -> None:
    """Fails before the work rather than after it."""
    if is_demanded and not settings.db.exists():
        raise NotFoundError("no knowledge file", where=str(settings.db), remedy=_KNOWLEDGE_REMEDY)


def _examine(call: Call, settings: Settings, inventory: Inventory, said: "Said", at: "date | None") -> ScanReport:
    from tidegate.assembly.examiner import Examiner
    from tidegate.knowledge.database import Knowledge

    examiner = Examiner(settings)
    if not settings.db.exists():
        call.warn(f"no knowledge file at {settings.db}, so nothing can be found wrong; {_KNOWLEDGE_REMEDY}")
        return examiner.report(inventory, None, said=said, at=at)
    with Knowledge.open(settings.db) as knowledge:
        report = examiner.report(inventory, knowledge, said=said, at=at)
    if report.unmatched:
        call.warn(f"nothing is known of {', '.join(report.unmatched)}: no findings there prove nothing")
    if report.outcomes:
        call.warn(f"not all could be read as it should be ({len(report.outcomes)}); the report names what")
    return report


def is_at_least(finding: Finding, threshold: str, *, unknown_counts: bool = False) -> bool:
    """True when a finding counts for a threshold: exploited and malicious ones always do, unrated ones when asked."""
    if _is_attacked(finding) or (unknown_counts and finding.severity is Severity.UNKNOWN):
        return True
    return finding.severity.rank >= Severity(threshold).rank


def _is_attacked(finding: Finding) -> bool:
    return finding.exploited is not None or finding.malicious
