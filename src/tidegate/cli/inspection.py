# SPDX-License-Identifier: Apache-2.0
"""What verbs that read an image have in common: the target, its options, and the way to its inventory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.gathered_options import gathered
from tidegate.inventory import Inventory
from tidegate.settings import Settings

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tidegate.cli.progress import ProgressLine
    from tidegate.oci.choose import Unlock
    from tidegate.oci.image import Folder, Image
    from tidegate.scan.parts import ScanParts
    from tidegate.scan.passing_over import PassedOver
    from tidegate.scan.secrets.detector import SecretDetector


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What is to be read, and how.

    Attributes:
        platform: as written; "" takes this machine's where there are several.
        insecure: talk to registries without TLS, or without checking it.
        decryption_key: files of private keys, for encrypted layers.
        skip_dirs: globs of folders that are passed over; `skip_files` of files; `exclude` of either.
    """

    target: str
    platform: str
    insecure: bool
    workers: int | None
    cache_dir: Path | None
    skip_dirs: tuple[str, ...] = ()
    skip_files: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    decryption_key: tuple[str, ...] = ()

    @property
    def flags(self) -> dict[str, object]:
        """The settings these options overrule."""
        return {"scan__workers": self.workers, "scan__cache_dir": self.cache_dir}

    @property
    def passed_over(self) -> "PassedOver":
        """What is not to be told of."""
        from tidegate.scan.passing_over import PassedOver

        return PassedOver((*self.skip_dirs, *self.exclude), (*self.skip_files, *self.exclude))


def inspection_options(function: Callable[..., int]) -> Callable[..., int]:
    """Adds TARGET and its options; the verb gets them as one `inspection`."""
    return gathered(function, "inspection", Inspection, _parameters(), keys=Inspection.__slots__)


def passing_over_options(function: Callable[..., int]) -> Callable[..., int]:
    """Adds the options of what is passed over alone; the verb gets `skip_dirs`, `skip_files` and `exclude`."""
    params = getattr(function, "__click_params__", [])
    function.__click_params__ = [*params, *reversed(_passing_over())]  # type: ignore[attr-defined] # click's own protocol
    return function


def take_inventory(
    call: Call,
    settings: Settings,
    inspection: Inspection,
    *,
    secrets: "SecretDetector | None" = None,
    parts: "ScanParts | None" = None,
) -> Inventory:
    """Opens the target and reads it.

    Args:
        call: is told of guesses and progress.
        settings: bounds, workers, and where facts are kept.
        inspection: what was asked.
        secrets: finds them by other rules than the house's.
        parts: what is looked for; None for everything.

    Raises:
        TidegateError: the target is wrong, broken, hostile, or cannot be reached.
    """
    from tidegate.assembly.scanner import build_scanner
    from tidegate.cli.progress import ProgressLine
    from tidegate.oci.target import Scheme, parse_target
    from tidegate.scan.parts import ALL_PARTS

    target = parse_target(inspection.target)
    if target.scheme is Scheme.SBOM and target.path is not None:
        if target.guess:
            call.note(target.guess)
        if inspection.passed_over:
            call.warn("a bill of materials is taken whole: --skip-dirs, --skip-files and --exclude change nothing")
        return read_sbom_file(call, target.path)
    with ProgressLine(shown=call.shows_progress) as line:
        scanner = build_scanner(
            settings,
            progress=line.layers,
            secrets=secrets,
            parts=parts or ALL_PARTS,
            passed_over=inspection.passed_over,
        )
        with open_inspected(call, settings, inspection, line) as source:
            return scanner(source)


@contextmanager
def open_inspected(
    call: Call, settings: Settings, inspection: Inspection, line: "ProgressLine"
) -> "Iterator[Image | Folder]":
    """Opens the target for reading; guesses are told.

    Raises:
        TidegateError: the target is wrong, broken, hostile, or cannot be reached.
    """
    from tidegate.artifact import Platform
    from tidegate.oci.open import open_target
    from tidegate.oci.target import Scheme, parse_target

    platform = Platform.parse(inspection.platform) if inspection.platform else None
    unlock = _unlocking(inspection.decryption_key)
    target = parse_target(inspection.target)
    if target.guess:
        call.note(target.guess)
    if target.scheme is not Scheme.REGISTRY:
        with open_target(target, platform=platform, unlock=unlock) as source:
            yield source
        return

    from tidegate.assembly.outward import build_outbound, build_registry_client

    if inspection.insecure:
        call.warn("--insecure: nobody vouches for what the registry is or says")
    line.tell(f"asking {inspection.target}")
    with build_outbound(settings, insecure=inspection.insecure) as outbound:
        registry = build_registry_client(settings, outbound)
        with open_target(target, platform=platform, registry=registry, unlock=unlock) as source:
            yield source


def _unlocking(texts: tuple[str, ...]) -> "Unlock | None":
    if not texts:
        return None
    from tidegate.cli.encryption_options import load_keys
    from tidegate.oci.encryption.opened import unlocking

    return unlocking(load_keys(texts))


def read_sbom_file(call: Call, path: Path) -> Inventory:
    """Reads a bill of materials; a signature around it is verified where a trust policy says whom to trust.

    Raises:
        TidegateError: it is none, is hostile, or cannot be read.
    """
    from tidegate.cli.signed_file import read_signed_file
    from tidegate.sbom.reading import MAX_SBOM_BYTES, read_sbom
    from tidegate.scan.ecosystem import ecosystem_of

    data = read_signed_file(call, path, max_bytes=MAX_SBOM_BYTES)
    return read_sbom(data, str(path), ecosystem_of=ecosystem_of)


def _parameters() -> list[click.Parameter]:
    return [
        click.Argument(["target"], shell_complete=complete_target),
        click.Option(["--platform"], metavar="OS/ARCH", default="", help="Which image of an index. [this machine's]"),
        click.Option(["--insecure"], is_flag=True, help="Registry without TLS, or without checking it."),
        click.Option(["--workers"], type=click.IntRange(0, 256), metavar="N", help="Layers read at once. [processors]"),
        click.Option(
            ["--cache-dir"], type=click.Path(path_type=Path), metavar="DIR", help="Where facts of layers are kept."
        ),
        click.Option(
            ["--decryption-key"],
            multiple=True,
            metavar="FILE[:PASSWORD_FILE]",
            help="Private key, where layers are encrypted.",
        ),
        *_passing_over(),
    ]


def complete_target(_context: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Completes schemes, and files and folders where no scheme was written."""
    from click.shell_completion import CompletionItem

    from tidegate.oci.target import Scheme

    schemes = [CompletionItem(f"{it}:") for it in Scheme if incomplete and f"{it}:".startswith(incomplete)]
    return schemes or [CompletionItem(incomplete, type="file")]


def _passing_over() -> list[click.Option]:
    return [
        click.Option(
            ["--skip-dirs"], multiple=True, metavar="GLOB", help="Folders to pass over, like **/node_modules; repeat."
        ),
        click.Option(["--skip-files"], multiple=True, metavar="GLOB", help="Files to pass over, like **/*.md; repeat."),
        click.Option(
            ["--exclude"], multiple=True, metavar="GLOB", help="Either of them, like /usr/share/doc/**; repeat."
        ),
    ]
