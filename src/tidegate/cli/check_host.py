# SPDX-License-Identifier: Apache-2.0
"""The host `tidegate check` was pointed at: read, judged, and what could not be read of it."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.artifact import Digest
from tidegate.cli.call import Call
from tidegate.evidence import ScannedArtifact, ScanReport
from tidegate.inventory import Outcome, OutcomeStatus

if TYPE_CHECKING:
    from tidegate.checks.check import CheckSet


def judge_host(call: Call, root: Path, *, own: Sequence["CheckSet"], at: date) -> ScanReport:
    """Checks how a host is set up.

    Args:
        call: is told what was passed over.
        root: of the host's file system.
        own: further checks; those of other subjects are left out.
        at: the day ignores are judged for.

    Raises:
        NotFoundError, InvalidInputError: there is no host.
    """
    from tidegate.checks.check import own_checks
    from tidegate.checks.host import host_material
    from tidegate.checks.run import run_checks
    from tidegate.hosts.host import read_host
    from tidegate.wire import to_json

    host = read_host(root)
    material = host_material(host)
    sets = [own_checks("host"), *(one for one in own if one.subject.name == "host")]
    found = [one for checks in sets for one in run_checks(checks, material)]
    if not host.kernel.parameters:
        call.warn(f"{root}/proc tells nothing of the kernel: mount the host's there")
    name = host.name or str(root)
    return ScanReport(
        artifact=ScannedArtifact(name=name, digest=Digest.of(to_json(host)), layers=()),
        components=(),
        findings=(),
        secrets=(),
        configuration=None,
        support=(),
        outcomes=tuple(
            Outcome(plugin="host", status=OutcomeStatus.FAILED, location=path, reason=why) for path, why in host.unread
        ),
        knowledge=None,
        at=at,
        misconfigurations=tuple(found),
        documents=(name,),
    )
