# SPDX-License-Identifier: Apache-2.0
"""`tidegate origin`: where everything in an image comes from, and how far that is known."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.inspection import Inspection, inspection_options, open_inspected, take_inventory
from tidegate.cli.named_file import read_named_file
from tidegate.cli.output import Output, output_options
from tidegate.cli.page import Line, Style, piece, write_page
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.artifact import Digest
    from tidegate.development.origin.components import OriginReport
    from tidegate.development.origin.installed import Installed
    from tidegate.development.origin.verdict import Told
    from tidegate.inventory import Inventory
    from tidegate.settings import Settings
    from tidegate.verification.policy import TrustPolicy

_FILE: Final = click.Path(path_type=Path)
_MAX_INDEX_BYTES: Final = 256 << 20
_MAX_KEY_BYTES: Final = 16 << 20
_SHOWN: Final = 30
_ARMOUR: Final = b"-----BEGIN PGP"
_PEM: Final = b"-----BEGIN PUBLIC KEY-----"


@verb(
    "origin",
    examples=(
        ("tidegate origin oci:./image", "the three sources, and what is claimed of each"),
        (
            "tidegate origin oci:./image --archive InRelease --archive Packages.xz --archive-keys debian.gpg",
            "which packages Debian's signed archive publishes",
        ),
        ("tidegate origin oci:./ubi --archive-keys RPM-GPG-KEY", "which packages of rpm their maker signed"),
        ("tidegate origin app.tar --attestation npm.json --policy trust.yaml", "which packages were attested, by whom"),
        ("tidegate origin oci:./image --source . --policy trust.yaml", "and whether its own files are of this commit"),
    ),
)
@inspection_options
@click.option("--archive", "archives", multiple=True, type=_FILE, metavar="FILE", help="Saved index of an archive.")
@click.option(
    "--archive-keys", multiple=True, type=_FILE, metavar="FILE", help="Who signs it, or rpm packages: OpenPGP or PEM."
)
@click.option("--accept-expired", is_flag=True, help="Take an archive's index that is past its Valid-Until.")
@click.option("--attestation", "attestations", multiple=True, type=_FILE, metavar="FILE", help="Of npm or PyPI, saved.")
@click.option("--policy", "policy_file", type=_FILE, metavar="FILE", help="Trust policy: who attests.")
@click.option("--source", type=_FILE, metavar="DIR", help="Repository its makers' own files should be of.")
@click.option("--fail-on-unknown", is_flag=True, help="Exit 1 when the source of a component is not known.")
@output_options("table", "json")
def command(
    call: Call,
    *,
    output: Output,
    inspection: Inspection,
    archives: tuple[Path, ...],
    archive_keys: tuple[Path, ...],
    accept_expired: bool,
    attestations: tuple[Path, ...],
    policy_file: Path | None,
    source: Path | None,
    fail_on_unknown: bool,
) -> int:
    """Tell where everything in an image comes from: the distribution, a language's registry, or its own makers.

    Each component is proved, claimed, unknown or contradicted; a contradicted one makes the exit 1. A distribution's
    package is proved when an index that its archive signed lists this version (Debian's InRelease with Packages) or
    this build (Alpine's APKINDEX.tar.gz); one of rpm, when the signature that rpm kept of its header is by one of
    --archive-keys; one of a language's registry, when an attestation of npm or PyPI (PEP 740), by whom the policy
    trusts, is of the archive that a lock file or the installer (direct_url.json, PEP 610) states. The makers' own files
    are compared with a commit by --source, as tidegate verify --source does. All else is claimed by what is in the
    image itself.
    """
    from tidegate.clock import system_clock
    from tidegate.development.origin.archives import read_archives
    from tidegate.development.origin.attestations import MAX_ANSWER_BYTES, attested, read_attestations
    from tidegate.development.origin.components import report_origins
    from tidegate.development.origin.verdict import Standing
    from tidegate.verification.document import load_trust_policy

    settings = call.settings(**inspection.flags)
    policy = load_trust_policy(policy_file) if policy_file else None
    keys = [read_named_file(path, max_bytes=_MAX_KEY_BYTES) for path in archive_keys]
    openpgp = _keyring([key for key in keys if _PEM not in key])
    files = [(str(path), read_named_file(path, max_bytes=_MAX_INDEX_BYTES)) for path in archives]
    now = system_clock()
    published = read_archives(
        files,
        openpgp=openpgp,
        rsa_keys=[key for key in keys if _PEM in key],
        at=None if accept_expired else now,
    )
    read = [(str(path), read_named_file(path, max_bytes=MAX_ANSWER_BYTES)) for path in attestations]
    found = [one for name, content in read for one in read_attestations(content, where=name)]
    inventory = take_inventory(call, settings, inspection)
    in_house = _in_house(call, settings, inventory, inspection, source, policy)
    installed = _installed(call, settings, inventory, inspection, openpgp, indexed=bool(published.of.get("apk")))
    archives_taken = _archives_taken(call, settings, inventory, inspection) if found else {}
    report = report_origins(inventory, published, attested(found, policy, now), in_house, installed, archives_taken)
    if output.form == "json":
        output.write_json(report)
    else:
        write_page(output, origin_page(report), colour=settings.colour)
    standings = {it.standing for it in report.components}
    is_unknown = fail_on_unknown and Standing.UNKNOWN in standings
    return 1 if is_unknown or Standing.CONTRADICTED in standings else 0


def _keyring(keys: list[bytes]) -> bytes:
    """Exported keys as one; gpg reads several on end in one form, but not in both."""
    armoured = [key for key in keys if key.lstrip().startswith(_ARMOUR)]
    if not armoured:
        return b"".join(keys)
    if len(armoured) < len(keys):
        raise UsageError("some are armoured, some are not", where="--archive-keys", remedy="gpg --dearmor them")
    return b"\n".join(armoured)


def _installed(
    call: Call, settings: "Settings", inventory: "Inventory", inspection: Inspection, openpgp: bytes, *, indexed: bool
) -> "Installed":
    """What rpm keeps of signatures, when there are keys, and apk of checksums, when there is an index."""
    from tidegate.assembly.scanner import build_file_reader
    from tidegate.cli.progress import ProgressLine
    from tidegate.development.origin.installed import MAX_BYTES, NOTHING_READ, databases_of, read_installed
    from tidegate.inventory import PackageKind
    from tidegate.oci.target import Scheme, parse_target

    rpm = databases_of(inventory, PackageKind.RPM) if openpgp else frozenset()
    apk = databases_of(inventory, PackageKind.APK) if indexed else frozenset()
    if not rpm | apk:
        return NOTHING_READ
    if parse_target(inspection.target).scheme is Scheme.SBOM:
        call.warn("a bill of materials has no signatures and checksums of installed packages in it: name the image")
        return NOTHING_READ
    with ProgressLine(shown=call.shows_progress) as line, open_inspected(call, settings, inspection, line) as source:
        found = build_file_reader(settings)(source, rpm | apk, MAX_BYTES)
    of_rpm, of_apk = ({path: found[path] for path in paths if path in found} for paths in (rpm, apk))
    return read_installed(of_rpm, of_apk, openpgp=openpgp)


def _archives_taken(
    call: Call, settings: "Settings", inventory: "Inventory", inspection: Inspection
) -> "Mapping[str, tuple[Digest, ...]]":
    """What installers wrote down of the archives they installed; what is broken is passed over."""
    from tidegate.assembly.scanner import build_file_reader
    from tidegate.cli.progress import ProgressLine
    from tidegate.development.origin.direct_url import MAX_DIRECT_URL_BYTES, direct_urls_of, read_direct_url
    from tidegate.errors import InvalidInputError
    from tidegate.oci.target import Scheme, parse_target

    paths = direct_urls_of(inventory)
    if not paths or parse_target(inspection.target).scheme is Scheme.SBOM:
        return {}
    with ProgressLine(shown=call.shows_progress) as line, open_inspected(call, settings, inspection, line) as source:
        found = build_file_reader(settings)(source, paths, MAX_DIRECT_URL_BYTES)
    taken: dict[str, tuple[Digest, ...]] = {}
    for path, content in found.items():
        try:
            taken[paths[path]] = read_direct_url(content, where=path)
        except InvalidInputError as error:
            call.warn(f"{error}")
    return taken


def _in_house(
    call: Call,
    settings: "Settings",
    inventory: "Inventory",
    inspection: Inspection,
    source: Path | None,
    policy: "TrustPolicy | None",
) -> "Told":
    from tidegate.cli.verify_source import SourceAsked, source_verdict
    from tidegate.development.origin.verdict import REVISION, Standing, Told

    if source is not None:
        asked = SourceAsked(
            image=inspection.target,
            folder=source,
            policy=policy,
            platform=inspection.platform,
            insecure=inspection.insecure,
        )
        found = source_verdict(call, settings, asked)
        why = f"commit {found.commit[:12]}: {found.provenance.why}; {found.label.why}; {found.files.why}"
        return Told(standing=found.standing, why=why)
    labels = inventory.config.labels if inventory.config else {}
    revision = inventory.annotations.get(REVISION) or labels.get(REVISION, "")
    if revision:
        return Told(standing=Standing.CLAIMED, why=f"{REVISION} says {revision[:80]}")
    return Told(standing=Standing.UNKNOWN, why=f"no {REVISION}; name --source")


def origin_page(report: "OriginReport") -> Iterator[Line]:
    """The sources with their shares, then what is proved or unknown."""
    yield (piece(f"{report.name}", Style.TITLE),)
    for count in report.counts:
        known = f"{count.proved} proved, {count.claimed} claimed, {count.unknown} unknown"
        known += f", {count.contradicted} contradicted" if count.contradicted else ""
        parts = "" if count.origin.value in {"in-house", "unexplained"} else f"  packages: {known}"
        yield (piece(f"{count.origin.value:<12}{count.files:>8} files{parts}"),)
    yield (piece(f"in-house    {report.in_house.standing.value}: {report.in_house.why}"),)
    for standing, style in (("contradicted", Style.WARN), ("unknown", Style.WARN), ("proved", Style.GOOD)):
        listed = [it for it in report.components if it.standing.value == standing]
        for it in listed[:_SHOWN]:
            yield (piece(f"{standing:<13}", style), piece(f"{it.purl}  "), piece(it.why, Style.FAINT))
        if len(listed) > _SHOWN:
            yield (piece(f"{'':<13}and {len(listed) - _SHOWN} more; --format json tells all", Style.FAINT),)
