# SPDX-License-Identifier: Apache-2.0
"""From what went wrong to one line on standard error and an exit status."""

import os
import sys
from collections.abc import Callable
from typing import Final

from tidegate.bounds import printable
from tidegate.errors import TidegateError

OUTSIDE: Final = 3
INTERRUPTED: Final = 130


def guarded(act: Callable[[], int], *, debug: bool = False) -> int:
    """Runs an act to its exit status; no exception leaves.

    Args:
        act: what to run; returns an exit status.
        debug: show the traceback of an unexpected exception; `TIDEGATE_DEBUG=1` does too.
    """
    try:
        status = act()
        sys.stdout.flush()
    except BrokenPipeError:
        close_quietly()
        return OUTSIDE
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except TidegateError as error:
        say(str(error))
        return error.exit_status
    except Exception as error:  # noqa: BLE001 - the last one to hear of it
        return _unexpected(error, debug=debug)
    return status


def say(text: str) -> None:
    """Writes one line on standard error, with the program's name; a closed standard error is nobody's failure."""
    try:
        sys.stderr.write(f"tidegate: {printable(text)}\n")
        sys.stderr.flush()
    except OSError:
        pass


def close_quietly() -> None:
    """Points standard output at nothing, so that the interpreter's last flush finds no closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _unexpected(error: Exception, *, debug: bool) -> int:
    from tidegate.settings.load import debug_wanted

    if debug or debug_wanted():
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError) and error.strerror:
        say(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
        return OUTSIDE
    say(
        f"unexpected {type(error).__name__}: {str(error)[:200]}; this is a defect of tidegate: "
        "run it again with --debug and report what it prints"
    )
    return OUTSIDE
