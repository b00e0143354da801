# SPDX-License-Identifier: Apache-2.0
"""How a decision is told: what many rules say of one thing once, the worst first, what was excepted last."""

from pathlib import Path

import pytest
from cli_run import Run

from tidegate.cli.admit import _lines
from tidegate.evidence import Reason, Verdict


def test_reasons_are_told_once_worst_first() -> None:
    warning = Reason(rule="root-user", verdict=Verdict.WARN, message="runs as root")
    excepted = Reason(rule="secrets", verdict=Verdict.DENY, message="a key", excepted_by="old-key")
    missing = [Reason(rule=name, verdict=Verdict.DENY, message="no scan") for name in ("evidence", "malicious")]
    steering = Reason(rule="x", verdict=Verdict.WARN, message="\x1b[2J")
    lines = _lines((warning, excepted, *missing, steering))
    assert [line.strip()[0] for line in lines] == ["✘", "!", "!", "·"]
    assert lines[0] == "  ✘ no scan  [evidence, malicious]\n"
    assert "excepted by old-key" in lines[-1]
    assert not any("\x1b" in line for line in lines)


@pytest.mark.parametrize("start", [b"\x1f\x8b\x08", b"manifest.json" + bytes(100)])
def test_an_archive_is_no_file_of_manifests(run: Run, tmp_path: Path, start: bytes) -> None:
    archive = tmp_path / "image.tar"
    archive.write_bytes(start)
    ran = run("admit", archive, "--to", "execution", "--dry-run")
    assert (ran.status, ran.out) == (2, "")
    assert "is no file of Kubernetes manifests" in ran.err
    assert "--to curation reads archives" in ran.err
