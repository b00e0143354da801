# SPDX-License-Identifier: Apache-2.0
"""The host `tidegate check` was pointed at: read, judged, and what could not be read of it."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.artifact import Digest
from tidegate.cli.call import Call
from tidegate.evidence import Misconfiguration, ScannedArtifact, ScanReport
from tidegate.inventory import Outcome, OutcomeStatus

if TYPE_CHECKING:
    from tidegate.checks.check import CheckSet
    from tidegate.checks.xccdf import ScapResults
    from tidegate.inventory.host import Host


def judge_host(
    call: Call, root: Path | None, *, scap: Sequence[Path], own: Sequence["CheckSet"], at: date
) -> ScanReport:
    """Checks how a host is set up.

    Args:
        call: is told what was passed over.
        root: of the host's file system; None for results of others alone.
        scap: results of OpenSCAP, as XCCDF or ARF.
        own: further checks; those of other subjects are left out.
        at: the day ignores are judged for.

    Raises:
        NotFoundError, InvalidInputError: there is no host, or these are no results.
    """
    from tidegate.checks.xccdf import MAX_RESULTS_BYTES
    from tidegate.cli.check_documents import read_file

    contents = {path: read_file(path, max_bytes=MAX_RESULTS_BYTES) for path in scap}
    read = {path: _results(call, path, content) for path, content in contents.items()}
    host = None if root is None else _host(call, root)
    found = [] if host is None else _judged(host, own)
    failed = [one for results in read.values() for one in results.failed]
    untold = [(f"{path}: {rule}", why) for path, results in read.items() for rule, why in results.untold]
    unread = [*(host.unread if host else ()), *untold]
    names = [host.name or str(root)] if host else []
    names += [target for results in read.values() for target in results.targets if target not in names]
    return ScanReport(
        artifact=ScannedArtifact(name=" ".join(names), digest=_digest(host, contents.values()), layers=()),
        components=(),
        findings=(),
        secrets=(),
        configuration=None,
        support=(),
        outcomes=tuple(
            Outcome(plugin="host", status=OutcomeStatus.FAILED, location=path, reason=why) for path, why in unread
        ),
        knowledge=None,
        at=at,
        misconfigurations=(*found, *failed),
        documents=(*names[:1], *(str(path) for path in scap)),
    )


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
