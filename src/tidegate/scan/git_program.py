# SPDX-License-Identifier: Apache-2.0
"""The `git` program over a repository nobody vouches for.

It runs without hooks, without the external programs, filters and signatures a repository can name, and without fetching
anything; user and system configuration are not read, nor objects that replace others.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

from tidegate.errors import InvalidInputError, OutsideError

_SAFE: Final = (
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.attributesFile=/dev/null", "core.pager=cat",
    "core.quotePath=false", "protocol.allow=never", "safe.directory=*", "log.showSignature=false", "diff.external=",
    "log.mailmap=false", "core.commitGraph=false",
)  # fmt: skip
_ENVIRONMENT: Final = {
    "PATH": f"{os.defpath}:/usr/local/bin",
    "LC_ALL": "C",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
}


@contextmanager
def git_output(
    folder: Path,
    arguments: Sequence[str],
    *,
    stdin: IO[bytes] | None = None,
    settings: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[IO[bytes]]:
    """Runs git and hands over what it writes; whatever happens, it is gone afterwards.

    Args:
        folder: a working tree or a bare repository.
        arguments: the command of git and its own; what comes from outside stands behind `--end-of-options` or `--`.
        stdin: what it reads; None for nothing.
        settings: more of them, `name=value`; they win over the repository's own.
        environment: more variables of git.

    Raises:
        InvalidInputError: git ended with an error.
        OutsideError: there is no git program.
    """
    given = [part for setting in (*_SAFE, *settings) for part in ("-c", setting)]
    command = ["git", "--no-pager", *given, "-C", str(folder), *arguments]
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(
                command,
                stdin=stdin or subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env={**_ENVIRONMENT, **(environment or {})},
            )
        except OSError as error:
            raise OutsideError("git cannot be run", where=str(folder), remedy="install git") from error
        with process:
            try:
                yield cast("IO[bytes]", process.stdout)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            complaints.seek(0)
            said = complaints.read(2_000).decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise InvalidInputError(f"git cannot read it: {said}", where=str(folder))
