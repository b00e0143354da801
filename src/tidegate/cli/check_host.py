# SPDX-License-Identifier: Apache-2.0
"""The host `tidegate check` was pointed at: read, judged, and what could not be read of it."""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.artifact import Digest
from tidegate.cli.call import Call
from tidegate.evidence import Misconfiguration, ScanReport
from tidegate.inventory import Inventory, Outcome, OutcomeStatus
from tidegate.values import replace

if TYPE_CHECKING:
    from tidegate.checks.check import CheckSet
    from tidegate.checks.xccdf import ScapResults
    from tidegate.examination.report import Said
    from tidegate.inventory.host import Host, WeakProcess
    from tidegate.settings import Settings


def judge_host(
    call: Call,
    settings: "Settings",
    root: Path | None,
    *,
    scap: Sequence[Path],
    own: Sequence["CheckSet"],
    said: "Said",
    at: date,
) -> ScanReport:
    """Checks how a host is set up, and holds its software against what is known.

    Args:
        call: is told what was passed over.
        settings: where the knowledge lies, and bounds.
        root: of the host's file system; None for results of others alone.
        scap: results of OpenSCAP, as XCCDF or ARF.
        own: further checks; those of other subjects are left out.
        said: what people have said of findings.
        at: the day ignores, support and due dates are judged for.

    Raises:
        NotFoundError, InvalidInputError: there is no host, or these are no results.
        BoundExceededError: the host's databases of packages are over a limit of scans.
    """
    from tidegate.checks.xccdf import MAX_RESULTS_BYTES
    from tidegate.cli.check_documents import read_file

    contents = {path: read_file(path, max_bytes=MAX_RESULTS_BYTES) for path in scap}
    read = {path: _results(call, path, content) for path, content in contents.items()}
    host = None if root is None else _host(call, root)
    software = None if root is None or host is None else _software(settings, root, host)
    if root is not None and host is not None and software is not None:
        kernel = replace(host.kernel, newest=_newer_kernel(software, host))
        host = replace(host, kernel=kernel, weak=_weak(settings, root))
    found = [] if host is None else _judged(host, own)
    failed = [one for results in read.values() for one in results.failed]
    untold = [(f"{path}: {rule}", why) for path, results in read.items() for rule, why in results.untold]
    unread = [*(host.unread if host else ()), *untold]
    names = [host.name or str(root)] if host else []
    names += [target for results in read.values() for target in results.targets if target not in names]
    digest = _digest(host, contents.values())
    inventory = Inventory(digest=digest, name=" ".join(names), layers=(), components=())
    if host is not None and software is not None:
        inventory = _as_host(software, host)
    report = _examined(call, settings, inventory, misconfigurations=(*found, *failed), said=said, at=at)
    return replace(
        report,
        artifact=replace(report.artifact, name=" ".join(names), digest=digest),
        outcomes=(*(_failed(path, why) for path, why in unread), *report.outcomes),
        documents=(*names[:1], *(str(path) for path in scap)),
    )


def _weak(settings: "Settings", root: Path) -> "tuple[WeakProcess, ...]":
    from tidegate.assembly.sensor import confinement_rules
    from tidegate.execution.confinement import BASELINE
    from tidegate.sensor.confined import weak_processes

    proc = root / "proc"
    return weak_processes(confinement_rules(settings, otherwise=BASELINE), proc=proc) if proc.is_dir() else ()


def _failed(path: str, why: str) -> Outcome:
    return Outcome(plugin="host", status=OutcomeStatus.FAILED, location=path, reason=why)


def _software(settings: "Settings", root: Path, host: "Host") -> Inventory:
    """The host's packages, and the programs of its runtimes."""
    from tidegate.assembly.scanner import build_scanner
    from tidegate.oci.image import Folder
    from tidegate.scan.host_files import HostFiles
    from tidegate.scan.parts import ScanParts

    running = [program.path for program in host.programs if program.path and not program.is_replaced]
    scan = build_scanner(settings, parts=ScanParts(secrets=False, custody=False), passed_over=HostFiles(running))
    return scan(Folder(name=host.name or str(root), root=root))


def _as_host(software: Inventory, host: "Host") -> Inventory:
    from tidegate.examination.host import as_host

    return as_host(software, release=host.kernel.release, build=host.kernel.build)


def _newer_kernel(software: Inventory, host: "Host") -> str:
    from tidegate.examination.host import kernels_of

    kernels = kernels_of(software.components, release=host.kernel.release, build=host.kernel.build)
    newest = kernels.newest
    return f"{newest.name} {newest.version}" if newest is not None and kernels.owes_restart else ""


def _examined(
    call: Call,
    settings: "Settings",
    inventory: Inventory,
    *,
    misconfigurations: Sequence[Misconfiguration],
    said: "Said",
    at: date,
) -> ScanReport:
    from tidegate.examination.host import runtimes_first
    from tidegate.examination.priority_profiles import profile_named
    from tidegate.examination.report import full_report
    from tidegate.knowledge.database import Knowledge

    profile = profile_named(settings.scan.sector)
    with ExitStack() as stack:
        knowledge = None
        if inventory.components and settings.db.exists():
            knowledge = stack.enter_context(Knowledge.open(settings.db))
        elif inventory.components:
            call.note(f"no knowledge file at {settings.db}: what is wrong with the host's software is not known")
        report = full_report(
            inventory, knowledge, misconfigurations=misconfigurations, said=said, profile=profile, at=at
        )
    return replace(report, findings=runtimes_first(report.findings))


def _host(call: Call, root: Path) -> "Host":
    from tidegate.hosts.host import read_host

    host = read_host(root)
    if not host.kernel.parameters:
        call.warn(f"{root}/proc tells nothing of the kernel: mount the host's there")
    return host


def _judged(host: "Host", own: Sequence["CheckSet"]) -> list[Misconfiguration]:
    from tidegate.checks.check import own_checks
    from tidegate.checks.host import host_material
    from tidegate.checks.run import run_checks

    material = host_material(host)
    sets = [own_checks("host"), *(one for one in own if one.subject.name == "host")]
    return [one for checks in sets for one in run_checks(checks, material)]


def _results(call: Call, path: Path, content: bytes) -> "ScapResults":
    from tidegate.checks.xccdf import read_xccdf

    results = read_xccdf(content, where=str(path))
    call.note(f"{path}: {len(results.failed)} rules failed, {results.passed} passed on {', '.join(results.targets)}")
    return results


def _digest(host: "Host | None", scap: Iterable[bytes]) -> Digest:
    from tidegate.wire import to_json

    told = [b"" if host is None else to_json(host), *scap]
    return Digest.of(b"".join(hashlib.sha256(one).digest() for one in told))
