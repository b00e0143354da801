# SPDX-License-Identifier: Apache-2.0
"""Bandit and Semgrep, run over a folder when they are installed: with local rules, without network, within bounds.

A folder's own settings for these tools are not heeded: Semgrep gets its rules by path, no token, no metrics and no
version check; Bandit gets an empty set-up.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tidegate.bounds import MIB
from tidegate.development.intake.bandit import read_bandit
from tidegate.development.intake.sarif import read_sarif_findings
from tidegate.development.intake.tool_finding import ToolReport
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, OutsideError
from tidegate.values import Struct, replace

_ENVIRONMENT: Final[Mapping[str, str]] = {
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "SEMGREP_SEND_METRICS": "off",
    "SEMGREP_ENABLE_VERSION_CHECK": "0",
    # Whatever would ask out all the same meets a proxy that is not there.
    "https_proxy": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}
_SKIPPED: Final = ("node_modules", ".venv", "venv", "vendor", ".git", "dist", "__pycache__")
_CHUNK_BYTES: Final = 64 * 1024


class RunLimits(Struct, frozen=True, kw_only=True):
    """How long and how much.

    Attributes:
        seconds: of wall clock; then it is killed.
        max_bytes: of its report.
    """

    seconds: float = 300.0
    max_bytes: int = 64 * MIB


DEFAULT_LIMITS: Final = RunLimits()


def run_bandit(folder: Path, *, program: str = "", limits: RunLimits = DEFAULT_LIMITS) -> ToolReport | None:
    """What Bandit finds in a folder; None when it is not installed.

    Raises:
        BoundExceededError: it ran too long or said too much.
        OutsideError: it failed.
    """
    found = _program("bandit", program)
    if found is None:
        return None
    with tempfile.TemporaryDirectory(prefix="tidegate-") as scratch:
        setup = Path(scratch, "bandit.yaml")
        setup.write_text("{}\n")
        ini = Path(scratch, "bandit.ini")
        ini.write_text("[bandit]\n")  # else it takes one out of the folder
        output = _run(
            [
                found,
                "-r",
                ".",
                "-f",
                "json",
                "-q",
                "-c",
                str(setup),
                "--ini",
                str(ini),
                "-x",
                ",".join(f"*/{it}/*" for it in _SKIPPED),
            ],
            folder,
            Path(scratch),
            fine=(0, 1),
            limits=limits,
        )
    return read_bandit(output, where="bandit")


def run_semgrep(
    folder: Path, rules: Sequence[Path], *, program: str = "", limits: RunLimits = DEFAULT_LIMITS
) -> ToolReport | None:
    """What Semgrep finds by local rules; None when it is not installed.

    Args:
        folder: what is looked at.
        rules: files or folders of rules; names of rule sets that would be fetched are refused.
        program: where it is; "" looks.
        limits: how long and how much.

    Raises:
        NotFoundError: a rule is not there.
        BoundExceededError: it ran too long or said too much.
        OutsideError: it failed.
    """
    found = _program("semgrep", program)
    if found is None:
        return None
    configs: list[str] = []
    for rule in rules:
        if not rule.exists():
            raise NotFoundError("no such rules", where=str(rule), remedy="name a file or folder of Semgrep rules")
        configs += ["--config", str(rule.absolute())]
    if not configs:
        raise InvalidInputError("no rules for Semgrep", remedy="name a file or folder of them: none are fetched")
    with tempfile.TemporaryDirectory(prefix="tidegate-") as scratch:
        output = _run(
            [
                *(found, "scan", "--sarif", "--quiet", "--metrics=off", "--disable-version-check", "--no-git-ignore"),
                *("--no-rewrite-rule-ids", f"--timeout={int(limits.seconds)}"),
                *(f"--exclude={it}" for it in _SKIPPED),
                *configs,
                ".",
            ],
            folder,
            Path(scratch),
            fine=(0, 1),
            limits=limits,
        )
    report = read_sarif_findings(output, where="semgrep")
    named = tuple(replace(it, tool="semgrep") for it in report.findings)
    return replace(report, tools=("semgrep",), findings=named)


def _program(name: str, told: str) -> str | None:
    return shutil.which(told or name)


def _run(command: Sequence[str], folder: Path, scratch: Path, *, fine: tuple[int, ...], limits: RunLimits) -> bytes:
    """Standard output of a program, which is killed with its children at a limit."""
    name = Path(command[0]).name
    environment = {**_ENVIRONMENT, "HOME": str(scratch), "PATH": f"{Path(command[0]).parent}:{_ENVIRONMENT['PATH']}"}
    errors = scratch / "stderr"
    try:
        with (
            errors.open("wb") as complaints,
            subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,
            ) as process,
        ):
            output, limit = _read(process, limits)
    except OSError as error:
        raise OutsideError(f"cannot be run: {error.strerror}", where=name) from error
    if limit:
        raise BoundExceededError(limit, limits.seconds if limit == "seconds" else limits.max_bytes, where=name)
    if process.returncode not in fine:
        said = errors.read_bytes()[-2000:].decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise OutsideError(f"ended with {process.returncode}: {said[:300]}", where=name)
    return output


def _read(process: "subprocess.Popen[bytes]", limits: RunLimits) -> tuple[bytes, str]:
    """What it says until it ends, and the limit at which it was killed."""
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(limits.seconds, end)
    timer.daemon = True
    timer.start()
    chunks: list[bytes] = []
    size = 0
    try:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        while chunk := process.stdout.read(_CHUNK_BYTES):
            chunks.append(chunk)
            size += len(chunk)
            if size > limits.max_bytes:
                _kill(process)
                return b"", "max_bytes"
        process.wait()
    finally:
        timer.cancel()
        timer.join()
    return b"".join(chunks), "seconds" if late.is_set() else ""


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
        os.killpg(process.pid, signal.SIGKILL)
