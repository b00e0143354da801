# SPDX-License-Identifier: Apache-2.0
"""What verbs that scan have in common about secrets: git histories, gitleaks' files, baselines."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.found_words import GITLEAKS_CONFIG, GITLEAKS_IGNORE, NOTHING_FOUND, FoundWords
from tidegate.cli.gathered_options import gathered
from tidegate.cli.named_file import read_named_file
from tidegate.errors import NotFoundError, OutsideError
from tidegate.evidence import IdleWord, ScanReport
from tidegate.inventory import Inventory, LocatedSecret
from tidegate.values import replace

if TYPE_CHECKING:
    from tidegate.scan.secrets.allowances import Allowance
    from tidegate.scan.secrets.detector import SecretDetector
    from tidegate.scan.secrets.gitleaks_config import GitleaksConfig

_NAMES = ("git_history", "gitleaks_config", "gitleaks_ignore", "baseline", "write_baseline")
_FILE = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretChoice:
    """What was asked about secrets.

    Attributes:
        git_history: look through all commits of the folder, too.
        gitleaks_config: a `.gitleaks.toml`; `gitleaks_ignore` a `.gitleaksignore`; `baseline` secrets known before.
        write_baseline: where this scan's secrets are written as a baseline.
        found: ignore files that are heeded without being named.
    """

    git_history: bool
    gitleaks_config: Path | None
    gitleaks_ignore: Path | None
    baseline: Path | None
    write_baseline: Path | None
    found: FoundWords = NOTHING_FOUND

    @property
    def named(self) -> tuple[str, ...]:
        """Names of ignore files that a named one stands for."""
        told = ((GITLEAKS_CONFIG, self.gitleaks_config), (GITLEAKS_IGNORE, self.gitleaks_ignore))
        return tuple(name for name, path in told if path is not None)

    def config(self) -> "GitleaksConfig | None":
        """The configuration of gitleaks that is to be followed; None when there is none.

        Raises:
            TidegateError: the file is missing or cannot be read as what it is.
        """
        found = self.found.named(GITLEAKS_CONFIG)
        if self.gitleaks_config is None and not found:
            return None
        from tidegate.scan.secrets.gitleaks_config import MAX_CONFIG_BYTES, read_gitleaks_config

        if self.gitleaks_config is not None:
            raw = read_named_file(self.gitleaks_config, max_bytes=MAX_CONFIG_BYTES)
            return read_gitleaks_config(raw, where=self.gitleaks_config.name)
        return read_gitleaks_config(found[0].content, where=found[0].name, is_trusted=False)

    def detector(self) -> "SecretDetector | None":
        """A detector by the configuration of gitleaks; None when there is none.

        Raises:
            TidegateError: the file is missing or cannot be read as what it is.
        """
        config = self.config()
        if config is None:
            return None
        from tidegate.scan.secrets.detector import SecretDetector
        from tidegate.scan.secrets.rules import RULES

        return SecretDetector(config.applied_to(RULES), config.allowlists)


def secret_options(function: Callable[..., int]) -> Callable[..., int]:
    """Adds the options; the verb gets them as one `secrets`."""
    return gathered(function, "secrets", SecretChoice, _parameters(), keys=_NAMES)


def with_history(call: Call, inventory: Inventory, choice: SecretChoice, target: str) -> Inventory:
    """An inventory with the secrets of a folder's git history, when they were asked for.

    Args:
        call: is told what could not be read.
        inventory: of the folder.
        choice: what was asked.
        target: what was scanned, as written.

    Raises:
        TidegateError: it is no repository, or git cannot read it.
    """
    if not choice.git_history:
        return inventory
    from tidegate.oci.target import Scheme, parse_target

    named = parse_target(target)
    folder = named.path if named.scheme in {Scheme.DIR, Scheme.ROOTFS} else None
    if folder is None:
        raise NotFoundError("no folder, so it has no git history", where=inventory.name, remedy="name it as dir:DIR")
    from tidegate.scan.git_history import secrets_in_history
    from tidegate.scan.secrets.detector import SecretDetector

    found = secrets_in_history(folder, choice.detector() or SecretDetector())
    call.note(f"{len(found)} {'secret' if len(found) == 1 else 'secrets'} in its git history")
    located = tuple(LocatedSecret(secret=fact, layer=inventory.digest) for fact in found)
    return replace(inventory, secrets=(*inventory.secrets, *located))


def heeding(call: Call, report: ScanReport, choice: SecretChoice) -> ScanReport:
    """A report in which allowed secrets are suppressed, with who said so; writes the baseline when one was asked for.

    Raises:
        TidegateError: a named file is missing, broken or cannot be written.
    """
    files = (choice.gitleaks_config, choice.gitleaks_ignore, choice.baseline, choice.write_baseline)
    found = choice.found.named(GITLEAKS_CONFIG, GITLEAKS_IGNORE)
    if not any(files) and not found and not any(located.secret.allowed for located in report.secrets):
        return report
    from tidegate.scan.secrets.allowances import apply_allowances, written_baseline

    if choice.write_baseline is not None:
        _write(choice.write_baseline, written_baseline(report.secrets))
    allowances, idle = _allowances(choice)
    config = choice.config()
    for outcome in config.unread if config else ():
        call.warn(f"{outcome.location}: {outcome.reason}")
    kept, suppressed, unused = apply_allowances(report.secrets, allowances, config.allowlists if config else ())
    return replace(
        report,
        secrets=kept,
        suppressed_secrets=(*report.suppressed_secrets, *suppressed),
        idle=(*report.idle, *idle, *unused),
        outcomes=(*report.outcomes, *(config.unread if config else ())),
    )


def _allowances(choice: SecretChoice) -> "tuple[list[Allowance], list[IdleWord]]":
    from tidegate.scan.secrets.allowances import MAX_BYTES, read_baseline, read_gitleaksignore

    found: list[Allowance] = []
    idle: list[IdleWord] = []
    if choice.gitleaks_ignore is not None:
        text = read_named_file(choice.gitleaks_ignore, max_bytes=MAX_BYTES).decode("utf-8", "replace")
        found, idle = read_gitleaksignore(text, where=choice.gitleaks_ignore.name)
    for file in choice.found.named(GITLEAKS_IGNORE):
        found, idle = read_gitleaksignore(file.content.decode("utf-8", "replace"), where=file.place)
    if choice.baseline is not None:
        found += read_baseline(read_named_file(choice.baseline, max_bytes=MAX_BYTES), where=str(choice.baseline))
    return found, idle


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror}", where=str(path)) from error


def _parameters() -> list[click.Parameter]:
    return [
        click.Option(["--git-history"], is_flag=True, help="Look for secrets in all commits of the folder, too."),
        click.Option(
            ["--gitleaks-config"], type=_FILE, metavar="FILE", help="A .gitleaks.toml: rules and allow-lists."
        ),
        click.Option(["--gitleaks-ignore"], type=_FILE, metavar="FILE", help="A .gitleaksignore: allowed secrets."),
        click.Option(
            ["--baseline"], type=_FILE, metavar="FILE", help="Secrets known before: ours or gitleaks' report."
        ),
        click.Option(["--write-baseline"], type=_FILE, metavar="FILE", help="Write this scan's secrets as a baseline."),
    ]
